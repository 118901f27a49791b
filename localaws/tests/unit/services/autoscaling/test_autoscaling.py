"""Application Auto Scaling's decisions: metrics to capacities, cooldowns, bounds, schedules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from localaws.iam.permissions.permission import Place
from localaws.iam.permissions.scaling import autoscaling
from localaws.service_api import AwsError
from localaws.services.autoscaling.decision import Proposal, Scaling, ScalingDecision, decide
from localaws.services.autoscaling.policy import (
    TRACKING,
    AlarmTiming,
    ScalingPolicy,
    alarms_of,
    configuration_of,
    stepped_capacity,
    tracked_capacity,
)
from localaws.services.autoscaling.scheduled import next_time
from localaws.services.autoscaling.target import INSTANCES, PROVISIONED, Key, check_bounds

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
KEY = Key("endpoint/e/variant/v1", INSTANCES)
PER_INSTANCE = {
    "TargetValue": 70.0,
    "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
}
STEPS = {
    "AdjustmentType": "ChangeInCapacity",
    "StepAdjustments": [
        {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 10, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 10, "ScalingAdjustment": 3},
        {"MetricIntervalUpperBound": 0, "ScalingAdjustment": -1},
    ],
}


def proposal(capacity: int | None = None, *, ratio: float = 0.0) -> Proposal:
    """For a capacity, or for a multiple of what it is reckoned from."""
    return Proposal(
        policy="p",
        alarm="a",
        capacity_from=lambda base: capacity if capacity is not None else tracked_capacity(base, ratio, 1.0),
        out_cooldown_seconds=60,
        in_cooldown_seconds=300,
    )


def decided(current: int, *proposals: Proposal, last: Scaling | None = None, all_want_in: bool = True) -> int | None:
    found: ScalingDecision | None = decide(
        current, proposals, clamp=lambda c: min(max(c, 1), 20), last=last, now=NOW, all_want_in=all_want_in
    )
    return found.capacity if found else None


def scaling(before: int, after: int, *, ago_seconds: int, cooldown_seconds: int) -> Scaling:
    return Scaling(
        at=NOW - timedelta(seconds=ago_seconds), before=before, after=after, cooldown_seconds=cooldown_seconds
    )


@pytest.mark.parametrize(
    ("base", "value", "capacity"), [(1, 71, 2), (2, 140, 4), (3, 70, 3), (10, 63, 9), (4, 0, 0), (0, 500, 0)]
)
def test_target_tracking_is_proportional_and_rounds_up(base: int, value: float, capacity: int) -> None:
    assert tracked_capacity(base, value, 70.0) == capacity


@pytest.mark.parametrize(("breach", "capacity"), [(0, 5), (9.99, 5), (10, 7), (99, 7), (-0.1, 3)])
def test_the_step_that_fits_the_breach(breach: float, capacity: int) -> None:
    assert stepped_capacity(4, breach, STEPS) == capacity


@pytest.mark.parametrize(
    ("adjustment", "more", "capacity"),
    [(25, {}, 12), (1, {}, 11), (-25, {}, 8), (25, {"MinAdjustmentMagnitude": 4}, 14), (-100, {}, 0)],
)
def test_steps_in_percent_round_towards_the_present_but_move_at_least_one(
    adjustment: int, more: dict[str, int], capacity: int
) -> None:
    steps = [{"ScalingAdjustment": adjustment, "MetricIntervalLowerBound": 0}]
    configuration = {"AdjustmentType": "PercentChangeInCapacity", "StepAdjustments": steps, **more}
    assert stepped_capacity(10, 1, configuration) == capacity


def test_the_policy_that_asks_for_most_wins() -> None:
    assert decided(2, proposal(3), proposal(5)) == 5
    assert decided(2, proposal(99)) == 20


def test_scaling_in_needs_every_policy() -> None:
    assert decided(5, proposal(2), proposal(3)) == 3
    assert decided(5, proposal(2), all_want_in=False) is None
    assert decided(5, proposal(2), proposal(6)) == 6


def test_what_a_cooling_scale_out_added_counts_for_the_next_one() -> None:
    last = scaling(2, 4, ago_seconds=30, cooldown_seconds=60)
    assert decided(4, proposal(ratio=2.0), last=last) is None  # twice 2 is what there is
    assert decided(4, proposal(ratio=3.0), last=last) == 6
    over = scaling(2, 4, ago_seconds=60, cooldown_seconds=60)
    assert decided(4, proposal(ratio=2.0), last=over) == 8


def test_a_cooldown_holds_scaling_in_but_not_out() -> None:
    last = scaling(5, 4, ago_seconds=299, cooldown_seconds=300)
    assert decided(4, proposal(2), last=last) is None
    assert decided(4, proposal(6), last=last) == 6
    assert decided(4, proposal(2), last=scaling(5, 4, ago_seconds=300, cooldown_seconds=300)) == 2


def test_the_alarms_of_target_tracking() -> None:
    policy = ScalingPolicy(
        key=KEY, name="p", arn="arn", kind=TRACKING, configuration=PER_INSTANCE, created=NOW, alarms=("high", "low")
    )
    high, low = alarms_of(policy, AlarmTiming())
    assert (high["Threshold"], high["EvaluationPeriods"], high["ComparisonOperator"]) == (
        70.0,
        3,
        "GreaterThanThreshold",
    )
    assert (low["Threshold"], low["EvaluationPeriods"], low["ComparisonOperator"]) == (63.0, 15, "LessThanThreshold")
    assert (high["MetricName"], high["Statistic"], high["AlarmActions"]) == ("InvocationsPerInstance", "Sum", ["arn"])


@pytest.mark.parametrize(
    ("kind", "configuration", "text"),
    [
        ("TargetTrackingScaling", {"TargetValue": 1.0}, "Exactly one"),
        ("TargetTrackingScaling", PER_INSTANCE | {"TargetValue": 0.0}, "greater than 0"),
        ("StepScaling", {"AdjustmentType": "ExactCapacity"}, "required"),
        ("StepScaling", STEPS | {"StepAdjustments": [*STEPS["StepAdjustments"], {"ScalingAdjustment": 1}]}, "overlap"),
        ("PredictiveScaling", {}, "not supported by the local AWS"),
    ],
)
def test_policies_that_are_refused(kind: str, configuration: dict[str, Any], text: str) -> None:
    with pytest.raises(AwsError, match=text):
        configuration_of({"PolicyType": kind, f"{kind}PolicyConfiguration": configuration}, KEY)


def test_a_metric_belongs_to_its_dimension() -> None:
    with pytest.raises(AwsError, match="does not apply"):
        configuration_of(
            {"PolicyType": TRACKING, "TargetTrackingScalingPolicyConfiguration": PER_INSTANCE},
            Key("endpoint/e/variant/v1", PROVISIONED),
        )


@pytest.mark.parametrize(("least", "most"), [(2, 1), (-1, 1)])
def test_bounds_that_are_refused(least: int, most: int) -> None:
    with pytest.raises(AwsError):
        check_bounds(least, most)


@pytest.mark.parametrize(
    ("request_", "due"),
    [
        ({"Schedule": "at(2026-03-04T13:30:00)"}, datetime(2026, 3, 4, 13, 30, tzinfo=UTC)),
        ({"Schedule": "at(2026-03-04T11:30:00)"}, None),
        (
            {"Schedule": "at(2026-03-04T13:30:00)", "Timezone": "Europe/Berlin"},
            datetime(2026, 3, 4, 12, 30, tzinfo=UTC),
        ),
        (
            {"Schedule": "cron(0 2 * * ? *)", "Timezone": "Europe/Berlin"},
            datetime(2026, 3, 5, 1, 0, tzinfo=UTC),
        ),
        ({"Schedule": "rate(1 hour)"}, datetime(2026, 3, 4, 13, 0, tzinfo=UTC)),
        ({"Schedule": "rate(1 hour)", "EndTime": NOW}, None),
    ],
)
def test_when_a_scheduled_action_is_due(request_: dict[str, Any], due: datetime | None) -> None:
    assert next_time(request_, after=NOW, created=NOW) == due


@pytest.mark.parametrize("request_", [{"Schedule": "daily"}, {"Schedule": "rate(1 hour)", "Timezone": "Mars/North"}])
def test_schedules_that_are_refused(request_: dict[str, Any]) -> None:
    with pytest.raises(AwsError):
        next_time(request_, after=NOW, created=NOW)


def test_registering_needs_the_endpoint_and_tracking_its_alarms() -> None:
    place = Place("123456789012", "us-east-1")
    params = {"ServiceNamespace": "sagemaker", "ResourceId": KEY.resource_id, "ScalableDimension": INSTANCES}
    needed = {permission.action for permission in autoscaling("RegisterScalableTarget", params, place)}
    assert needed == {
        "application-autoscaling:RegisterScalableTarget",
        "sagemaker:DescribeEndpoint",
        "sagemaker:UpdateEndpointWeightsAndCapacities",
    }
    tracking = autoscaling("PutScalingPolicy", params | {"PolicyType": TRACKING}, place)
    assert tracking[1].resource.endswith(":alarm:TargetTracking-endpoint/e/variant/v1-*")
    assert [p.resource for p in autoscaling("DescribeScalableTargets", params, place)] == ["*"]
