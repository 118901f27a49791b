"""Capacity while a version takes over: it neither shrinks under a rollout, nor stands in the way of an update.

Application Auto Scaling knows variants, and a rollout changes them. So whatever serves in the end has the spec's
scaling. Until then both versions are scaled, each with what the rollout counts on as its least: the old one needs
its instances for a rollback, the new one for its stage. SageMaker refuses an update that takes a registered variant
away or changes its instance type: such a variant is released just before.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sluice.endpoint.autoscaling import Registered
from sluice.endpoint.scaling_rules import ScalingRules, rules_for
from sluice.endpoint.state import EndpointState
from sluice.errors import RETRYABLE_ERRORS
from sluice.rollout.model.plan import Plan, PlanError
from sluice.spec.endpoint import Endpoint

if TYPE_CHECKING:
    from sluice.rollout.traffic.ports import TrafficPorts

log = logging.getLogger(__name__)

_SIDE_BY_SIDE = ("weights", "shadow", "guardrails")


def rules_beside(found: Sequence[Registered], rules: ScalingRules | None, plan: Plan) -> ScalingRules | None:
    """The rules a rollout goes by: with the bounds in force, if it was the spec's clock that moved them. Pure.

    Raises:
        PlanError: the baseline is scaled by hand, the spec knows nothing of it, and the rollout would lose it.
    """
    if rules is None:
        strangers = [one for one in found if one.is_by_hand]
        if strangers and plan.engine not in ("guardrails", "none"):
            raise PlanError(
                f"variant {strangers[0].variant} of {plan.endpoint} is registered with Application Auto Scaling by "
                "hand, which this rollout would have to end: describe it in endpoint.scaling, or deregister it"
            )
        return None
    return in_force(found, rules)


def in_force(found: Sequence[Registered], rules: ScalingRules) -> ScalingRules:
    """The rules with the bounds that the spec's clock has set last, if it has. Pure."""
    present = next((one.range for one in found if one.is_from_spec and one.range in rules.ranges), None)
    return rules.within(*present) if present else rules


def with_scaling(plan: Plan, endpoint: Endpoint, ports: TrafficPorts) -> Plan:
    """The plan with how capacity is to follow the load.

    Raises:
        PlanError: as ``rules_beside``.
    """
    there = [plan.baseline.variant] if plan.baseline else []
    rules = rules_beside(ports.scaling.registered(plan.endpoint, there), rules_for(endpoint), plan)
    return replace(plan, scaling=rules)


def floors(plan: Plan, state: EndpointState, candidate_count: int) -> Mapping[str, int]:
    """The least instances of each variant, by name, as long as both versions are needed. Pure."""
    baseline = plan.baseline
    if baseline is None or plan.engine not in _SIDE_BY_SIDE or plan.candidate.serverless:
        return {}
    counts = {plan.candidate.variant: candidate_count, baseline.variant: baseline.instance_count}
    return {each.name: counts[each.name] for each in state.variants if each.name in counts}


def lost_by(plan: Plan, config: str, state: EndpointState) -> list[str]:
    """Variants that would be gone, or on other instances, with one of the plan's configs. Pure."""
    alone = {plan.candidate.config: plan.candidate}
    if plan.baseline:
        alone[plan.baseline.config] = plan.baseline
    fleets = [alone[config]] if config in alone else list(alone.values())
    types = {fleet.variant: fleet.instance_type for fleet in fleets}
    return [each.name for each in state.variants if types.get(each.name) != each.instance_type]


def hold(plan: Plan, state: EndpointState | None, ports: TrafficPorts, candidate_count: int = 1) -> None:
    """Have no fleet shrink below what the rollout counts on; above that it follows the load."""
    if plan.scaling is None or state is None:
        return
    for variant, floor in floors(plan, state, candidate_count).items():
        ports.scaling.ensure(plan.endpoint, variant, plan.scaling.holding(floor), plan.period_seconds)


def let_go(plan: Plan, config: str, state: EndpointState | None, ports: TrafficPorts) -> None:
    """Release what an update to ``config`` would take away."""
    lost = lost_by(plan, config, state) if state else []
    if lost:
        ports.scaling.release(plan.endpoint, lost)


def let_go_if_possible(plan: Plan, config: str, state: EndpointState | None, ports: TrafficPorts) -> None:
    """The same for a way back, which must not depend on another service: a failure is logged, and no more.

    SageMaker refuses the update as long as a variant is registered, and both are tried again.
    """
    try:
        let_go(plan, config, state, ports)
    except RETRYABLE_ERRORS:
        log.exception("what an update of %s to %s takes away could not be released", plan.endpoint, config)


def follow_load(plan: Plan, variant: str, ports: TrafficPorts) -> None:
    """The spec's scaling for the variant that serves; nothing for capacity that stays as it is."""
    if plan.scaling is not None and plan.engine != "batch":
        ports.scaling.ensure(plan.endpoint, variant, plan.scaling, plan.period_seconds)


def scale_baseline(plan: Plan, ports: TrafficPorts) -> None:
    """The spec's scaling for the version that serves again. A failure is logged: the sweep makes up for it."""
    if plan.baseline is None:
        return
    try:
        follow_load(plan, plan.baseline.variant, ports)
    except RETRYABLE_ERRORS:
        log.exception("%s of %s is not scaled", plan.baseline.variant, plan.endpoint)
