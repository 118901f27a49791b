"""The endpoint configs of a rollout: the candidate beside the baseline, as its shadow, or alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.endpoint.state import NewConfig, NewVariant
from sluice.rollout.model.plan import Plan, PlannedFleet, provisioned_count
from sluice.rollout.model.record import RolloutRecord

if TYPE_CHECKING:
    from sluice.rollout.traffic.ports import TrafficPorts


def create_config(name: str, plan: Plan, record: RolloutRecord, ports: TrafficPorts) -> None:
    """Create one of the two endpoint configs that the plan names."""
    is_alone = name == plan.candidate.config
    ports.hosting.create_config(_alone(plan, record.id.model, ports) if is_alone else _beside(plan, ports))


def delete_canary_config(plan: Plan, ports: TrafficPorts) -> None:
    """Delete the config that no endpoint uses after the promotion. The baseline's stays: a later rollback needs it."""
    if plan.engine in ("weights", "shadow"):
        ports.hosting.delete_config(plan.canary_config)


def _alone(plan: Plan, model: str, ports: TrafficPorts) -> NewConfig:
    return NewConfig(
        name=plan.candidate.config,
        variants=(_variant(plan.candidate, plan.candidate.instance_count, 100.0),),
        period_seconds=plan.period_seconds,
        detailed_observability=plan.detailed_observability,
        async_config=ports.async_places.config(model, plan.async_invocations) if plan.async_invocations else None,
    )


def _beside(plan: Plan, ports: TrafficPorts) -> NewConfig:
    """The baseline with all the traffic, and the candidate with none or with copies of requests."""
    baseline = plan.baseline
    if baseline is None:
        raise ValueError(f"the plan for {plan.endpoint} has no baseline to serve beside {plan.candidate.variant}")
    served = _variant(baseline, baseline.instance_count, baseline.weight)
    if plan.mirror is None:
        candidate = _variant(plan.candidate, provisioned_count(plan), 0.0)
        return NewConfig(
            name=plan.canary_config,
            variants=(served, candidate),
            period_seconds=plan.period_seconds,
            detailed_observability=plan.detailed_observability,
        )
    # The share of requests that SageMaker mirrors is the shadow's weight over the production variant's weight.
    weight = baseline.weight * plan.mirror.share_percent / 100
    return NewConfig(
        name=plan.canary_config,
        variants=(served,),
        shadow=_variant(plan.candidate, provisioned_count(plan), weight),
        # SageMaker appends a slash and the endpoint's name; two slashes would make another key.
        capture_uri=ports.bucket.uri(plan.mirror.capture_prefix.rstrip("/")),
        period_seconds=plan.period_seconds,
        detailed_observability=plan.detailed_observability,
    )


def _variant(fleet: PlannedFleet, count: int, weight: float) -> NewVariant:
    return NewVariant(
        name=fleet.variant,
        model=fleet.model,
        instance_type=fleet.instance_type,
        instance_count=count,
        weight=weight,
        serverless=fleet.serverless,
    )
