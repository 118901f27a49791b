"""Which attempt an approval is, and which rollout gives way when two want one endpoint. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from sluice.registry import Package
from sluice.rollout import FenceKind, RolloutId, RolloutRecord

Loser = tuple[RolloutId, FenceKind, str]


def attempt_for(latest: RolloutRecord | None, package: Package, *, is_certain: bool) -> int | None:
    """The attempt an approval belongs to; None if it has been dealt with.

    ``latest`` is this version's newest rollout. A closed one is only tried again if the package was touched
    after it closed: a repeated or late event finds the package unchanged. ``is_certain`` says that the event
    names the approval as what changed; without that, a promoted version is not rolled out again on a guess.
    """
    if latest is None:
        return 1
    if latest.closed_at is None:
        return latest.id.attempt
    if package.last_modified <= latest.closed_at or (latest.outcome == "promoted" and not is_certain):
        return None
    return latest.id.attempt + 1


def stand_off(new: RolloutRecord, known: Sequence[RolloutRecord], policy: str) -> list[Loser]:
    """Who gives way, with the reason. Later approvals win, in whatever order their events arrive."""
    rivals = [each for each in known if each.id != new.id and not each.is_closed and each.fence is None]
    if policy == "queue" or not rivals:
        return []
    if policy == "reject":
        running = ", ".join(str(each.id) for each in rivals)
        return [(new.id, "withdrawn", f"{running} is under way and on_new_version is reject")]
    newest = max([new, *rivals], key=lambda each: (each.approved_at, each.id.version))
    return [
        (each.id, "superseded", f"superseded by {newest.id.model}/{newest.id.version}")
        for each in [new, *rivals]
        if each.id != newest.id
    ]
