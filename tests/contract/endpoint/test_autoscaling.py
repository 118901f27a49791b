"""The application's own view of Application Auto Scaling, against the local AWS."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sluice.aws.cloudwatch import CloudWatch
from sluice.endpoint.autoscaling import AutoScaling
from sluice.endpoint.scaling_requests import TRACKING, WAKE_UP, resource_of, wake_up_alarm_name
from sluice.endpoint.scaling_rules import INSTANCES, WARM_CONTAINERS, ClockRange, ScalingRules
from sluice.errors import AwsRefusedError
from sluice.names import Names

from localaws.tests.contract.services.sagemaker.serving.account import BUCKET, Account, eventually
from tests.builders.aws_clients import translating

NAMES = Names("dev")
RULES = ScalingRules(kind="real-time", least=1, most=3, target=70, in_cooldown_seconds=300, out_cooldown_seconds=60)
NIGHT = ClockRange(when="cron(0 22 * * ? *)", timezone="Europe/Berlin", least=1, most=2)


@pytest.fixture
def scaling(account: Account) -> AutoScaling:
    client = account.aws.client
    return AutoScaling(translating(client("application-autoscaling")), CloudWatch(client("cloudwatch")), NAMES)


def alarms(account: Account, prefix: str) -> list[dict[str, Any]]:
    return list(account.aws.client("cloudwatch").describe_alarms(AlarmNamePrefix=prefix)["MetricAlarms"])


def test_a_variant_is_scaled_by_the_rules_and_asking_again_changes_nothing(
    account: Account, scaling: AutoScaling
) -> None:
    account.endpoint("followed", {})
    assert scaling.registered("followed", ["v1"]) == []
    assert scaling.ensure("followed", "v1", RULES)
    watching = alarms(account, "TargetTracking-endpoint/followed/")
    assert {each["Threshold"] for each in watching} == {70.0, 63.0}
    assert not scaling.ensure("followed", "v1", RULES)
    assert alarms(account, "TargetTracking-endpoint/followed/") == watching, "they are not made anew"
    (found,) = scaling.registered("followed", ["v1", "v2"])
    assert (found.range, found.dimension, found.policies) == ((1, 3), INSTANCES, (TRACKING,))
    assert not found.is_by_hand

    assert scaling.ensure("followed", "v1", RULES.holding(2))
    eventually(
        lambda: account.settled("followed")["ProductionVariants"][0]["CurrentInstanceCount"], lambda count: count == 2
    )
    assert scaling.ensure("followed", "v1", replace(RULES, target=20.0))
    assert {each["Threshold"] for each in alarms(account, "TargetTracking-endpoint/followed/")} == {20.0, 18.0}

    assert scaling.deregister("followed", ["v1", "v2"]) == ["v1"]
    assert scaling.deregister("followed", ["v1", "v2"]) == []
    assert alarms(account, "TargetTracking-endpoint/followed/") == []


def test_the_clock_follows_the_spec(account: Account, scaling: AutoScaling) -> None:
    account.endpoint("clocked", {})
    hourly = ClockRange(when="rate(1 hour)", timezone="UTC", least=2, most=3)
    assert scaling.ensure("clocked", "v1", replace(RULES, clock=(NIGHT, hourly)))
    assert not scaling.ensure("clocked", "v1", replace(RULES, clock=(NIGHT, hourly)))
    assert scaling.ensure("clocked", "v1", replace(RULES, clock=(NIGHT,)))
    (action,) = account.aws.client("application-autoscaling").describe_scheduled_actions(
        ServiceNamespace="sagemaker", ResourceId=resource_of("clocked", "v1")
    )["ScheduledActions"]
    assert (action["Schedule"], action["Timezone"]) == (NIGHT.when, NIGHT.timezone)
    assert action["ScalableTargetAction"] == {"MinCapacity": 1, "MaxCapacity": 2}


def test_a_floor_holds_against_the_clock_until_it_is_taken_away(account: Account, scaling: AutoScaling) -> None:
    account.endpoint("floored", {})
    client = account.aws.client("application-autoscaling")
    place = {"ServiceNamespace": "sagemaker", "ResourceId": resource_of("floored", "v1")}

    def of_the_clock() -> list[dict[str, int]]:
        found = client.describe_scheduled_actions(**place)["ScheduledActions"]
        return [each["ScalableTargetAction"] for each in found]

    clocked = replace(RULES, clock=(NIGHT,))
    scaling.ensure("floored", "v1", clocked)
    assert scaling.ensure("floored", "v1", clocked.holding(3))
    assert of_the_clock() == [{"MinCapacity": 3, "MaxCapacity": 3}]
    assert scaling.ensure("floored", "v1", clocked)
    assert of_the_clock() == [{"MinCapacity": 1, "MaxCapacity": 2}]


def test_the_right_to_deregister_is_known_before_it_is_used(account: Account, scaling: AutoScaling) -> None:
    account.endpoint("asked", {})
    scaling.ensure("asked", "v1", RULES)
    scaling.require_deregistering("asked")
    assert [one.variant for one in scaling.registered("asked", ["v1"])] == ["v1"], "nothing is deregistered by asking"
    powerless = account.aws.client("application-autoscaling", "arn:aws:iam::123456789012:role/nobody")
    denied = AutoScaling(translating(powerless), CloudWatch(account.aws.client("cloudwatch")), NAMES)
    with pytest.raises(AwsRefusedError, match="application-autoscaling:DeregisterScalableTarget") as refused:
        denied.require_deregistering("asked")
    assert refused.value.is_access_refusal


def test_what_was_set_up_by_hand_is_seen_and_taken_over(account: Account, scaling: AutoScaling) -> None:
    account.endpoint("by-hand", {})
    client = account.aws.client("application-autoscaling")
    place = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": resource_of("by-hand", "v1"),
        "ScalableDimension": INSTANCES,
    }
    client.register_scalable_target(**place, MinCapacity=1, MaxCapacity=9)
    (bare,) = scaling.registered("by-hand", ["v1"])
    assert bare.is_by_hand
    client.put_scaling_policy(
        **place,
        PolicyName="mine",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 500.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        },
    )
    (found,) = scaling.registered("by-hand", ["v1"])
    assert (found.policies, found.is_by_hand, found.is_from_spec) == (("mine",), True, False)
    assert scaling.ensure("by-hand", "v1", RULES)
    (taken,) = scaling.registered("by-hand", ["v1"])
    assert (taken.policies, taken.range, taken.is_by_hand) == ((TRACKING,), (1, 3), False)


def test_an_async_endpoint_is_woken_by_an_alarm_of_its_own(account: Account, scaling: AutoScaling) -> None:
    output = {"OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/out/", "S3FailurePath": f"s3://{BUCKET}/failed/"}}
    account.endpoint("queue", {}, AsyncInferenceConfig=output)
    rules = replace(RULES, kind="async", least=0, target=5)
    assert scaling.ensure("queue", "v1", rules)
    (found,) = scaling.registered("queue", ["v1"])
    assert set(found.policies) == {TRACKING, WAKE_UP}
    (alarm,) = alarms(account, wake_up_alarm_name(NAMES, "queue"))
    (policy,) = (
        each
        for each in account.aws.client("application-autoscaling").describe_scaling_policies(
            ServiceNamespace="sagemaker", ResourceId=resource_of("queue", "v1")
        )["ScalingPolicies"]
        if each["PolicyName"] == WAKE_UP
    )
    assert (alarm["AlarmActions"], alarm["Period"]) == ([policy["PolicyARN"]], 60)
    assert not scaling.ensure("queue", "v1", rules)
    assert scaling.deregister("queue", ["v1"]) == ["v1"]
    assert alarms(account, wake_up_alarm_name(NAMES, "queue")) == []


def test_warm_containers_are_counted_where_there_are_no_instances(account: Account, scaling: AutoScaling) -> None:
    size = {"MemorySizeInMB": 1024, "MaxConcurrency": 4, "ProvisionedConcurrency": 1}
    account.endpoint("warm", {"ServerlessConfig": size})
    assert scaling.ensure("warm", "v1", replace(RULES, kind="serverless", target=0.7))
    (found,) = scaling.registered("warm", ["v1"])
    assert found.dimension == WARM_CONTAINERS
    assert {each["MetricName"] for each in alarms(account, "TargetTracking-endpoint/warm/")} == {
        "ServerlessProvisionedConcurrencyUtilization"
    }
