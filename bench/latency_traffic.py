"""Simulated latencies of both variants: per minute, how many requests were slow, or what they took on average.

A request takes a log-normal time around 1, one in a hundred far longer (Pareto). Both variants wander together by
10 percent, and each by itself as far as a cell says. The live version's own 90th and 99th percentiles, before the
rollout, are the thresholds. Everything is drawn from the generator passed in.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import erfc, exp, log, sqrt

from sluice.rollout.analysis.e_process import Row

from bench.canary_traffic import HOUR, poisson

SPREAD = 0.6
TAIL_SHARE, TAIL_START, TAIL_SHAPE = 0.01, 3.0, 1.5
SHARED_NOISE = 0.1
SPIKE_CHANCE = 1 / 30


@dataclass(frozen=True, slots=True)
class Load:
    """Requests per minute, the canary's share, how far each variant wanders by itself, how slow the canary is.

    ``stragglers``: this share of the canary's requests takes ten times as long. ``spikes``: now and then one variant
    is three times as slow for a minute.
    """

    requests: float
    weight: float
    wander: float = 0.0
    slower: float = 1.0
    stragglers: float = 0.0
    spikes: bool = False


def exceeding(time: float, spread: float = SPREAD) -> float:
    """The share of requests that take longer than ``time``."""
    body = erfc(log(time) / spread / sqrt(2)) / 2
    tail = 1.0 if time <= TAIL_START else (TAIL_START / time) ** TAIL_SHAPE
    return (1 - TAIL_SHARE) * body + TAIL_SHARE * tail


def percentile(share: float, spread: float = SPREAD) -> float:
    """The time that ``share`` of the requests stay below."""
    low, high = 1e-3, 1e6
    for _ in range(100):
        middle = sqrt(low * high)
        low, high = (middle, high) if exceeding(middle, spread) > 1 - share else (low, middle)
    return high


def slow_rows(
    load: Load, generator: random.Random, *, tolerance: float = 0.0, spread: float = SPREAD
) -> tuple[list[Row], list[Row]]:
    """An hour of rows for the 90th and for the 99th percentile, ``errors`` being requests slower than that.

    The canary's requests may take ``1 + tolerance`` times as long before they count as slow.
    """
    limits = percentile(0.9, spread), percentile(0.99, spread)
    p90: list[Row] = []
    p99: list[Row] = []
    for canary, baseline in _paces(load, generator):
        counted: list[tuple[int, int, int]] = []
        for pace, share, allowed in (
            (canary, load.weight, 1 + tolerance),
            (baseline, 1 - load.weight, 1.0),
        ):
            stragglers = load.stragglers if share == load.weight else 0.0
            over = [
                (1 - stragglers) * exceeding(limit * allowed / pace, spread)
                + stragglers * exceeding(limit * allowed / pace / 10, spread)
                for limit in limits
            ]
            mean = load.requests * share
            very = poisson(mean * over[1], generator)
            slow = very + poisson(mean * (over[0] - over[1]), generator)
            counted.append((slow + poisson(mean * (1 - over[0]), generator), slow, very))
        (n_c, slow_c, very_c), (n_b, slow_b, very_b) = counted
        p90.append(Row(n_c, slow_c, n_b, slow_b))
        p99.append(Row(n_c, very_c, n_b, very_b))
    return p90, p99


def means(load: Load, generator: random.Random) -> list[tuple[float, float]]:
    """An hour of mean latencies, canary's and baseline's, in the minutes in which both had requests."""
    found: list[tuple[float, float]] = []
    for canary, baseline in _paces(load, generator):
        counts = [poisson(load.requests * share, generator) for share in (load.weight, 1 - load.weight)]
        if all(counts):
            taken = [sum(_time(generator) for _ in range(count)) / count for count in counts]
            found.append((taken[0] * canary, taken[1] * baseline))
    return found


def _time(generator: random.Random) -> float:
    if generator.random() < TAIL_SHARE:
        return TAIL_START * generator.paretovariate(TAIL_SHAPE)
    return generator.lognormvariate(0, SPREAD)


def _paces(load: Load, generator: random.Random) -> Iterator[tuple[float, float]]:
    """How much slower than usual the canary and the baseline are, minute by minute."""
    shared, canary, baseline = (_wander(spread, generator) for spread in (SHARED_NOISE, load.wander, load.wander))
    for _ in range(HOUR):
        both = shared()
        paces = [both * canary() * load.slower, both * baseline()]
        if load.spikes and generator.random() < SPIKE_CHANCE:
            paces[generator.random() < 0.5] *= 3
        yield paces[0], paces[1]


def _wander(spread: float, generator: random.Random) -> Callable[[], float]:
    """A log-normal factor with autocorrelation 0.8 from minute to minute."""
    at = generator.gauss(0, spread)

    def step() -> float:
        nonlocal at
        factor = exp(at)
        at = 0.8 * at + 0.6 * generator.gauss(0, spread)
        return factor

    return step
