"""The samples of one interval and what CloudWatch's statistics say about them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import exp, floor, inf, log

DISTINCT_MAX = 512  # distinct values kept exactly; beyond that, values are rounded by at most half a percent
_BIN = log(1.01)

_PERCENTILE = re.compile(r"(?P<kind>p|tm)(?P<percent>\d{1,2}(\.\d{0,10})?|100)")
_RANGE = re.compile(r"(?P<kind>TC|PR)\((?P<low>-?\d*\.?\d*):(?P<high>-?\d*\.?\d*)\)")


class StatisticError(Exception):
    """A statistic that CloudWatch, or this one, does not know."""


@dataclass(slots=True)
class Distribution:
    """A bounded multiset of samples; count, sum, minimum and maximum are always exact."""

    count: float = 0.0
    total: float = 0.0
    minimum: float = inf
    maximum: float = -inf
    values: dict[float, float] = field(default_factory=dict)  # value -> how often

    def add(self, value: float, times: float = 1.0) -> None:
        self.count += times
        self.total += value * times
        self.minimum = min(self.minimum, value)
        self.maximum = max(self.maximum, value)
        self._keep(value, times)

    def add_summary(self, *, count: float, total: float, minimum: float, maximum: float) -> None:
        """Add a customer's statistic set; like CloudWatch, percentiles see it only if all samples are equal."""
        self.count += count
        self.total += total
        self.minimum = min(self.minimum, minimum)
        self.maximum = max(self.maximum, maximum)
        if minimum == maximum:
            self._keep(minimum, count)

    def merge(self, other: Distribution) -> None:
        self.count += other.count
        self.total += other.total
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)
        for value, times in other.values.items():
            self._keep(value, times)

    def _keep(self, value: float, times: float) -> None:
        if value not in self.values and len(self.values) >= DISTINCT_MAX:
            value = _rounded(value)
        self.values[value] = self.values.get(value, 0.0) + times


def _rounded(value: float) -> float:
    """The middle of the logarithmic bin, one percent wide, which the value falls in."""
    if value == 0:
        return 0.0
    middle = exp((floor(log(abs(value)) / _BIN) + 0.5) * _BIN)
    return middle if value > 0 else -middle


_PLAIN: Mapping[str, Callable[[Distribution], float]] = {
    "SampleCount": lambda seen: seen.count,
    "Sum": lambda seen: seen.total,
    "Average": lambda seen: seen.total / seen.count,
    "Minimum": lambda seen: seen.minimum,
    "Maximum": lambda seen: seen.maximum,
}


def parse_statistic(name: str) -> Callable[[Distribution], float | None]:
    """How to compute a statistic of a non-empty distribution; None where raw samples would be needed.

    ``pNN`` is the nearest rank, so always a value that occurred; ``tmNN`` the mean of the samples up to there;
    ``TC(a:b)`` and ``PR(a:b)`` the number and percentage of samples above a and up to b. StatisticError for others.
    """
    if name in _PLAIN:
        return _PLAIN[name]
    if found := _PERCENTILE.fullmatch(name):
        share = float(found["percent"]) / 100
        pick = _percentile if found["kind"] == "p" else _trimmed_mean
        return lambda seen: pick(seen, share) if seen.values else None
    if (found := _RANGE.fullmatch(name)) and (found["low"] or found["high"]):
        low = float(found["low"]) if found["low"] else -inf
        high = float(found["high"]) if found["high"] else inf
        scale_to_percent = found["kind"] == "PR"
        return lambda seen: _within(seen, low, high, scale_to_percent=scale_to_percent) if seen.values else None
    raise StatisticError(f"The value {name} for parameter Stat is not supported.")


def percentile_of(name: str) -> float | None:
    """The share of a ``pNN`` statistic, e.g. 0.95 for p95; None for other statistics."""
    found = _PERCENTILE.fullmatch(name)
    return float(found["percent"]) / 100 if found and found["kind"] == "p" else None


def _percentile(seen: Distribution, share: float) -> float:
    values = sorted(seen.values)
    running, cumulated = 0.0, []
    for value in values:
        running += seen.values[value]
        cumulated.append(running)
    # The tolerance keeps 0.95 x 20 = 19.000000000000004 from asking for the 20th sample.
    rank = bisect_left(cumulated, share * running * (1 - 1e-12))
    return min(max(values[min(rank, len(values) - 1)], seen.minimum), seen.maximum)


def _trimmed_mean(seen: Distribution, share: float) -> float:
    left = max(share * sum(seen.values.values()), 1.0)
    kept = total = 0.0
    for value in sorted(seen.values):
        taken = min(seen.values[value], left - kept)
        if taken <= 0:
            break
        kept += taken
        total += value * taken
    return total / kept


def _within(seen: Distribution, low: float, high: float, *, scale_to_percent: bool) -> float:
    count = sum(times for value, times in seen.values.items() if low < value <= high)
    return 100 * count / sum(seen.values.values()) if scale_to_percent else count
