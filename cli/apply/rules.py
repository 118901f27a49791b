"""What only `sluice apply` checks of a spec: time zones, the stage that a gate is of, and gates that nothing can pass.

None of it is checked when a stored spec is read: one that an earlier release has stored stays readable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from math import inf
from zoneinfo import available_timezones

from sluice.errors import Problem
from sluice.rollout.gates.freeze_windows import zone
from sluice.rollout.gates.gates import HUMAN
from sluice.spec.pipeline import Limit, QualityGate
from sluice.spec.rules import Rule
from sluice.spec.schema.reading import suggest

_POSSIBLE = {
    **dict.fromkeys(("mse", "rmse", "mae", "log_loss"), (0.0, inf)),
    **dict.fromkeys(("auc", "accuracy"), (0.0, 1.0)),
    "r2": (-inf, 1.0),
}
"""The values that a metric of the quality gate can have."""

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


def quality_rules() -> tuple[Rule, ...]:
    """Refuse limits of ``pipeline.gate`` that no version can keep to."""

    def unreachable(gate: QualityGate) -> Iterator[Problem]:
        for name, (least, most) in _POSSIBLE.items():
            limit: Limit = getattr(gate, name)
            if limit.max is not None and limit.max < least:
                yield _never(f"pipeline.gate.{name}.max", limit.max, f"{least:g} or more", f"{name} is never below it")
            if limit.min is not None and limit.min > most:
                yield _never(f"pipeline.gate.{name}.min", limit.min, f"{most:g} or less", f"{name} is never above it")
            if limit.min is not None and limit.max is not None and limit.min > limit.max:
                yield _never(f"pipeline.gate.{name}.max", limit.max, f"{limit.min:g} or more (min)", "it is below min")

    return (Rule(("pipeline.gate",), unreachable),)


def _never(path: str, value: float, allowed: str, why: str) -> Problem:
    return Problem(path, value, allowed, f"no version can pass {value:g}: {why}")


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
