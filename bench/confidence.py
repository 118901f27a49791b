"""What a number of hits in simulated runs proves about the probability behind them: Clopper-Pearson bounds."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, lgamma, log


def at_most(hits: int, runs: int, confidence: float = 0.95) -> float:
    """The probability is at most this, unless chance was kinder than ``1 - confidence``."""
    return 1.0 if hits == runs else _solve(lambda p: _up_to(hits, runs, p) > 1 - confidence)


def at_least(hits: int, runs: int, confidence: float = 0.95) -> float:
    """The probability is at least this, unless chance was kinder than ``1 - confidence``."""
    return 1 - at_most(runs - hits, runs, confidence)


def _solve(is_below: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return high


def _up_to(hits: int, runs: int, p: float) -> float:
    """The chance of at most ``hits`` in ``runs``."""
    if not 0 < p < 1:
        return float(p <= 0)
    logs = (
        lgamma(runs + 1) - lgamma(k + 1) - lgamma(runs - k + 1) + k * log(p) + (runs - k) * log(1 - p)
        for k in range(hits + 1)
    )
    return sum(map(exp, logs))
