"""The functions of metric math."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import fsum

from localaws.services.cloudwatch.metric_math.syntax import ExpressionError

Series = dict[int, float]  # period start -> value, in order of time
Array = list[Series]
Value = float | str | Series | Array
KEYWORDS = frozenset({"REPEAT", "LINEAR"})


@dataclass(frozen=True, slots=True)
class PeriodRange:
    periods: Sequence[int]  # starts of all periods of the range
    period: int  # seconds


@dataclass(frozen=True, slots=True)
class MathFunction:
    """A function with its least and greatest number of arguments."""

    compute: Callable[[Sequence[Value], PeriodRange], Value]
    least: int = 1
    most: int = 1


def lift(apply: Callable[[Value, Value], Value], left: Value, right: Value) -> Array:
    """Apply to each series of the one array among the two."""
    if isinstance(left, list) and isinstance(right, list):
        raise ExpressionError("unsupported operands: two arrays of time series")
    if isinstance(left, list):
        return [_series(apply(item, right)) for item in left]
    assert isinstance(right, list)
    return [_series(apply(left, item)) for item in right]


def _series(value: Value) -> Series:
    if not isinstance(value, dict):
        raise ExpressionError("expected a time series")
    return value


def _reduction(reduce: Callable[[list[float]], float]) -> MathFunction:
    """One series becomes a number; an array becomes one series, period by period over what is there."""

    def compute(arguments: Sequence[Value], _context: PeriodRange) -> Value:
        (values,) = arguments
        if isinstance(values, list):
            times = sorted({time for series in values for time in series})
            return {time: reduce([series[time] for series in values if time in series]) for time in times}
        points = list(_series(values).values())
        return reduce(points) if points else {}

    return MathFunction(compute)


def _mapping(apply: Callable[[Series], Series]) -> MathFunction:
    """A function of one series, or of each of an array."""

    def compute(arguments: Sequence[Value], _context: PeriodRange) -> Value:
        (values,) = arguments
        return [apply(series) for series in values] if isinstance(values, list) else apply(_series(values))

    return MathFunction(compute)


def _if(arguments: Sequence[Value], _context: PeriodRange) -> Value:
    """Without a condition there is no point; a chosen branch without a point counts as 0, a left-out one drops."""
    condition, *branches = arguments
    if isinstance(condition, float):
        chosen = 0 if condition else 1
        return branches[chosen] if chosen < len(branches) else {}
    result: Series = {}
    for time, truth in _series(condition).items():
        chosen = 0 if truth else 1
        if chosen < len(branches):
            result[time] = _branch_at(branches[chosen], time)
    return result


def _branch_at(branch: Value, time: int) -> float:
    return branch if isinstance(branch, float) else _series(branch).get(time, 0.0)


def _fill(arguments: Sequence[Value], context: PeriodRange) -> Value:
    values, filler = arguments
    if isinstance(values, list):
        return [_filled(series, filler, context.periods) for series in values]
    return _filled(_series(values), filler, context.periods)


def _filled(series: Series, filler: Value, periods: Sequence[int]) -> Series:
    if isinstance(filler, float):
        return {time: series.get(time, filler) for time in periods}
    if isinstance(filler, dict):
        return {time: series.get(time, filler.get(time, 0.0)) for time in periods if time in series | filler}
    if filler == "REPEAT":
        return dict(_repeated(series, periods))
    if filler == "LINEAR":
        return dict(_interpolated(series, periods))
    raise ExpressionError("FILL takes a number, a time series, REPEAT or LINEAR")


def _repeated(series: Series, periods: Sequence[int]) -> Iterator[tuple[int, float]]:
    last = None
    for time in periods:
        last = series.get(time, last)
        if last is not None:
            yield time, last


def _interpolated(series: Series, periods: Sequence[int]) -> Iterator[tuple[int, float]]:
    """Between two points only: nothing is known before the first and after the last."""
    known = dict(series)
    for (begin, first), (end, last) in pairwise(series.items()):
        for time in periods:
            if begin < time < end:
                known[time] = first + (last - first) * (time - begin) / (end - begin)
    yield from sorted(known.items())


def _rate(series: Series) -> Series:
    """Change per second since the point before."""
    return {now: (value - past) / (now - then) for (then, past), (now, value) in pairwise(series.items())}


def _diff(series: Series) -> Series:
    return {now: value - past for (_, past), (now, value) in pairwise(series.items())}


def _running_sum(series: Series) -> Series:
    return dict(zip(series, accumulate(series.values()), strict=True))


def _period(_arguments: Sequence[Value], context: PeriodRange) -> Value:
    return float(context.period)


FUNCTIONS: Mapping[str, MathFunction] = {
    "SUM": _reduction(fsum),
    "AVG": _reduction(lambda values: fsum(values) / len(values)),
    "MIN": _reduction(min),
    "MAX": _reduction(max),
    "IF": MathFunction(_if, least=2, most=3),
    "FILL": MathFunction(_fill, least=2, most=2),
    "RATE": _mapping(_rate),
    "DIFF": _mapping(_diff),
    "RUNNING_SUM": _mapping(_running_sum),
    "PERIOD": MathFunction(_period),
}
