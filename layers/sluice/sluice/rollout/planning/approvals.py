"""Decides which attempt an approval starts, and which rollout is stopped when two compete for one endpoint. Pure,
except for ``may_go_on`` and ``is_still_approved``."""

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

NO_LONGER_APPROVED = "the version is no longer Approved"

Preemption = tuple[RolloutId, FenceKind | Literal["end_watch"], str]


def attempt_for(latest: RolloutRecord | None, approved_at: datetime) -> int | None:
    """The attempt that an approval of this time starts or repeats; None if its rollout has ended. Idempotent.

    ``latest`` is the version's newest rollout. There is a new attempt only for an approval that is later than the one
    that rollout is for, and later than its fence or its close: what a person knew of when they approved once more. So
    an event that is repeated, late, or older than that rollout starts nothing.
    """
    if latest is None:
        return 1
    ended = latest.fence.at if latest.fence else latest.closed_at
    if ended is not None and approved_at > max(ended, latest.approved_at):
        return latest.id.attempt + 1
    return None if latest.is_closed else latest.id.attempt


def queued_ahead_of(record: RolloutRecord, known: Iterable[RolloutRecord]) -> RolloutRecord | None:
    """The first rollout that is queued ahead of ``record``: an urgent one, or one approved earlier; None if none is."""
    waiting = (each for each in known if each.may_advance and _queue_position(each) < _queue_position(record))
    return min(waiting, key=_queue_position, default=None)


def resolve_conflict(new: RolloutRecord, known: Sequence[RolloutRecord], policy: str) -> list[Preemption]:
    """The rollouts to stop, each with the reason; ``new`` as it is stored, of which ``known`` may hold an older state.

    Whoever asks comes to the same end, in whatever order and however often the events arrive: with ``supersede`` the
    latest approval is left, with ``reject`` the rollout that was opened first. An urgent rollout replaces a rejected
    version: it stops all others, and no other one stops it.
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
        ahead = [each for each in competing if _opening(each) < _opening(new)]
        running = ", ".join(str(each.id) for each in ahead)
        reason = f"{running} is under way and on_new_version is reject"
        return [(new.id, "withdrawn", reason)] if ahead else []
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


def _opening(record: RolloutRecord) -> tuple[datetime, int, int]:
    return record.opened_at, record.id.version, record.id.attempt


def may_go_on(record: RolloutRecord, ports: PlanningPorts) -> bool:
    """Whether no fence stops the rollout and its version is still Approved: asked before every step of every task."""
    return record.may_advance and is_still_approved(record, ports)


def is_still_approved(record: RolloutRecord, ports: PlanningPorts) -> bool:
    """Whether the version is still Approved; if it is not, the rollout is fenced as withdrawn."""
    if ports.registry.describe(record.package_arn).is_approved:
        return True
    ports.store.fence(record.id, "withdrawn", NO_LONGER_APPROVED, ports.now())
    return False


def rejection_by(rollout_id: RolloutId) -> str:
    """What the description of a version begins with that this rollout has marked Rejected."""
    return f"Rollout {rollout_id}: "


def rejected_over(approved_at: datetime, package: Package, known: Iterable[RolloutRecord]) -> RolloutRecord | None:
    """The rollout whose rollback has marked the version Rejected over an approval of this time; None if none has.

    It reads the version before it marks it. But SageMaker has no condition for that change, so an approval in between,
    or before the SDK sends the change again, is gone, and only its event tells of it.
    """
    if package.approval != "Rejected":
        return None
    for each in known:
        if package.description.startswith(rejection_by(each.id)) and each.fence is not None:
            is_of_it = approved_at <= each.approved_at.replace(microsecond=0)
            is_before = approved_at < each.fence.at.replace(microsecond=0)  # events have whole seconds
            is_after = each.closed_at is not None and approved_at > each.closed_at
            return None if is_of_it or is_before or is_after else each
    return None
