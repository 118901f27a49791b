"""Application Auto Scaling of endpoints, through boto3, on a clock that is pushed."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.tests.contract.services.sagemaker.serving.account import BUCKET, Account, eventually

COUNT = "sagemaker:variant:DesiredInstanceCount"


class Scaled:
    """One scaled endpoint and short ways to say what a test wants of it."""

    def __init__(self, account: Account, endpoint: str) -> None:
        self.account = account
        self.endpoint = endpoint
        self.client = account.aws.client("application-autoscaling")
        self.what = {
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"endpoint/{endpoint}/variant/v1",
            "ScalableDimension": COUNT,
        }

    def register(self, least: int, most: int, **more: Any) -> None:
        self.client.register_scalable_target(**self.what, MinCapacity=least, MaxCapacity=most, **more)

    def track(self, name: str = "load", **more: Any) -> dict[str, Any]:
        metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
        configuration = {"TargetValue": 20.0, "ScaleOutCooldown": 60, "ScaleInCooldown": 300, **more}
        if "CustomizedMetricSpecification" not in more:
            configuration["PredefinedMetricSpecification"] = metric
        return dict(
            self.client.put_scaling_policy(
                **self.what,
                PolicyName=name,
                PolicyType="TargetTrackingScaling",
                TargetTrackingScalingPolicyConfiguration=configuration,
            )
        )

    @property
    def count(self) -> int:
        shown = self.account.sagemaker.describe_endpoint(EndpointName=self.endpoint)
        return int(shown["ProductionVariants"][0].get("CurrentInstanceCount", 0))

    def reaches(self, count: int) -> None:
        """Wait until there are so many instances and nothing changes any more."""
        eventually(lambda: self.count, lambda seen: seen == count)
        self.account.settled(self.endpoint)

    def minutes(self, requests: list[int]) -> None:
        """Minutes with so many requests each; their metrics are visible and judged in the end."""
        for number in requests:
            for _ in range(number):
                self.account.runtime.invoke_endpoint(EndpointName=self.endpoint, Body=b"1,2,3", ContentType="text/csv")
            self.pass_minute()

    def pass_minute(self) -> None:
        self.account.clock.push(60)
        self.account.cloudwatch.evaluate_due_alarms()

    def activities(self) -> list[dict[str, Any]]:
        """Oldest first."""
        found = self.client.describe_scaling_activities(**self.what)["ScalingActivities"]
        return list(reversed(found))


def scaled(account: Account, name: str, **config: Any) -> Scaled:
    account.endpoint(name, {}, **config)
    return Scaled(account, name)


def alarm_names(account: Account) -> set[str]:
    found = account.aws.client("cloudwatch").describe_alarms(AlarmNamePrefix="TargetTracking-")["MetricAlarms"]
    return {alarm["AlarmName"] for alarm in found}


def test_a_burst_scales_out_and_its_end_scales_in(account: Account) -> None:
    variant = scaled(account, "bursty")
    variant.register(1, 3)
    variant.track()
    variant.minutes([50, 50, 50])
    variant.reaches(3)  # 50 for each instance, 20 wanted
    [out] = variant.activities()
    eventually(lambda: variant.activities()[0]["StatusCode"], lambda status: status == "Successful")
    assert out["Description"] == "Setting desired instance count to 3."
    assert "TargetTracking-endpoint/bursty/variant/v1-AlarmHigh-" in out["Cause"]
    variant.minutes([3] * 16)
    variant.reaches(1)
    assert [activity["Description"][-2:] for activity in variant.activities()] == ["3.", "1."]
    assert "AlarmLow" in variant.activities()[1]["Cause"]


def test_registering_moves_the_count_and_an_update_must_not_lose_the_variant(account: Account) -> None:
    variant = scaled(account, "guarded")
    variant.register(2, 4)
    variant.reaches(2)
    with pytest.raises(ClientError, match="Maximum capacity cannot be less"):
        variant.register(5, 4)
    larger = {"InstanceType": "ml.m5.xlarge", "InitialInstanceCount": 1, "ModelName": "low"}
    for name, named in (("guarded-larger", "v1"), ("guarded-other", "v2")):
        account.sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[{"VariantName": named, **larger}]
        )
        with pytest.raises(ClientError, match="registered as a scalable target"):
            account.sagemaker.update_endpoint(EndpointName="guarded", EndpointConfigName=name)
    variant.client.deregister_scalable_target(**variant.what)
    account.sagemaker.update_endpoint(EndpointName="guarded", EndpointConfigName="guarded-larger")
    assert account.settled("guarded")["EndpointConfigName"] == "guarded-larger"


def test_alarms_come_and_go_with_their_policy_and_the_target_with_its_endpoint(account: Account) -> None:
    variant = scaled(account, "short")
    with pytest.raises(ClientError, match="ObjectNotFoundException"):
        variant.track()
    variant.register(1, 2)
    before = alarm_names(account)
    owned = {alarm["AlarmName"] for alarm in variant.track()["Alarms"]}
    assert len(owned) == 2
    assert alarm_names(account) - before == owned
    replaced = {alarm["AlarmName"] for alarm in variant.track(DisableScaleIn=True)["Alarms"]}
    assert len(replaced) == 1
    assert alarm_names(account) - before == replaced
    [policy] = variant.client.describe_scaling_policies(
        ServiceNamespace="sagemaker", ResourceId=variant.what["ResourceId"]
    )["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"]["DisableScaleIn"] is True
    account.sagemaker.delete_endpoint(EndpointName="short")
    eventually(lambda: alarm_names(account), lambda names: names == before)
    found = variant.client.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[variant.what["ResourceId"]]
    )
    assert found["ScalableTargets"] == []


def test_a_suspended_target_stays_as_it_is(account: Account) -> None:
    variant = scaled(account, "paused")
    variant.register(1, 3, SuspendedState={"DynamicScalingOutSuspended": True})
    variant.track()
    variant.minutes([50, 50, 50])
    cloudwatch = account.aws.client("cloudwatch")
    ringing = cloudwatch.describe_alarms(AlarmNamePrefix="TargetTracking-endpoint/paused/", StateValue="ALARM")
    assert len(ringing["MetricAlarms"]) == 1
    lifted = account.clock.now()
    variant.register(1, 3, SuspendedState={"DynamicScalingOutSuspended": False})
    variant.minutes([50])
    variant.reaches(3)
    [out] = variant.activities()
    assert out["StartTime"] >= lifted  # the alarm alone did nothing before


def test_a_schedule_changes_the_bounds(account: Account) -> None:
    variant = scaled(account, "timed")
    variant.register(1, 2)
    at = account.clock.now().replace(microsecond=0)
    variant.client.put_scheduled_action(
        **variant.what,
        ScheduledActionName="morning",
        Schedule=f"at({at.replace(year=at.year + 1):%Y-%m-%dT%H:%M:%S})",
        ScalableTargetAction={"MinCapacity": 2},
    )
    variant.client.put_scheduled_action(
        **variant.what,
        ScheduledActionName="each-hour",
        Schedule="rate(1 hour)",
        Timezone="Europe/Berlin",
        ScalableTargetAction={"MinCapacity": 2, "MaxCapacity": 4},
    )
    account.clock.push(3601)
    variant.reaches(2)
    [target] = variant.client.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[variant.what["ResourceId"]]
    )["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 4)
    shown = variant.client.describe_scheduled_actions(ServiceNamespace="sagemaker")["ScheduledActions"]
    assert {action["ScheduledActionName"] for action in shown} == {"morning", "each-hour"}
    for action in ("morning", "each-hour"):
        variant.client.delete_scheduled_action(**variant.what, ScheduledActionName=action)


def test_an_asynchronous_endpoint_goes_to_zero_and_wakes_up(account: Account) -> None:
    """Target tracking on the backlog cannot leave zero; a step policy on its own alarm does."""
    asynchronous = {"OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/woken"}}
    variant = scaled(account, "sleepy", AsyncInferenceConfig=asynchronous)
    where = [{"Name": "EndpointName", "Value": "sleepy"}]
    variant.register(0, 3)
    backlog = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "ApproximateBacklogSizePerInstance",
        "Dimensions": where,
        "Statistic": "Average",
    }
    variant.track("backlog", TargetValue=5.0, CustomizedMetricSpecification=backlog)
    wake = variant.client.put_scaling_policy(
        **variant.what,
        PolicyName="wake",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "MetricAggregationType": "Average",
            "Cooldown": 60,
            "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
        },
    )
    account.aws.client("cloudwatch").put_metric_alarm(
        AlarmName="sleepy-wake",
        AlarmActions=[wake["PolicyARN"]],
        Namespace="AWS/SageMaker",
        MetricName="HasBacklogWithoutCapacity",
        Dimensions=where,
        Statistic="Average",
        Period=60,
        EvaluationPeriods=2,
        DatapointsToAlarm=2,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )

    def measured() -> int:
        account.clock.push(60)
        account.cloudwatch.evaluate_due_alarms()
        threading.Event().wait(0.3)  # the backlog is measured once in each of these minutes
        return variant.count

    eventually(measured, lambda count: count == 0)
    answer = account.runtime.invoke_endpoint_async(EndpointName="sleepy", Body=b"1,2,3", ContentType="text/csv")
    eventually(measured, lambda count: count == 1)
    eventually(lambda: account.keys("woken/"), lambda keys: keys)
    assert account.text(answer["OutputLocation"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ResourceId": "endpoint/nobody/variant/v1"}, "ValidationException"),
        ({"ResourceId": "table/x"}, "ValidationException"),
        ({"ScalableDimension": "sagemaker:inference-component:DesiredCopyCount"}, "NotImplemented"),
        ({"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}, "NotImplemented"),
    ],
)
def test_what_cannot_be_registered(account: Account, change: dict[str, str], code: str) -> None:
    what = {"ServiceNamespace": "sagemaker", "ResourceId": "endpoint/x/variant/v1", "ScalableDimension": COUNT}
    client = account.aws.client("application-autoscaling")
    with pytest.raises(ClientError) as refused:
        client.register_scalable_target(**(what | change), MinCapacity=1, MaxCapacity=2)
    assert refused.value.response["Error"]["Code"] == code
