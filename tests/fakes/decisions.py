"""People decide on versions: their changes in the registry, and the events of them, at once, late or lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.sweep.sweep import sweep

from functions.abort_rollout.app import run as abort_rollout
from functions.open_rollout.app import run as open_rollout
from tests.fakes.sluice_world import SluiceWorld


def decide(world: SluiceWorld, arn: str, approval: str, description: str | None = None) -> dict[str, str]:
    """Set a version's approval as a person does, and deliver the event of it at once."""
    world.registry.decide(arn, approval, description)
    return deliver(world, change_of(world, arn))


def change_of(
    world: SluiceWorld, arn: str, fields: tuple[str, ...] = ("ModelApprovalStatus", "ApprovalDescription")
) -> dict[str, Any]:
    """The event of a version's last change, as SageMaker publishes it."""
    package = world.registry.packages[arn]
    detail = {
        "ModelPackageArn": arn,
        "ModelPackageGroupName": package.group,
        "ModelApprovalStatus": package.approval,
        "UpdatedModelPackageFields": list(fields),
        "LastModifiedTime": package.last_modified.isoformat(),
    }
    return {"detail-type": "SageMaker Model Package State Change", "detail": detail}


def deliver(world: SluiceWorld, event: Mapping[str, Any]) -> dict[str, str]:
    """Deliver the event of a version."""
    return open_rollout(event, world.ports)


def sweep_and_deliver(world: SluiceWorld) -> list[str]:
    """Sweep, and deliver what that replays; the kinds of all that it published."""
    before = len(world.events.published)
    sweep(world.ports)
    published = world.events.published[before:]
    for kind, detail in published:
        if kind == "SageMaker Model Package State Change":
            deliver(world, {"source": "sluice", "detail-type": kind, "detail": detail})
        elif kind == "Step Functions Execution Status Change":
            abort_rollout({"source": "sluice", "detail-type": kind, "detail": detail}, world.ports)
    return [kind for kind, _ in published]
