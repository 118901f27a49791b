"""The version of a batch model in service: there is no endpoint to describe, so it follows from the promotions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.planning.approvals import last_known_good

if TYPE_CHECKING:
    from sluice.rollout.batch.ports import CurrentVersionPorts


def current_promotion(model: str, ports: CurrentVersionPorts) -> RolloutRecord | None:
    """The newest promotion of a version that people still approve of; None if there is none.

    A version that was rejected scores nothing more, even before another has taken its place.
    """
    last = ports.store.last_promotion(model)
    if last is None or ports.registry.describe(last.package_arn).is_approved:
        return last
    known = ports.store.rollouts(model)
    return last_known_good(None, known, lambda arn: ports.registry.describe(arn).is_approved)


def sagemaker_model(promotion: RolloutRecord) -> str:
    """The SageMaker model of a promoted version; one that was live before has kept its own."""
    plan = promotion.planned()
    kept = plan.baseline if plan.engine == "none" else None
    return (kept or plan.candidate).model
