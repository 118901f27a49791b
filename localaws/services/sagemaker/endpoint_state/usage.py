"""What endpoints use of the account's quotas. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from localaws.quotas import Quotas
from localaws.service_api import quota_exceeded
from localaws.services.sagemaker.endpoint_state.endpoint import Endpoint
from localaws.services.sagemaker.endpoint_state.guardrails import DeploymentPolicy, RoutingType
from localaws.services.sagemaker.endpoint_state.variant import Variant

USAGE = "endpoint usage"


def refuse_beyond_quotas(
    quotas: Quotas, endpoints: Iterable[Endpoint], wanted: Iterable[Variant], present: Endpoint | None = None
) -> None:
    """Raise ResourceLimitExceeded unless the account has room for a fleet of ``wanted``, of ``present`` if it is there.

    The new fleet stands beside the old one until it serves (UpdateEndpoint, API reference), so both count.
    """
    others, fleet = list(endpoints), list(wanted)
    refuse_instances(quotas, others, _instances(fleet))
    serverless = [each.name for each in others if any(variant.size for variant in each.variants)]
    is_new = present is None and any(variant.size for variant in fleet)
    if is_new and len(serverless) >= quotas.serverless_endpoints:
        most = quotas.serverless_endpoints
        raise quota_exceeded("Number of serverless endpoints", most, len(serverless), 1, "Endpoints")


def beside(policy: DeploymentPolicy | None, wanted: Iterable[Variant]) -> tuple[Variant, ...]:
    """What stands beside the old fleet at most: all of the new one, or a batch of it in a rolling deployment."""
    if policy is None or policy.routing is not RoutingType.ROLLING or policy.batch is None:
        return tuple(wanted)
    batch = policy.batch
    return tuple(replace(each, desired_instances=batch.instances(each.desired_instances)) for each in wanted)


def refuse_instances(quotas: Quotas, endpoints: Iterable[Endpoint], more: Counter[str]) -> None:
    """Raise ResourceLimitExceeded unless the account has room for ``more`` instances, by type."""
    in_use: Counter[str] = Counter()
    for endpoint in endpoints:
        in_use += _instances([*endpoint.variants, *endpoint.shadows])
        if endpoint.pending is not None:
            in_use += _instances([*endpoint.pending.variants, *endpoint.pending.shadows])
    excess = quotas.excess_of_instances(USAGE, more, in_use)
    if excess is not None:
        raise quota_exceeded(*excess, "Instances")


def more_instances(before: Endpoint, after: Endpoint) -> Counter[str]:
    """What a change of capacity adds, by type."""
    return _instances(after.variants) - _instances(before.variants)


def _instances(variants: Iterable[Variant]) -> Counter[str]:
    counted: Counter[str] = Counter()
    for variant in variants:
        if not variant.size:
            counted[variant.blueprint.instance_type] += variant.desired_instances
    return counted
