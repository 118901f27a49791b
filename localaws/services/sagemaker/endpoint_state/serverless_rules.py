"""What SageMaker refuses in an update that makes an endpoint serverless."""

from __future__ import annotations

from collections.abc import Sequence

from localaws.service_api import AwsError, invalid
from localaws.services.sagemaker.endpoint_state.guardrails import DeploymentPolicy, RoutingType
from localaws.services.sagemaker.endpoint_state.variant import Variant


def check_update(present: Sequence[Variant], wanted: Sequence[Variant], policy: DeploymentPolicy | None) -> None:
    """Raise ValidationException for making an endpoint serverless that is not: only the way back is open."""
    if not any(variant.size for variant in wanted):
        return
    if not all(variant.size for variant in present):
        raise invalid("Converting an instance-based endpoint to a serverless endpoint is not supported.")
    if policy and policy.routing is RoutingType.ROLLING:
        raise invalid("RollingUpdatePolicy is not supported for serverless endpoints.")
    if policy and policy.routing is not RoutingType.ALL_AT_ONCE:
        raise AwsError("NotImplemented", "canary and linear deployments of serverless endpoints", 501)
