"""What people, and rollouts that failed, have decided on a version: what its approval was changed to, and when.

The Model Registry tells only what a version's approval is, and when anything of the version was changed last: a note
on an approved version looks like an approval. So the last decision is kept, to compare with. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sluice.rollout.model.record import RolloutRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalStatus:
    """What a version's approval was changed to last; ``at`` is the time of the change, by the registry's clock."""

    approval: str  # Approved | Rejected | PendingManualApproval, or Deleted, which only the sweep has found
    at: datetime

    @property
    def is_approved(self) -> bool:
        return self.approval == "Approved"


def last_approval_status(recorded: ApprovalStatus | None, latest: RolloutRecord | None) -> ApprovalStatus | None:
    """The last decision on a version as far as it is known; None if none is. Pure.

    ``latest``, the version's newest rollout, knows of one that was not recorded: because of a crash after the rollout
    was opened, or because it is of a release that recorded none.
    """
    if latest is None or (recorded is not None and recorded.at >= latest.approved_at):
        return recorded
    is_blamed = latest.outcome in ("rolled_back", "failed") and not (latest.fence and latest.fence.is_unknown)
    if recorded is None and is_blamed and latest.closed_at is not None:
        return ApprovalStatus(approval="Rejected", at=latest.closed_at)
    return ApprovalStatus(approval="Approved", at=latest.approved_at)
