"""Debounce of uploads: a run starts once no upload has come for the settle window. Pure.

Each upload books a wake-up of the run queue at the end of its own settle window (``data.settle_seconds`` of the spec).
A wake-up that finds a later upload does nothing, because that upload has booked a later wake-up.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sluice.training.pending_inputs import PendingFile

DEBOUNCE_LIMIT = timedelta(minutes=15)
"""Uploads that never pause are not waited for longer than this."""

CLOCK_TOLERANCE = timedelta(seconds=1)
"""How far the clocks of two functions may differ: a wake-up that seems early may be the last one."""


def have_settled(files: Iterable[PendingFile], settle_seconds: int, now: datetime) -> bool:
    """Whether the settle window has passed since the newest upload, or the limit since the oldest one."""
    times = [each.since for each in files]
    if not times:
        return True
    window_end = max(times) + timedelta(seconds=settle_seconds)
    return window_end <= now + CLOCK_TOLERANCE or min(times) + DEBOUNCE_LIMIT <= now
