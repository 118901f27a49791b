"""The endpoint configs that a rollout makes: the candidate beside the baseline, as its shadow, or alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.endpoint.state import NewConfig, NewVariant
from sluice.rollout.model.plan import Fleet, Plan, first_fleet
from sluice.rollout.model.record import RolloutRecord

if TYPE_CHECKING:
    from sluice.rollout.traffic.ports import TrafficPorts


def make_config(name: str, plan: Plan, record: RolloutRecord, ports: TrafficPorts) -> None:
    """Make one of the two configs that the plan of a rollout names."""
    is_alone = name == plan.candidate.config
    ports.hosting.create_config(_alone(plan, record.id.model, ports) if is_alone else _beside(plan, ports))


def _alone(plan: Plan, model: str, ports: TrafficPorts) -> NewConfig:
    most = plan.async_invocations
    return NewConfig(
        name=plan.candidate.config,
        variants=(_variant(plan.candidate, plan.candidate.instance_count, 100.0),),
        period_seconds=plan.period_seconds,
        async_config=ports.async_places.config(model, most) if most else None,
    )


def _beside(plan: Plan, ports: TrafficPorts) -> NewConfig:
    """The baseline with all the traffic, and the candidate with none or with copies of it."""
    baseline = plan.baseline
    if baseline is None:
        raise ValueError(f"the plan for {plan.endpoint} has no baseline that {plan.candidate.variant} could be beside")
    served = _variant(baseline, baseline.instance_count, baseline.weight)
    if plan.mirror is None:
        candidate = _variant(plan.candidate, first_fleet(plan), 0.0)
        return NewConfig(name=plan.canary_config, variants=(served, candidate), period_seconds=plan.period_seconds)
    # SageMaker mirrors the share of requests that the shadow's weight is of the production variant's.
    weight = baseline.weight * plan.mirror.share_percent / 100
    return NewConfig(
        name=plan.canary_config,
        variants=(served,),
        shadow=_variant(plan.candidate, first_fleet(plan), weight),
        # SageMaker joins the endpoint's name to it with a slash of its own, and a key with two is another key.
        capture_uri=ports.bucket.uri(plan.mirror.capture_prefix.rstrip("/")),
        period_seconds=plan.period_seconds,
    )


def _variant(fleet: Fleet, count: int, weight: float) -> NewVariant:
    return NewVariant(
        name=fleet.variant,
        model=fleet.model,
        instance_type=fleet.instance_type,
        instance_count=count,
        weight=weight,
        serverless=fleet.serverless,
    )
