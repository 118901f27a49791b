"""Scaling rules in the words of Application Auto Scaling and CloudWatch. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.endpoint.scaling_rules import ScalingRules
from sluice.names import Names
from sluice.spec.serving_modes import ASYNC

TRACKING = "sluice-load"
WAKE_UP = "sluice-wake-up"
_CLOCK = "sluice-clock-"

_PREDEFINED = {
    "sagemaker:variant:DesiredInstanceCount": "SageMakerVariantInvocationsPerInstance",
    "sagemaker:variant:DesiredProvisionedConcurrency": "SageMakerVariantProvisionedConcurrencyUtilization",
}


def resource_of(endpoint: str, variant: str) -> str:
    return f"endpoint/{endpoint}/variant/{variant}"


def is_ours(name: str) -> bool:
    """Whether a policy or scheduled action with this name was made from a spec."""
    return name in (TRACKING, WAKE_UP) or name.startswith(_CLOCK)


def policies_for(rules: ScalingRules, endpoint: str) -> list[dict[str, Any]]:
    """PutScalingPolicy requests without the fields that name the variant; the tracking policy comes first."""
    made: list[dict[str, Any]] = [
        {
            "PolicyName": TRACKING,
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": rules.target,
                "ScaleInCooldown": rules.in_cooldown_seconds,
                "ScaleOutCooldown": rules.out_cooldown_seconds,
                **_metric(rules, endpoint),
            },
        }
    ]
    if rules.kind == ASYNC:
        made.append(_wake_up(rules))
    return made


def _metric(rules: ScalingRules, endpoint: str) -> dict[str, Any]:
    if rules.kind != ASYNC:
        return {"PredefinedMetricSpecification": {"PredefinedMetricType": _PREDEFINED[rules.dimension]}}
    return {
        "CustomizedMetricSpecification": {
            "Namespace": "AWS/SageMaker",
            "MetricName": "ApproximateBacklogSizePerInstance",
            "Dimensions": [{"Name": "EndpointName", "Value": endpoint}],
            "Statistic": "Average",
        }
    }


def _wake_up(rules: ScalingRules) -> dict[str, Any]:
    """The backlog per instance is undefined while there is no instance: this step policy adds the first one."""
    return {
        "PolicyName": WAKE_UP,
        "PolicyType": "StepScaling",
        "StepScalingPolicyConfiguration": {
            "AdjustmentType": "ChangeInCapacity",
            "MetricAggregationType": "Average",
            "Cooldown": rules.out_cooldown_seconds,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
    }


def wake_up_alarm_name(names: Names, endpoint: str) -> str:
    """Within the stack's prefix, which the roles are scoped to; no rollout's alarm has a slash in its name."""
    return f"{names.prefix}scaling/{endpoint}/wake-up"


def wake_up_alarm(names: Names, endpoint: str, policy_arn: str) -> dict[str, Any]:
    """The PutMetricAlarm request for the alarm that adds an async endpoint's first instance.

    Its metric comes once a minute: with a shorter period the alarm would lapse into INSUFFICIENT_DATA in between.
    """
    return {
        "AlarmName": wake_up_alarm_name(names, endpoint),
        "AlarmDescription": f"Requests wait for {endpoint}, which has no instance",
        "Namespace": "AWS/SageMaker",
        "MetricName": "HasBacklogWithoutCapacity",
        "Dimensions": [{"Name": "EndpointName", "Value": endpoint}],
        "Statistic": "Average",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "missing",
        "AlarmActions": [policy_arn],
    }


def clock_actions_for(rules: ScalingRules) -> list[dict[str, Any]]:
    """PutScheduledAction requests without the fields that name the variant."""
    return [
        {
            "ScheduledActionName": f"{_CLOCK}{index}",
            "Schedule": one.when,
            "ScalableTargetAction": {"MinCapacity": one.least, "MaxCapacity": one.most},
            # A rate has no time zone, and AWS refuses one beside it.
            **({"Timezone": one.timezone} if one.when.startswith("cron") else {}),
        }
        for index, one in enumerate(rules.clock)
    ]


def matches(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Whether ``found`` has every wanted field; AWS adds fields of its own."""
    return all(
        matches(value, found[key])
        if isinstance(value, Mapping) and isinstance(found.get(key), Mapping)
        else found.get(key) == value
        for key, value in wanted.items()
    )
