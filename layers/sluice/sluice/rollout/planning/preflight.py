"""Checks before a rollout starts: the user's alarms are ready, and the baseline's latency limits are fixed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sluice.aws.metric_data import Span, dimensions
from sluice.rollout.analysis.alarms import KNOWN_STATES
from sluice.rollout.analysis.latency import slow_limits
from sluice.rollout.model.plan import AlarmsUnknownError, Plan, PlanError

if TYPE_CHECKING:
    from sluice.rollout.planning.ports import PlanningMetrics, PlanningPorts

_HOUR, _DAY = 3600, 86_400
_LOOKBACK = timedelta(days=1)


def run_preflight(plan: Plan, ports: PlanningPorts, *, urgent: bool) -> Plan:
    """The plan with the latency limits of the version that serves now, after the user's alarms were checked.

    An urgent rollout ignores the user's alarms: they may be in ALARM because of the version that it replaces.

    Raises:
        PlanError: one of the user's alarms does not exist or is in ALARM.
        AlarmsUnknownError: CloudWatch cannot evaluate one of them.
        MetricsUnknownError: CloudWatch did not answer with all of the live version's latencies.
    """
    if urgent:
        plan = replace(plan, alarms=replace(plan.alarms, also=()))
    if plan.has_alarms:
        _refuse_unready_alarms(plan, ports.metrics)
    if plan.baseline is None or not plan.stages or not plan.judge.latency:
        return plan
    return replace(plan, slow_over_us=_slow_limits(plan.endpoint, plan.baseline.variant, ports.now(), ports.metrics))


def _refuse_unready_alarms(plan: Plan, metrics: PlanningMetrics) -> None:
    """Raises ``PlanError`` unless all alarms that the spec names exist, can be evaluated, and none is in ALARM."""
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
    unknown = [f"{name!r} ({states[name]})" for name in plan.alarms.also if states[name] not in KNOWN_STATES]
    if unknown:
        raise AlarmsUnknownError(
            f"rollout.alarms.also: CloudWatch cannot evaluate {', '.join(unknown)}, which would end every rollout in "
            "doubt; mend the alarm, or take its name out of the spec"
        )


def _slow_limits(endpoint: str, variant: str, now: datetime, metrics: PlanningMetrics) -> dict[str, int]:
    """Limits from the latest hour of the last day that has enough requests, or else from the whole day."""
    of = dimensions(endpoint, variant)
    hours, days = (
        metrics.latency_summaries(of, Span(start=now - _LOOKBACK, end=now, period_seconds=seconds))
        for seconds in (_HOUR, _DAY)
    )
    return slow_limits([*hours, *days])
