"""Whether people still want a version to go live."""

from __future__ import annotations

from sluice.bootstrap.assembly import Ports
from sluice.rollout.model.record import RolloutRecord


def is_still_approved(record: RolloutRecord, ports: Ports) -> bool:
    """False, and the rollout is stopped, once someone has taken the approval back."""
    if ports.registry.describe(record.package_arn).is_approved:
        return True
    ports.store.fence(record.id, "withdrawn", "the version is no longer Approved", ports.now())
    return False
