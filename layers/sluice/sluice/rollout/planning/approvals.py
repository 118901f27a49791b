"""Which attempt an approval is, and which rollout gives way when two want one endpoint. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from sluice.aws.model_registry import Package
from sluice.rollout.model.record import FenceKind, RolloutRecord
from sluice.rollout_id import RolloutId

if TYPE_CHECKING:
    from sluice.rollout.planning.ports import PlanningPorts

Preemption = tuple[RolloutId, FenceKind | Literal["end_watch"], str]


def attempt_for(latest: RolloutRecord | None, package: Package, *, is_certain: bool) -> int | None:
    """The attempt an approval belongs to; None if it has been dealt with.

    ``latest`` is this version's newest rollout. A closed one is only tried again if the package was touched
    after it closed: a repeated or late event finds the package unchanged. One that is stopped but not yet
    restored is likewise only tried again if the package was touched after it was stopped. ``is_certain`` says that
    the event names the approval as what changed; without that, a promoted version is not rolled out again on a guess.
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
    """The rollout whose turn is before that of ``record``: an urgent one, or one approved earlier; None if none is."""
    waiting = (each for each in known if each.may_advance and _turn(each) < _turn(record))
    return min(waiting, key=_turn, default=None)


def resolve_conflict(new: RolloutRecord, known: Sequence[RolloutRecord], policy: str) -> list[Preemption]:
    """Who gives way, with the reason. Later approvals win, in whatever order their events arrive.

    An urgent rollout takes a rejected version out of service: it waits for nobody, and nobody takes its place.
    """
    if new.urgent:
        policy = "supersede"
    open_ones = [each for each in known if each.id != new.id and not each.is_closed and each.fence is None]
    rivals = [each for each in open_ones if each.watching_since is None and not each.urgent]
    done: list[Preemption] = [(each.id, "end_watch", f"{new.id} begins") for each in open_ones if each.watching_since]
    if policy != "reject" and done:
        return [*done, *resolve_conflict(new, rivals, policy)]
    if policy == "queue" or not rivals:
        return []
    if policy == "reject":
        running = ", ".join(str(each.id) for each in rivals)
        return [(new.id, "withdrawn", f"{running} is under way and on_new_version is reject")]
    newest = max([new, *rivals], key=_approval)
    return [
        (each.id, "superseded", f"superseded by {newest.id.model}/{newest.id.version}")
        for each in [new, *rivals]
        if each.id != newest.id
    ]


def last_known_good(
    rejected: int | None, known: Iterable[RolloutRecord], is_approved: Callable[[str], bool]
) -> RolloutRecord | None:
    """The newest promotion of another version that people still approve of; None if there is none."""
    promoted = [each for each in known if each.outcome == "promoted" and each.id.version != rejected]
    newest_first = sorted(promoted, key=lambda each: each.closed_at or each.opened_at, reverse=True)
    return next((each for each in newest_first if is_approved(each.package_arn)), None)


def next_attempt(good: RolloutRecord, known: Iterable[RolloutRecord]) -> RolloutId:
    """The attempt that brings a version back: the one under way if there is one, so that a repetition is the same."""
    latest = max((each for each in known if each.id.version == good.id.version), key=lambda each: each.id.attempt)
    return replace(latest.id, attempt=latest.id.attempt + latest.is_closed)


def _turn(record: RolloutRecord) -> tuple[bool, datetime, int]:
    return not record.urgent, *_approval(record)


def _approval(record: RolloutRecord) -> tuple[datetime, int]:
    return record.approved_at, record.id.version


def is_still_approved(record: RolloutRecord, ports: PlanningPorts) -> bool:
    """False, and the rollout is stopped, once someone has taken the approval back."""
    if ports.registry.describe(record.package_arn).is_approved:
        return True
    ports.store.fence(record.id, "withdrawn", "the version is no longer Approved", ports.now())
    return False
