"""When people are told that a rollout is stuck (``RolloutStuck``): after an hour, and then once a day. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from sluice.rollout.model.record import RolloutRecord

_PATIENCE = timedelta(hours=1)
_TOLD_AGAIN = timedelta(days=1)


def is_long_way_back(record: RolloutRecord, now: datetime) -> bool:
    """Whether the rollout was stopped long ago and is not back yet."""
    return record.fence is not None and not record.is_closed and now - record.fence.at >= _PATIENCE


def is_to_be_told(record: RolloutRecord, now: datetime) -> bool:
    """Whether people have not been told of it for a day. What they were told before its fence was of something else.

    Whoever tells them publishes the event first and then notes it: after a crash in between they are told once more.
    """
    told = record.stuck_told_at
    if told is None or now - told >= _TOLD_AGAIN:
        return True
    return record.fence is not None and told < record.fence.at
