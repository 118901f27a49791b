"""Which version comes back in the place of one that was rejected while it serves. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.planning.approvals import last_known_good

if TYPE_CHECKING:
    from sluice.aws.model_registry import Package

_SOONEST, _LATEST = timedelta(minutes=15), timedelta(hours=1)
"""When a way back that has failed is tried again: after as long as the ways back have taken so far, within these."""

TOLD_AGAIN = timedelta(days=1)
"""After how long people are told once more that no version comes back."""


def way_back(
    rejected: Package, known: Sequence[RolloutRecord], is_approved: Callable[[str], bool], now: datetime
) -> RolloutRecord | None:
    """The last promotion of another version that is still Approved; None if there is none.

    A version whose way back has failed is passed over for a while: what it lacks, such as capacity, the one before it
    may have, and later it may have it itself.
    """
    failed = {each.id.version for each in _failed(known, now)}
    return last_known_good(rejected.version, (each for each in known if each.id.version not in failed), is_approved)


def no_way_back(model: str, rejected: Package, known: Sequence[RolloutRecord], now: datetime) -> str:
    """Why a rejected version serves on."""
    failed = "; ".join(f"{model}/{each.id.version}: {each.reason}" for each in _failed(known, now))
    others = f"the others have failed, and are tried again, at last every hour ({failed})" if failed else ""
    why = others or "no other promoted version is still Approved"
    return f"{model}/{rejected.version} was rejected and serves on: {why}"


def _failed(known: Sequence[RolloutRecord], now: datetime) -> list[RolloutRecord]:
    """The ways back that have failed, without those that are to be tried again."""
    ways = [each for each in known if each.urgent]
    return [
        each
        for each in ways
        if each.outcome not in ("promoted", "superseded", None)
        and each.closed_at is not None
        and now < each.closed_at + _wait(each.closed_at - _began(each, ways))
    ]


def _began(way: RolloutRecord, ways: Sequence[RolloutRecord]) -> datetime:
    """When the first way back was opened for the same rejection, whose time each of them has."""
    return min(each.opened_at for each in ways if each.approved_at == way.approved_at)


def _wait(taken: timedelta) -> timedelta:
    return min(max(taken, _SOONEST), _LATEST)
