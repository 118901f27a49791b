"""Reads the alarms in ALARM that invoke scaling policies, and the capacity that each policy proposes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from localaws.context import Context
from localaws.services.autoscaling.decision import Proposal
from localaws.services.autoscaling.policy import TRACKING, ScalingPolicy, stepped_capacity, tracked_capacity


@dataclass(frozen=True, slots=True)
class ActiveAlarm:
    """An alarm in ALARM and the policy it invokes. ``invocation`` changes when CloudWatch would invoke it again."""

    policy: ScalingPolicy
    alarm: Mapping[str, Any]
    invocation: tuple[str, str, int]

    @property
    def name(self) -> str:
        return str(self.alarm["AlarmName"])


class AlarmReading:
    """Reads alarms and their metrics, as the service itself."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def active(self, policies: Iterable[ScalingPolicy], now: datetime) -> Iterator[ActiveAlarm]:
        """Each alarm in ALARM with the policy of whose ARN it is an action."""
        by_arn = {policy.arn: policy for policy in policies}
        if not by_arn:
            return
        pages = self._cloudwatch.get_paginator("describe_alarms").paginate(
            StateValue="ALARM", ActionPrefix="arn:aws:autoscaling"
        )
        for alarm in (alarm for page in pages for alarm in page["MetricAlarms"]):
            for action in alarm["AlarmActions"] if alarm["ActionsEnabled"] else ():
                if action in by_arn:
                    invocation = int(now.timestamp() // alarm.get("Period", 60))
                    yield ActiveAlarm(by_arn[action], alarm, (action, alarm["AlarmName"], invocation))

    def proposal(self, active: ActiveAlarm, now: datetime) -> Proposal | None:
        """None when the alarm's metric has no datapoint to reckon with."""
        value = self._latest(active.alarm, now)
        if value is None:
            return None
        policy, threshold = active.policy, float(active.alarm["Threshold"])
        rises = active.alarm["ComparisonOperator"].startswith("Greater")

        def capacity_from(base: int) -> int:
            if policy.kind != TRACKING:
                return stepped_capacity(base, value - threshold, policy.configuration)
            wanted = tracked_capacity(base, value, float(policy.configuration["TargetValue"]))
            return max(base, wanted) if rises else min(base, wanted)

        return Proposal(
            policy=policy.name,
            alarm=active.name,
            capacity_from=capacity_from,
            out_cooldown_seconds=policy.cooldown_seconds(is_out=True),
            in_cooldown_seconds=policy.cooldown_seconds(is_out=False),
        )

    def _latest(self, alarm: Mapping[str, Any], now: datetime) -> float | None:
        """The newest datapoint within the alarm's evaluation range; None also for alarms on metric math."""
        if "MetricName" not in alarm:
            return None
        period = int(alarm["Period"])
        span = timedelta(seconds=period * (int(alarm["EvaluationPeriods"]) + 1))
        points = self._cloudwatch.get_metric_statistics(
            Namespace=alarm["Namespace"],
            MetricName=alarm["MetricName"],
            Dimensions=alarm.get("Dimensions", []),
            StartTime=now - span,
            EndTime=now,
            Period=period,
            Statistics=[alarm["Statistic"]],
        )["Datapoints"]
        newest = max(points, key=lambda point: point["Timestamp"], default=None)
        return None if newest is None else float(newest[alarm["Statistic"]])

    @property
    def _cloudwatch(self) -> Any:
        return self._context.client("cloudwatch", None)
