"""Decides an alarm's state from the closed periods of its evaluation range. Pure."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

REACH_BACK = 2  # periods read beyond those evaluated, for data that came late


class State(StrEnum):
    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class Missing(StrEnum):
    """What stands in for periods without data."""

    MISSING = "missing"
    IGNORE = "ignore"
    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"


COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DatapointRule:
    """When a row of periods is an alarm: ``datapoints_to_alarm`` of ``evaluation_periods`` breach."""

    threshold: float
    comparison: str
    evaluation_periods: int
    datapoints_to_alarm: int
    missing: Missing = Missing.MISSING

    @property
    def range_length(self) -> int:
        """How many periods an evaluation reads."""
        return self.evaluation_periods + REACH_BACK

    def breaches(self, value: float) -> bool:
        return COMPARISONS[self.comparison](value, self.threshold)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """``state`` is None where the alarm keeps the state it has. ``used``: indices of the points it rests on."""

    state: State | None
    used: tuple[int, ...]
    filled: int  # how many periods the missing-data treatment stood in for


def evaluate(rule: DatapointRule, points: Sequence[float | None]) -> Evaluation:
    """Judge the completed periods of one evaluation range, oldest first; None is a period without data.

    With at least ``evaluation_periods`` real points the newest of them decide, reaching back over gaps.
    Otherwise all real points count and the treatment of missing data fills as few periods as possible.
    """
    real = [index for index, value in enumerate(points) if value is not None]
    used = tuple(real[-rule.evaluation_periods :])
    filled = rule.evaluation_periods - len(used)
    breaching = [index for index in used if _breaches_at(rule, points, index)]
    if filled == 0:
        state: State | None = State.ALARM if len(breaching) >= rule.datapoints_to_alarm else State.OK
    else:
        state = _with_gaps(rule, points, used, breaching)
    return Evaluation(state, used, filled)


def _with_gaps(
    rule: DatapointRule, points: Sequence[float | None], used: Sequence[int], breaching: Sequence[int]
) -> State | None:
    filled = rule.evaluation_periods - len(used)
    counted = len(breaching) + (filled if rule.missing is Missing.BREACHING else 0)
    if counted >= rule.datapoints_to_alarm:
        return State.ALARM
    if rule.missing in (Missing.BREACHING, Missing.NOT_BREACHING):
        return State.OK
    if len(breaching) < len(used) and not _is_due(rule, points, used, breaching):
        return State.OK
    if rule.missing is Missing.IGNORE:
        return None
    if not used:
        return State.INSUFFICIENT_DATA
    return State.ALARM if _is_due(rule, points, used, breaching) else None


def _is_due(rule: DatapointRule, points: Sequence[float | None], used: Sequence[int], breaching: Sequence[int]) -> bool:
    """With too few points to tell: the oldest breach is M periods old and nothing since was fine.

    A younger breach is left alone, so that one point after a gap does not raise the alarm too early.
    """
    if rule.missing is not Missing.MISSING or len(used) >= rule.datapoints_to_alarm or not breaching:
        return False
    age = len(points) - breaching[0]
    return age >= rule.datapoints_to_alarm and len([i for i in used if i >= breaching[0]]) == len(breaching)


def _breaches_at(rule: DatapointRule, points: Sequence[float | None], index: int) -> bool:
    value = points[index]
    return value is not None and rule.breaches(value)


def samples_wanted(percentile: float) -> float:
    """Fewer samples than this are too few for a percentile (a share, e.g. 0.95) to mean anything."""
    beyond = percentile if percentile < 0.5 else 1 - percentile
    return round(10 / beyond, 6) if beyond else 0.0  # 10 / (1 - 0.9) is not quite 100
