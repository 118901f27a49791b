"""Refuses updates of an endpoint that would remove a variant registered with Application Auto Scaling."""

from __future__ import annotations

from collections.abc import Sequence

from localaws.context import Context
from localaws.service_api import invalid
from localaws.services.sagemaker.endpoint_state.endpoint import Endpoint
from localaws.services.sagemaker.endpoint_state.variant import Variant


def refuse_to_lose_scaled_variants(context: Context, present: Endpoint, wanted: Sequence[Variant]) -> None:
    """Raise ValidationException when a registered variant would go or get another instance type."""
    types = {variant.name: variant.blueprint.instance_type for variant in wanted}
    lost = {
        f"endpoint/{present.name}/variant/{variant.name}": variant.name
        for variant in present.variants
        if types.get(variant.name) != variant.blueprint.instance_type
    }
    if not lost:
        return
    targets = context.client("application-autoscaling", None).describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=list(lost)
    )["ScalableTargets"]
    for target in targets:
        name = lost[target["ResourceId"]]
        raise invalid(
            f'Cannot remove variant "{name}" or change its instance type: it is registered as a scalable target. '
            "Deregister it from Application Auto Scaling first."
        )
