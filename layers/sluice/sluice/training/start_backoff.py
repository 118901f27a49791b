"""When a start that AWS had no capacity for is tried again: later each time, and not all models together. Pure.

An account may have 20 pipeline executions at a time (https://docs.aws.amazon.com/general/latest/gr/sagemaker.html).
Beyond them every model that waits asks again; at a fixed pace, many of them would be throttled, and others with them.
"""

from __future__ import annotations

import hashlib

FIRST_SECONDS = 20
LONGEST_SECONDS = 120
"""Longer, and models that have just begun to wait would mostly be there first when an execution ends."""

JITTER = 0.25
"""The part of a delay by which it may be shorter or longer."""


def seconds_to_retry(refusals: int, spread: float) -> float:
    """The delay after so many refusals, the last one not counted: doubled each time up to a limit, then spread.

    Args:
        spread: from 0, for the shortest delay, to 1, for the longest.
    """
    delay = min(FIRST_SECONDS * 2.0 ** min(refusals, 10), LONGEST_SECONDS)
    return delay * (1 - JITTER + 2 * JITTER * spread)


def spread_of(run: str, refusals: int) -> float:
    """A number from 0 to 1 that differs between runs, and is the same each time it is computed."""
    digest = hashlib.sha256(f"{run}/{refusals}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32
