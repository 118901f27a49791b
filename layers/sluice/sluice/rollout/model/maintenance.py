"""What a stage has seen of SageMaker's maintenance of the endpoint's hosts (``SystemUpdating``). Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

MAINTENANCE = "maintenance"
"""By what a rollout is held meanwhile."""

_MAX_STORED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """One stretch of it, as the analyses saw it: until the first that did not, or the last one so far."""

    since: datetime
    until: datetime
    is_over: bool = False
    is_announced: bool = False  # people were told that it lasts

    @property
    def duration(self) -> timedelta:
        return self.until - self.since


def maintained_now(seen: Sequence[Maintenance], now: datetime) -> tuple[Maintenance, ...]:
    """The stretches once an analysis sees maintenance at ``now``: the last one goes on, or a new one begins.

    Beyond twenty, the last is taken to have gone on since the one before: what lay between is not judged either.
    """
    if seen and (not seen[-1].is_over or len(seen) == _MAX_STORED):
        return (*seen[:-1], replace(seen[-1], until=now, is_over=False))
    return (*seen, Maintenance(since=now, until=now))


def maintained_no_more(seen: Sequence[Maintenance], now: datetime) -> tuple[Maintenance, ...]:
    """The stretches once an analysis sees none at ``now``: the last one ended since the analysis before."""
    if not seen or seen[-1].is_over:
        return tuple(seen)
    return (*seen[:-1], replace(seen[-1], until=now, is_over=True))


def maintained_for(seen: Sequence[Maintenance]) -> timedelta:
    """How long all of them lasted together."""
    return sum((each.duration for each in seen), timedelta())


def maintenance_text(seen: Sequence[Maintenance]) -> str:
    """The stretches as they are stored."""
    return json.dumps(
        [[each.since.isoformat(), each.until.isoformat(), each.is_over, each.is_announced] for each in seen]
    )


def parse_maintenance(text: str) -> tuple[Maintenance, ...]:
    """The stretches from what ``maintenance_text`` gave."""
    return tuple(
        Maintenance(
            since=datetime.fromisoformat(since),
            until=datetime.fromisoformat(until),
            is_over=is_over,
            is_announced=is_announced,
        )
        for since, until, is_over, is_announced in json.loads(text)
    )
