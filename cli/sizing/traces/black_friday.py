"""Makes black-friday.csv: ``python -m cli.sizing.traces.black_friday > cli/sizing/traces/black-friday.csv``.

Three hours in which a shop opens its sale: 100 requests a minute, a jump to 10,000 within ten minutes of the
opening, a second wave after a newsletter, and the way back to quiet. Nobody measured it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from math import exp
from random import Random

MINUTES = 180
QUIET, PEAK = 100, 10_000
_OPENING, _FULL, _EASING, _NEWSLETTER = 30, 40, 55, 110


def requests_per_minute(seed: int = 2025) -> list[int]:
    """One count for each minute; every minute is up to 5 % off the curve, but never outside of its ends."""
    random = Random(seed)  # noqa: S311  # no secret
    return [round(min(PEAK, max(QUIET, curve(minute) * random.uniform(0.95, 1.05)))) for minute in range(MINUTES)]


def curve(minute: int) -> float:
    """Requests in a minute, before chance."""
    wave = 3_000 * exp(-(((minute - _NEWSLETTER) / 8) ** 2))
    if minute < _OPENING:
        return QUIET
    if minute < _FULL:
        return QUIET * float((PEAK / QUIET) ** ((minute - _OPENING) / (_FULL - _OPENING)))
    if minute < _EASING:
        return PEAK
    return QUIET + (PEAK - QUIET) * exp(-(minute - _EASING) / 18) + wave


def lines(counts: list[int]) -> Iterator[str]:
    yield "minute,requests"
    yield from (f"{minute},{count}" for minute, count in enumerate(counts))


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in lines(requests_per_minute()))
