"""What is looked up once before a rollout begins, and fixed with its plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sluice.aws.metric_data import Span, dimensions
from sluice.rollout.analysis.latency import slow_limits
from sluice.rollout.model.plan import Plan, PlanError

if TYPE_CHECKING:
    from sluice.rollout.planning.ports import PlanningMetrics, PlanningPorts

_HOUR, _DAY = 3600, 86_400
_LOOKED_BACK = timedelta(days=1)


def run_preflight(plan: Plan, ports: PlanningPorts, *, urgent: bool) -> Plan:
    """The plan with what is slow for the version that serves now.

    An urgent way back ignores the user's own alarms: they ring because of the version it leads away from.

    Raises:
        PlanError: one of the user's own alarms does not exist, or rings already.
    """
    if urgent:
        plan = replace(plan, alarms=replace(plan.alarms, also=()))
    if plan.has_alarms:
        refuse_unready_alarms(plan, ports.metrics)
    if plan.baseline is None or not plan.stages or not plan.judge.latency:
        return plan
    return replace(plan, slow_over_us=_slow_limits(plan.endpoint, plan.baseline.variant, ports.now(), ports.metrics))


def refuse_unready_alarms(plan: Plan, metrics: PlanningMetrics) -> None:
    """PlanError unless all alarms that the spec names exist and none of them rings."""
    if not plan.alarms.also:
        return
    states = metrics.alarm_states(plan.alarms.also)
    missing = [name for name in plan.alarms.also if name not in states]
    if missing:
        raise PlanError(
            f"rollout.alarms.also: {', '.join(map(repr, missing))} is no CloudWatch alarm of this account and Region; "
            "make it, or take the name out of the spec, and approve again"
        )
    ringing = [name for name in plan.alarms.also if states[name] == "ALARM"]
    if ringing:
        raise PlanError(
            f"rollout.alarms.also: {', '.join(map(repr, ringing))} is in ALARM before the rollout has begun; "
            "approve again when it is quiet"
        )


def _slow_limits(endpoint: str, variant: str, now: datetime, metrics: PlanningMetrics) -> dict[str, int]:
    """From the newest clock hour of the last day with enough requests, else from the newest such day."""
    of = dimensions(endpoint, variant)
    hours, days = (
        metrics.latency_summaries(of, Span(start=now - _LOOKED_BACK, end=now, period_seconds=seconds))
        for seconds in (_HOUR, _DAY)
    )
    return slow_limits([*hours, *days])
