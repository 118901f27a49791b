"""Scaling policies: their settings, the alarms that target tracking owns, the capacity each asks for. Pure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from localaws.service_api import AwsError, invalid
from localaws.services.autoscaling.target import INSTANCES, PROVISIONED, Key

DEFAULT_COOLDOWN_SECONDS = 300
SCALE_IN_SHARE = 0.9  # of the target: below it the low alarm goes to ALARM
STEP, TRACKING = "StepScaling", "TargetTrackingScaling"
_CONFIGURATION = {STEP: "StepScalingPolicyConfiguration", TRACKING: "TargetTrackingScalingPolicyConfiguration"}
# Predefined metric → where it applies, name and statistic in CloudWatch.
_PREDEFINED = {
    "SageMakerVariantInvocationsPerInstance": (INSTANCES, "InvocationsPerInstance", "Sum"),
    "SageMakerVariantProvisionedConcurrencyUtilization": (
        PROVISIONED,
        "ServerlessProvisionedConcurrencyUtilization",
        "Maximum",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmTiming:
    """How quickly target tracking's alarms ring. AWS's values by default; shorter ones save a caller from waiting."""

    period_seconds: int = 60
    high_periods: int = 3
    low_periods: int = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingPolicy:
    """One policy. ``alarms`` are the names of those it owns: the high one, then the low one unless disabled."""

    key: Key
    name: str
    arn: str
    kind: str  # STEP | TRACKING
    configuration: Mapping[str, Any]
    created: datetime
    alarms: tuple[str, ...] = ()

    def cooldown_seconds(self, *, is_out: bool) -> int:
        """How long a scaling of this policy keeps others from following it."""
        if self.kind == STEP:
            return int(self.configuration.get("Cooldown", DEFAULT_COOLDOWN_SECONDS))
        field = "ScaleOutCooldown" if is_out else "ScaleInCooldown"
        return int(self.configuration.get(field, DEFAULT_COOLDOWN_SECONDS))

    @property
    def scales_in(self) -> bool:
        """Whether it has a say in scaling in."""
        return self.kind == TRACKING and not self.configuration.get("DisableScaleIn", False)

    def shown(self, alarms: list[dict[str, str]]) -> dict[str, Any]:
        """One entry of DescribeScalingPolicies."""
        return {
            **self.key.shown(),
            "PolicyName": self.name,
            "PolicyARN": self.arn,
            "PolicyType": self.kind,
            _CONFIGURATION[self.kind]: dict(self.configuration),
            "Alarms": alarms,
            "CreationTime": self.created,
        }


def configuration_of(params: Mapping[str, Any], key: Key) -> tuple[str, Mapping[str, Any]]:
    """Kind and checked configuration of a PutScalingPolicy request; raises ValidationException."""
    kind = params.get("PolicyType") or STEP
    if kind not in _CONFIGURATION:
        raise AwsError("NotImplemented", f"{kind} is not supported by the local AWS", 501)
    configuration: Mapping[str, Any] | None = params.get(_CONFIGURATION[kind])
    if not configuration:
        raise invalid(f"{_CONFIGURATION[kind]} is required for policy type {kind}")
    if kind == STEP:
        _check_steps(configuration)
    else:
        metric_of(configuration, key)
        if configuration["TargetValue"] <= 0:
            raise invalid("TargetValue must be greater than 0")
    return kind, configuration


def metric_of(configuration: Mapping[str, Any], key: Key) -> dict[str, Any]:
    """What a tracking policy watches, as members of PutMetricAlarm; raises ValidationException."""
    predefined = configuration.get("PredefinedMetricSpecification")
    customized = configuration.get("CustomizedMetricSpecification")
    if bool(predefined) == bool(customized):
        raise invalid("Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification is required")
    if customized:
        if customized.get("Metrics"):
            raise AwsError("NotImplemented", "target tracking on metric math is not supported by the local AWS", 501)
        return {field: customized[field] for field in _METRIC_FIELDS if customized.get(field) is not None}
    name = str((predefined or {})["PredefinedMetricType"])
    if name not in _PREDEFINED:
        raise AwsError("NotImplemented", f"the predefined metric {name} is not supported by the local AWS", 501)
    dimension, metric, statistic = _PREDEFINED[name]
    if dimension != key.dimension:
        raise invalid(f"The metric {name} does not apply to {key.dimension}")
    where = {"EndpointName": key.endpoint, "VariantName": key.variant}
    return {
        "Namespace": "AWS/SageMaker",
        "MetricName": metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in where.items()],
        "Statistic": statistic,
    }


_METRIC_FIELDS = ("Namespace", "MetricName", "Dimensions", "Statistic", "Unit")


def alarms_of(policy: ScalingPolicy, timing: AlarmTiming) -> list[dict[str, Any]]:
    """The PutMetricAlarm requests for the alarms of a tracking policy."""
    target = float(policy.configuration["TargetValue"])
    high = ("GreaterThanThreshold", target, timing.high_periods)
    low = ("LessThanThreshold", SCALE_IN_SHARE * target, timing.low_periods)
    return [
        {
            "AlarmName": name,
            "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.arn}.",
            "AlarmActions": [policy.arn],
            "ComparisonOperator": comparison,
            "Threshold": threshold,
            "EvaluationPeriods": periods,
            "Period": timing.period_seconds,
            **metric_of(policy.configuration, policy.key),
        }
        for name, (comparison, threshold, periods) in zip(policy.alarms, (high, low), strict=False)
    ]


def tracked_capacity(base: int, value: float, target: float) -> int:
    """The capacity at which ``value``, measured at ``base``, would be at the target; 0 stays 0."""
    return math.ceil(base * value / target - 1e-9)


def stepped_capacity(base: int, breach: float, configuration: Mapping[str, Any]) -> int:
    """``base`` after the step for ``breach``, the metric's distance from the alarm's threshold."""
    for step in configuration["StepAdjustments"]:
        low = step.get("MetricIntervalLowerBound", -math.inf)
        high = step.get("MetricIntervalUpperBound", math.inf)
        # The bound nearer to the threshold belongs to the step, the other one to the next.
        if (low <= breach < high) if breach >= 0 else (low < breach <= high):
            return max(0, _adjusted(base, int(step["ScalingAdjustment"]), configuration))
    return base


def _adjusted(base: int, adjustment: int, configuration: Mapping[str, Any]) -> int:
    how = configuration["AdjustmentType"]
    if how == "ExactCapacity":
        return adjustment
    if how == "ChangeInCapacity":
        return base + adjustment
    change = base * adjustment / 100
    size = max(math.floor(abs(change)), 1 if change else 0, int(configuration.get("MinAdjustmentMagnitude", 0)))
    return base + int(math.copysign(size, adjustment)) if adjustment else base


def _check_steps(configuration: Mapping[str, Any]) -> None:
    steps = configuration.get("StepAdjustments")
    if not steps or not configuration.get("AdjustmentType"):
        raise invalid("AdjustmentType and StepAdjustments are required for step scaling")
    bounds = sorted(
        (step.get("MetricIntervalLowerBound", -math.inf), step.get("MetricIntervalUpperBound", math.inf))
        for step in steps
    )
    for low, high in bounds:
        if low >= high:
            raise invalid("The lower bound of a step adjustment must be less than its upper bound")
    for (_, high), (low, _) in itertools.pairwise(bounds):
        if low != high:
            raise invalid("There must be no gap or overlap between step adjustments")
