"""Draws what happens at calls that decide: each operation of each function is as likely as another, however rare it is.

A run calls AWS some thousand times, and most calls only look whether something is ready. So the calls of a plain run
are recorded once for each kind of run, and a moment is drawn by function, then by operation, then by number.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache

from tests.chaos import rules
from tests.chaos.calls import CALL_FAULTS, CHANGES
from tests.chaos.people import tools
from tests.chaos.scenario import Call, Incident, Scenario
from tests.chaos.simulation import Simulation

Points = Mapping[str, Mapping[str, int]]
"""Function -> operation -> how often it is called."""

COURSE = (
    Incident(0, "approve", version=2),
    Incident(10000, "approve", version=3),
    Incident(10100, "abort"),
    Incident(20000, "approve", version=4),
    Incident(20300, "alarm rings", version=4),
    Incident(30000, "reject", version=2),
)
"""One version is promoted, two are taken back, and the one that serves is rejected: a run that comes everywhere."""

ACTS = {
    "approve": 10, "abort": 5, "alarm rings": 4, "reject": 3, "reject unheard": 5, "config by hand": 3, "pause": 2,
    "delete": 1, "stop execution": 1, "retry": 1, "replay decision": 1, "promote": 1, "continue": 1, "annotate": 1,
    "weights by hand": 1, "maintenance": 1, "autoscaling": 1, "apply": 1, "delete alarm": 1, "shortage": 1,
}  # fmt: skip
"""What others do in the moment before a call, by how often."""

HEARD = ("approve", "alarm rings", "reject", "stop execution", "retry", "replay decision")
"""Acts of which an event tells, a second later: in the moment itself nothing comes of them."""

LASTING = ("maintenance", "shortage")
READS = frozenset(
    {"get", "get_all", "query", "query_index", "describe", "head", "read", "registered", "alarm_states", "counts"}
    | {"latency_summaries", "approved", "newest", "status", "started_at", "model_created_at", "current_versions"}
)

DECIDING = {"plan_rollout": 5, "shift_traffic": 5, "promote_candidate": 5, "provision_candidate": 3, "open_rollout": 2}
"""Functions that take the lock, move traffic and promote are aimed at more often than the others."""

CAUSES = ("abort", "reject")
FORWARD = ("plan_rollout", "provision_candidate", "shift_traffic", "analyze_stage")
BACK = ("abort_rollout", "roll_back")
"""Functions that are at work only after one of the causes."""


def aimed(dice: random.Random, base: Scenario, sent: Sequence[str] = (), functions: Collection[str] = ()) -> Scenario:
    """The scenario, with incidents at drawn calls.

    ``sent``: what is sent besides, if it is no rollout, and ``functions``: those that handle it.
    """
    course = tuple(Incident(100 * at, each, version=at % 4 + 1) for at, each in enumerate(2 * tuple(sent), 1))
    points = _points(base.family, base.strategy, base.endpoint, (COURSE[0], *course) if sent else COURSE)
    if functions:
        points = {name: points[name] for name in functions if name in points}
    incidents: list[Incident] = []
    place = _function(dice, points)
    for number in range(dice.choice((2, 2, 3))):
        if number and dice.random() < 0.3:
            place = _function(dice, points)
        if not sent and place in BACK and not any(each.what in CAUSES for each in incidents):
            before = _call(dice, _function(dice, {name: points[name] for name in FORWARD if name in points}), points)
            incidents.append(Incident(before, dice.choice(CAUSES), version=2))
        incidents += _at(dice, _call(dice, place, points), sent)
    return replace(base, incidents=(*incidents, *base.incidents))


def _at(dice: random.Random, at: Call, sent: Sequence[str]) -> list[Incident]:
    """The call fails in one of the ways of a call; or others act before it, and for a while go on."""
    if dice.random() < 0.25:
        return [Incident(at, dice.choice([each for each in CALL_FAULTS if each != "stalled"]))]
    if sent:
        act = Incident(at, dice.choice(tuple(sent)), version=dice.randint(1, 4))
    else:
        what, unheard, _ = dice.choices(tuple(ACTS), tuple(ACTS.values()))[0].partition(" unheard")
        version = dice.choice((3, 3, 4)) if what == "approve" else dice.choice((2, 2, 2, 3, 1))
        lasts = dice.choice((60, 600, 3600)) if what in LASTING else 0
        act = Incident(at, what, unheard.strip(), version=version, seconds=lasts)
    seconds = dice.choice((3, 3, 20, 50) if sent or (act.what in HEARD and not act.of) else (0, 0, 0.5, 3, 20, 50))
    return [act, Incident(at, "stalled", seconds=seconds)] if seconds else [act]


@cache
def _points(family: str, strategy: str, endpoint: str, course: tuple[Incident, ...]) -> Points:
    """The calls of a run of this kind, in which no call fails."""
    plain = Scenario(family=family, strategy=strategy, endpoint=endpoint, watch=120, incidents=course)
    with tools():
        simulation = Simulation(plain, rules)
        simulation.run()
    found: dict[str, dict[str, int]] = {}
    for name, count in simulation.calls.items():
        function, _, operation = name.partition(":")
        if operation:
            found.setdefault(function, {})[operation] = count
    return found


def _function(dice: random.Random, points: Points) -> str:
    return _chosen(dice, {name: DECIDING.get(name, 1) for name in points})


def _call(dice: random.Random, function: str, points: Points) -> Call:
    counts = points[function]
    weights = {each: 1 if each in READS else 6 if each in CHANGES else 2 for each in counts}
    operation = _chosen(dice, weights)
    nth = 1
    while dice.random() < 0.5:
        nth += 1
    return Call(function, min(nth, counts[operation]), operation)


def _chosen(dice: random.Random, weights: Mapping[str, int]) -> str:
    """One of them; the same one again if others come to be among them, unless it is one of those."""
    salt = dice.random()
    return max(weights, key=lambda each: random.Random(f"{salt} {each}").random() ** (1 / weights[each]))
