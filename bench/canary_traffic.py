"""Simulated canary rollouts: minutes of traffic, some of it unkind, as the rows a judge would read.

Requests of each variant are Poisson and errors binomial among them; equivalently, and that is how they are
drawn, failed and served requests are independent Poisson counts. Everything is drawn from the generator that is
passed in, so a seed fixes a whole study.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate
from math import exp, floor, lgamma, log, log10, sqrt

from sluice.rollout.analysis.e_process import Row

HOUR = 60  # minutes


@dataclass(frozen=True, slots=True)
class Minute:
    """What is true of one minute: requests per minute, the canary's share of them, error rates."""

    requests: float
    weight: float
    canary_rate: float
    baseline_rate: float


Rollout = Callable[[random.Random], Iterator[Minute]]


@dataclass(frozen=True, slots=True)
class Cell:
    """A healthy endpoint: requests per minute, the canary's share of them, the usual error rate."""

    requests: float
    weight: float
    rate: float

    def minute(self, ratio: float = 1.0, margin: float = 0.0) -> Minute:
        """With a canary that fails ``ratio`` times as often plus ``margin``."""
        return Minute(self.requests, self.weight, min(1.0, ratio * self.rate + margin), self.rate)


USUAL, QUIET = Cell(1000, 0.1, 0.01), Cell(100, 0.1, 0.01)


def rows(rollout: Rollout, generator: random.Random) -> list[Row]:
    """Play one rollout."""
    return [_draw(minute, generator) for minute in rollout(generator)]


def steady(cell: Cell, ratio: float = 1.0, *, margin: float = 0.0, onset: int = 0) -> Rollout:
    """An hour in which the canary is ``ratio`` times as bad from minute ``onset`` on."""

    def play(_generator: random.Random) -> Iterator[Minute]:
        for minute in range(HOUR):
            yield cell.minute(ratio, margin) if minute >= onset else cell.minute()

    return play


def outage(cell: Cell, onset: int = 0) -> Rollout:
    """The canary fails every request from minute ``onset`` on."""

    def play(_generator: random.Random) -> Iterator[Minute]:
        for minute in range(HOUR):
            yield replace(cell.minute(), canary_rate=1.0) if minute >= onset else cell.minute()

    return play


def staged(requests: float, rate: float, ratio: float = 1.0) -> Rollout:
    """5, 10, 25 and 50 percent for 10, 10, 20 and 20 minutes."""

    def play(_generator: random.Random) -> Iterator[Minute]:
        for weight, minutes in ((0.05, 10), (0.1, 10), (0.25, 20), (0.5, 20)):
            for _ in range(minutes):
                yield Cell(requests, weight, rate).minute(ratio)

    return play


def shared_bursts(cell: Cell) -> Rollout:
    """Now and then, for two minutes, a fifth of all requests fail on both variants."""

    def play(generator: random.Random) -> Iterator[Minute]:
        left = 0
        for _ in range(HOUR):
            left = 2 if generator.random() < 1 / 30 else left - 1
            yield replace(cell, rate=0.2).minute() if left > 0 else cell.minute()

    return play


def shared_drift(cell: Cell) -> Rollout:
    """The error rate of both variants grows to five times its start."""

    def play(_generator: random.Random) -> Iterator[Minute]:
        for minute in range(HOUR):
            yield replace(cell, rate=cell.rate * (1 + 4 * minute / (HOUR - 1))).minute()

    return play


def simpson(requests: float) -> Rollout:
    """Both variants fail more at the very moment when the weight rises: totals then accuse the canary."""

    def play(_generator: random.Random) -> Iterator[Minute]:
        for minute in range(HOUR):
            late = minute >= 20
            yield Cell(requests, 0.5 if late else 0.05, 0.03 if late else 0.005).minute()

    return play


def lonely_bursts(cell: Cell) -> Rollout:
    """In one minute of 30 a fifth of the requests of one variant fail, on either with the same chance."""

    def play(generator: random.Random) -> Iterator[Minute]:
        for _ in range(HOUR):
            minute = cell.minute()
            if generator.random() < 1 / 30:
                struck = "canary_rate" if generator.random() < 0.5 else "baseline_rate"
                minute = (
                    replace(minute, canary_rate=0.2) if struck == "canary_rate" else replace(minute, baseline_rate=0.2)
                )
            yield minute

    return play


def uneasy_instances(cell: Cell, spread: float) -> Rollout:
    """Each variant's rate wanders by itself: log-normal with autocorrelation 0.8 from minute to minute."""

    def play(generator: random.Random) -> Iterator[Minute]:
        scale = sqrt(log(1 + spread**2))
        canary, baseline = generator.gauss(0, scale), generator.gauss(0, scale)
        for _ in range(HOUR):
            rates = [min(1.0, cell.rate * exp(wander - scale**2 / 2)) for wander in (canary, baseline)]
            yield Minute(cell.requests, cell.weight, *rates)
            canary = 0.8 * canary + 0.6 * generator.gauss(0, scale)
            baseline = 0.8 * baseline + 0.6 * generator.gauss(0, scale)

    return play


def with_rerouted_retries(played: Sequence[Row], cell: Cell, generator: random.Random) -> list[Row]:
    """Every failed request is tried once more, on either variant by weight."""
    return [_with_retries(row, cell, generator) for row in played]


def _with_retries(row: Row, cell: Cell, generator: random.Random) -> Row:
    counts = [row.canary_requests, row.canary_errors, row.baseline_requests, row.baseline_errors]
    for _ in range(row.canary_errors + row.baseline_errors):
        arm = 0 if generator.random() < cell.weight else 2
        counts[arm] += 1
        counts[arm + 1] += generator.random() < cell.rate
    return Row(*counts)


def _draw(minute: Minute, generator: random.Random) -> Row:
    canary = minute.requests * minute.weight
    baseline = minute.requests - canary
    canary_errors = poisson(canary * minute.canary_rate, generator)
    baseline_errors = poisson(baseline * minute.baseline_rate, generator)
    return Row(
        canary_errors + poisson(canary * (1 - minute.canary_rate), generator),
        canary_errors,
        baseline_errors + poisson(baseline * (1 - minute.baseline_rate), generator),
        baseline_errors,
    )


def poisson(mean: float, generator: random.Random) -> int:
    """A Poisson count. The mean is taken to four significant digits, so that its table can be kept."""
    if mean <= 0:
        return 0
    least, cumulated = _table(round(mean, 3 - floor(log10(mean))))
    return least + bisect_right(cumulated, generator.random() * cumulated[-1])


@lru_cache(maxsize=4096)
def _table(mean: float) -> tuple[int, tuple[float, ...]]:
    """The least count worth considering and the cumulated probabilities from there on."""
    reach = 10 * sqrt(mean) + 10
    least = max(0, int(mean - reach))
    counts = range(least, int(mean + reach) + 1)
    return least, tuple(accumulate(exp(n * log(mean) - mean - lgamma(n + 1)) for n in counts))
