"""Autoscaling while a new version takes over: it neither shrinks a fleet in use nor blocks an endpoint update.

Application Auto Scaling registers variants, and a rollout replaces variants. In the end, the variant that serves has
the spec's scaling. Until then both versions are scaled, each with a floor under its capacity: the baseline needs its
instances for a rollback, the candidate for its stage. SageMaker refuses an update that removes a registered variant or
changes its instance type: such a variant is deregistered just before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from sluice.endpoint.scaling_rules import ScalingRules, rules_for
from sluice.endpoint.state import EndpointState
from sluice.errors import RETRYABLE_ERRORS, AwsRefusedError, RetryableError
from sluice.rollout.model.plan import Plan, PlanError, provisioned_count
from sluice.rollout.traffic.reconcile import ReconcileStep, UseConfig
from sluice.spec.endpoint import Endpoint

if TYPE_CHECKING:
    from sluice.endpoint.autoscaling import ScalableTarget
    from sluice.rollout.traffic.ports import TrafficPorts

_SIDE_BY_SIDE = ("weights", "shadow", "guardrails")


def with_scaling(plan: Plan, endpoint: Endpoint, ports: TrafficPorts) -> Plan:
    """The plan with the scaling rules of the spec, within the bounds that the spec's schedule has set last.

    Raises:
        PlanError: the baseline is scaled by hand, the spec does not describe it, and the rollout would end it.
    """
    baseline = [plan.baseline.variant] if plan.baseline else []
    rules = _scaling_of_rollout(ports.scaling.registered(plan.endpoint, baseline), rules_for(endpoint), plan)
    return replace(plan, scaling=rules)


def with_bounds_in_force(found: Sequence[ScalableTarget], rules: ScalingRules) -> ScalingRules:
    """The rules within the bounds that the spec's schedule has set last, if it has. Pure."""
    present = next((one.range for one in found if one.is_from_spec and one.range in rules.ranges), None)
    return rules.within(*present) if present else rules


def apply_capacity_floors(
    plan: Plan, state: EndpointState | None, ports: TrafficPorts, candidate_count: int = 1
) -> None:
    """Keep every fleet at what the rollout counts on at least; above that it follows the load."""
    if plan.scaling is None or state is None:
        return
    floors = _capacity_floors(plan, state, candidate_count)
    found = ports.scaling.registered(plan.endpoint, floors) if floors else []
    for variant, floor in floors.items():
        rules = _without_floor(variant, found, plan.scaling, plan).holding(floor)
        ports.scaling.ensure(plan.endpoint, variant, rules)


def require_deregistering(plan: Plan, ports: TrafficPorts) -> None:
    """Have the right to end the baseline's scaling before anything is made, as the promotion cannot do without.

    Raises:
        AwsRefusedError: this role may not deregister a variant of the endpoint.
    """
    if plan.scaling is not None and plan.baseline is not None:
        ports.scaling.require_deregistering(plan.endpoint)


def deregister_lost_variants(plan: Plan, config: str, state: EndpointState | None, ports: TrafficPorts) -> None:
    """Deregister the variants that an update to ``config`` would remove or move to other instances."""
    lost = _lost_variants(plan, config, state) if state else []
    if lost:
        ports.scaling.deregister(plan.endpoint, lost)


@contextmanager
def retried_if_registered(
    plan: Plan, step: ReconcileStep, state: EndpointState | None, ports: TrafficPorts
) -> Iterator[None]:
    """Within, an update that SageMaker refuses may be tried again if a variant that it removes is registered now.

    Somebody has registered it since it was deregistered: the sweep, or a person. How SageMaker says so is not
    documented, so the register is asked and not the refusal.

    Raises:
        RetryableError: that is so. The next try deregisters the variant once more.
    """
    try:
        yield
    except AwsRefusedError as error:
        lost = _lost_variants(plan, step.config, state) if state and isinstance(step, UseConfig) else []
        if not ports.scaling.registered(plan.endpoint, lost):
            raise
        raise RetryableError(f"{', '.join(lost)} of {plan.endpoint} was registered for scaling meanwhile") from error


def try_deregister_lost_variants(plan: Plan, config: str, state: EndpointState | None, ports: TrafficPorts) -> None:
    """The same for a rollback, which must not depend on another service: an error is logged and not raised.

    SageMaker refuses the update as long as a variant is registered; the rollback retries both.
    """
    try:
        deregister_lost_variants(plan, config, state, ports)
    except RETRYABLE_ERRORS as error:
        ports.telemetry.error("variants could not be deregistered", config=config, error=type(error).__name__)


def apply_scaling(plan: Plan, variant: str, ports: TrafficPorts) -> None:
    """Register the variant that serves with the spec's scaling; nothing if the spec has none.

    If the clock has moved the bounds since the plan was made, they stay where it has set them.
    """
    if plan.scaling is None or plan.engine == "batch":
        return
    rules = _without_floor(variant, ports.scaling.registered(plan.endpoint, [variant]), plan.scaling, plan)
    ports.scaling.ensure(plan.endpoint, variant, rules)


def try_scale_baseline(plan: Plan, ports: TrafficPorts) -> None:
    """Register the baseline, which serves again, with the spec's scaling.

    An error is logged and not raised: the sweep repairs the scaling later.
    """
    if plan.baseline is None:
        return
    try:
        apply_scaling(plan, plan.baseline.variant, ports)
    except RETRYABLE_ERRORS as error:
        ports.telemetry.error(
            "the baseline could not be scaled", variant=plan.baseline.variant, error=type(error).__name__
        )


def _without_floor(variant: str, found: Sequence[ScalableTarget], rules: ScalingRules, plan: Plan) -> ScalingRules:
    """The rules within the bounds that the variant would have now if no rollout held it."""
    held = next((one.range for one in found if one.variant == variant and one.is_from_spec), None)
    return rules.released_from(held, _floors_in_turn(plan, variant)) if held else rules


def _floors_in_turn(plan: Plan, variant: str) -> frozenset[int]:
    """All floors that the variant has in the course of the rollout."""
    if not _has_floors(plan):
        return frozenset()
    if plan.baseline is not None and variant == plan.baseline.variant:
        return frozenset({plan.baseline.instance_count})
    return frozenset({1, provisioned_count(plan), *(stage.candidate_count for stage in plan.stages)})


def _has_floors(plan: Plan) -> bool:
    return plan.baseline is not None and plan.engine in _SIDE_BY_SIDE and not plan.candidate.serverless


def _scaling_of_rollout(found: Sequence[ScalableTarget], rules: ScalingRules | None, plan: Plan) -> ScalingRules | None:
    if rules is not None:
        return with_bounds_in_force(found, rules)
    by_hand = [one for one in found if one.is_by_hand]
    if by_hand and plan.engine not in ("guardrails", "none"):
        raise PlanError(
            f"variant {by_hand[0].variant} of {plan.endpoint} is registered with Application Auto Scaling by "
            "hand, which this rollout would have to end: describe it in endpoint.scaling, or deregister it"
        )
    return None


def _capacity_floors(plan: Plan, state: EndpointState, candidate_count: int) -> Mapping[str, int]:
    """The least instances of each variant, by name, as long as both versions are needed."""
    baseline = plan.baseline
    if baseline is None or not _has_floors(plan):
        return {}
    counts = {plan.candidate.variant: candidate_count, baseline.variant: baseline.instance_count}
    return {each.name: counts[each.name] for each in state.variants if each.name in counts}


def _lost_variants(plan: Plan, config: str, state: EndpointState) -> list[str]:
    """Variants that one of the plan's configs does not have, or has on another instance type."""
    alone = {plan.candidate.config: plan.candidate}
    if plan.baseline:
        alone[plan.baseline.config] = plan.baseline
    fleets = [alone[config]] if config in alone else list(alone.values())
    types = {fleet.variant: fleet.instance_type for fleet in fleets}
    return [each.name for each in state.variants if types.get(each.name) != each.instance_type]
