"""What only `sluice apply` can check of a spec: time zones by their list, and the stage that a gate is of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from zoneinfo import available_timezones

from sluice.errors import Problem
from sluice.rollout.gates.freeze_windows import zone
from sluice.rollout.gates.gates import HUMAN
from sluice.spec.rules import Rule
from sluice.spec.schema.reading import suggest

_TIME_ZONES = ("schedule.timezone", "endpoint.batch.schedule.timezone", "rollout.windows.timezone")


def time_zone_rules() -> tuple[Rule, ...]:
    """Refuse time zones that do not exist. Functions do not check it: that would read the database at each start."""

    def unknown(path: str, name: str) -> Iterator[Problem]:
        try:
            zone(name)
        except LookupError as error:
            hint = suggest(name, sorted(available_timezones()))
            yield Problem(path, name, "a name such as Europe/Berlin", f"{error}{hint}")

    return tuple(Rule((path,), partial(unknown, path)) for path in _TIME_ZONES)


def gate_rules(stage: str) -> tuple[Rule, ...]:
    """Refuse gates of another stage: the functions of this one may not ask them."""
    prefix = f"sluice-{stage}-gate-"

    def check(path: str, gate: str) -> Iterator[Problem]:
        if gate != HUMAN and f":function:{prefix}" not in gate:
            yield Problem(path, gate, f"human, or the ARN of a function called {prefix}<name>", "is of another stage")

    def check_stages(gates: Mapping[str, str | None]) -> Iterator[Problem]:
        for path, gate in gates.items():
            yield from check(path, gate) if gate else ()

    return (Rule(("rollout.gate",), partial(check, "rollout.gate")), Rule(("rollout.stages[].gate",), check_stages))
