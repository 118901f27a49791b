"""What the checks of a sweep share: how long an event may be under way, and the event of a version in its old form."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sluice.sweep.ports import SweepPorts

GRACE = timedelta(minutes=2)
"""How long an event may be in transit before it counts as lost."""


def publish_package_change(package_arn: str, group: str, approval: str, ports: SweepPorts) -> str:
    """Replay the event of a version's approval; the finding in words."""
    ports.events.publish(
        "SageMaker Model Package State Change",
        ModelPackageArn=package_arn,
        ModelPackageGroupName=group,
        ModelApprovalStatus=approval,
    )
    return f"{package_arn} is {approval}"
