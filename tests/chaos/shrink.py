"""Makes a scenario that breaks a promise as short as it can be while it still breaks the same one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.chaos.scenario import Call, Scenario

PLAIN = {
    "scaled": False,
    "gate": False,
    "watch": 0,
    "on_doubt": "roll_back",
    "policy": "supersede",
    "pace": 1.0,
    "bad": frozenset(),
    "broken": frozenset(),
}


def shrink(scenario: Scenario, is_broken: Callable[[Scenario], bool], tries: int = 150) -> Scenario:
    """The shortest scenario found in so many tries."""
    left = tries
    progress = True
    while progress and left > 0:
        progress = False
        for smaller in _smaller(scenario):
            left -= 1
            if left < 0:
                break
            if is_broken(smaller):
                scenario, progress = smaller, True
                break
    return scenario


def _smaller(scenario: Scenario) -> Iterator[Scenario]:
    incidents = scenario.incidents
    for number in reversed(range(len(incidents))):
        yield replace(scenario, incidents=incidents[:number] + incidents[number + 1 :])
    for name, plain in PLAIN.items():
        if getattr(scenario, name) != plain:
            yield replace(scenario, **{name: plain})  # type: ignore[arg-type]
    for number, incident in enumerate(incidents):
        if not isinstance(incident.at, Call) and incident.at > 60 and incident.at % 60:
            whole = replace(incident, at=float(round(incident.at / 60) * 60))
            yield replace(scenario, incidents=(*incidents[:number], whole, *incidents[number + 1 :]))
