"""Decides which attempt an approval starts, and which rollout is stopped when two compete for one endpoint. Pure,
except for ``is_still_approved``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from sluice.rollout.model.record import FenceKind, RolloutRecord
from sluice.rollout_id import RolloutId

if TYPE_CHECKING:
    from sluice.aws.model_registry import Package
    from sluice.rollout.planning.ports import PlanningPorts

Preemption = tuple[RolloutId, FenceKind | Literal["end_watch"], str]


def attempt_for(latest: RolloutRecord | None, package: Package, *, is_certain: bool) -> int | None:
    """The attempt that an approval starts or repeats; None if its rollout has ended. Idempotent.

    ``latest`` is the version's newest rollout. After a closed one there is a new attempt only if the package was
    modified after the close: a repeated or late event finds the package unchanged. After a fenced one that is not yet
    rolled back, only if the package was modified after the fence. ``is_certain``: the event names the approval as what
    changed; without that, a promoted version is not rolled out again.
    """
    if latest is None:
        return 1
    if latest.closed_at is None:
        is_new = latest.fence is not None and package.last_modified > latest.fence.at
        return latest.id.attempt + is_new
    if package.last_modified <= latest.closed_at or (latest.outcome == "promoted" and not is_certain):
        return None
    return latest.id.attempt + 1


def queued_ahead_of(record: RolloutRecord, known: Iterable[RolloutRecord]) -> RolloutRecord | None:
    """The first rollout that is queued ahead of ``record``: an urgent one, or one approved earlier; None if none is."""
    waiting = (each for each in known if each.may_advance and _queue_position(each) < _queue_position(record))
    return min(waiting, key=_queue_position, default=None)


def resolve_conflict(new: RolloutRecord, known: Sequence[RolloutRecord], policy: str) -> list[Preemption]:
    """The rollouts to stop, each with the reason. The latest approval wins, in whatever order the events arrive.

    An urgent rollout replaces a rejected version: it stops all others, and no other one stops it.
    """
    if new.urgent:
        policy = "supersede"
    open_ones = [each for each in known if each.id != new.id and not each.is_closed and each.fence is None]
    competing = [each for each in open_ones if each.watching_since is None and not each.urgent]
    ended: list[Preemption] = [(each.id, "end_watch", f"{new.id} begins") for each in open_ones if each.watching_since]
    if policy != "reject" and ended:
        return [*ended, *resolve_conflict(new, competing, policy)]
    if policy == "queue" or not competing:
        return []
    if policy == "reject":
        running = ", ".join(str(each.id) for each in competing)
        return [(new.id, "withdrawn", f"{running} is under way and on_new_version is reject")]
    newest = new if new.urgent else max([new, *competing], key=_approval)
    return [
        (each.id, "superseded", f"superseded by {newest.id.model}/{newest.id.version}")
        for each in [new, *competing]
        if each.id != newest.id
    ]


def last_known_good(
    rejected: int | None, known: Iterable[RolloutRecord], is_approved: Callable[[str], bool]
) -> RolloutRecord | None:
    """The latest promotion of another version that is still Approved; None if there is none."""
    promoted = [each for each in known if each.outcome == "promoted" and each.id.version != rejected]
    newest_first = sorted(promoted, key=lambda each: each.closed_at or each.opened_at, reverse=True)
    return next((each for each in newest_first if is_approved(each.package_arn)), None)


def next_attempt(good: RolloutRecord, known: Iterable[RolloutRecord]) -> RolloutId:
    """The attempt that brings a version back; the one under way if there is one, which makes it idempotent.

    A rollout of the version with stages and gates is none: it is stopped for the one that is urgent.
    """
    latest = max((each for each in known if each.id.version == good.id.version), key=lambda each: each.id.attempt)
    return replace(latest.id, attempt=latest.id.attempt + (latest.is_closed or not latest.urgent))


def _queue_position(record: RolloutRecord) -> tuple[bool, datetime, int]:
    return not record.urgent, *_approval(record)


def _approval(record: RolloutRecord) -> tuple[datetime, int]:
    return record.approved_at, record.id.version


def is_still_approved(record: RolloutRecord, ports: PlanningPorts) -> bool:
    """Whether the version is still Approved; if it is not, the rollout is fenced as withdrawn."""
    if ports.registry.describe(record.package_arn).is_approved:
        return True
    ports.store.fence(record.id, "withdrawn", "the version is no longer Approved", ports.now())
    return False
