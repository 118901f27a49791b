"""Finds the cheapest scaling target with which every request is answered in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from cli.sizing.capacity.simulator import Totals

_COARSE = 8
_FINE = 4
_LOWEST = 10.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A target that was tried, and what came of it."""

    target: float
    totals: Totals


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The best of all targets that were tried; not ``good`` when none of them meets the goal."""

    best: Candidate
    good: bool
    tried: tuple[Candidate, ...]
    """In the order of their targets."""


def suggest(simulate_at: Callable[[float], Totals], *, highest: float, p95_seconds: float) -> Suggestion:
    """The cheapest target of those without a rejected request and with every minute's p95 within ``p95_seconds``.

    Targets up to ``highest`` (requests per instance and minute) are tried from coarse to fine. Between two
    targets anything may happen, so a better one may be missed; what is suggested has been simulated.
    """

    def good(one: Candidate) -> bool:
        return one.totals.rejected == 0 and _worst(one) <= p95_seconds

    lowest = min(_LOWEST, highest)
    steps = [_rounded(lowest * (highest / lowest) ** (step / (_COARSE - 1))) for step in range(_COARSE)]
    tried = {target: Candidate(target, simulate_at(target)) for target in steps}
    for _ in range(_FINE):
        best = _cheapest([one for one in tried.values() if good(one)])
        above = min((target for target in tried if best and target > best.target), default=None)
        if best is None or above is None:
            break
        between = _rounded((best.target * above) ** 0.5)
        if between in tried:
            break
        tried[between] = Candidate(between, simulate_at(between))
    ordered = tuple(tried[target] for target in sorted(tried))
    best = _cheapest([one for one in ordered if good(one)])
    return Suggestion(
        best or min(ordered, key=lambda one: (one.totals.rejected, _worst(one))), best is not None, ordered
    )


def _cheapest(candidates: list[Candidate]) -> Candidate | None:
    """Among equally cheap targets the lowest, which leaves the most spare capacity."""
    return min(candidates, key=lambda one: (one.totals.usd, one.target), default=None)


def _worst(one: Candidate) -> float:
    return inf if one.totals.worst_p95 is None else one.totals.worst_p95


def _rounded(target: float) -> float:
    """Two digits say enough."""
    return float(f"{target:.2g}")
