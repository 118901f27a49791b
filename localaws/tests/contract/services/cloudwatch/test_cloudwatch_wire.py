"""CloudWatch through the gateway: the same calls a client makes of AWS, on real time."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.context import Context
from localaws.local_aws import LocalAws
from localaws.service_api import Service
from localaws.services.cloudwatch.service import CloudWatch
from localaws.tests.interpreters import INTERPRETERS

DEADLINE_SECONDS = 60
DIMENSIONS = [{"Name": "EndpointName", "Value": "spend"}, {"Name": "VariantName", "Value": "v2"}]


class KeepingBus:
    """Keeps what is put."""

    def __init__(self) -> None:
        self.details: list[Mapping[str, Any]] = []

    def put(self, *, source: str, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str] = ()) -> None:
        self.details.append(json.loads(json.dumps(detail)))


class Account:
    """A local AWS with CloudWatch alone."""

    def __init__(self, run_dir: Path) -> None:
        self.bus = KeepingBus()
        self.aws = LocalAws(run_dir, INTERPRETERS, services=self._services)
        self.client = self.aws.client("cloudwatch")

    def _services(self, context: Context) -> list[Service]:
        context.bus = self.bus
        self.cloudwatch = CloudWatch(context)
        context.metrics = self.cloudwatch
        return [self.cloudwatch]

    def state(self, alarm: str) -> str:
        (found,) = self.client.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
        return str(found["StateValue"])


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    account = Account(tmp_path_factory.mktemp("aws"))
    with account.aws:
        yield account


def latency_alarm(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "AlarmName": name,
        "Namespace": "AWS/SageMaker",
        "MetricName": "ModelLatency",
        "Dimensions": DIMENSIONS,
        "ExtendedStatistic": "p95",
        "Period": 10,
        "EvaluationPeriods": 1,
        "Threshold": 1000.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    } | changes


def error_code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


def test_an_alarm_raises_on_what_a_service_publishes_and_its_event_tells_of_it(account: Account) -> None:
    account.client.put_metric_alarm(**latency_alarm("slow"))
    deadline = time.monotonic() + DEADLINE_SECONDS
    while account.state("slow") != "ALARM" and time.monotonic() < deadline:
        for _ in range(20):
            account.cloudwatch.record(
                "AWS/SageMaker",
                "ModelLatency",
                {entry["Name"]: entry["Value"] for entry in DIMENSIONS},
                5000.0,
                unit="Microseconds",
                publish_every_seconds=10,
            )
        time.sleep(0.5)

    assert account.state("slow") == "ALARM"
    detail = next(entry for entry in reversed(account.bus.details) if entry["alarmName"] == "slow")
    assert detail["state"]["value"] == "ALARM"
    assert json.loads(detail["state"]["reasonData"])["recentDatapoints"] == [5000.0]
    change = next(each for each in reversed(account.cloudwatch.transitions()) if each.alarm == "slow")
    assert change.first_breach_published is not None
    assert change.decided_at >= change.first_breach_published


def test_metrics_go_in_and_come_out_as_numbers_and_times(account: Account) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    account.client.put_metric_data(
        Namespace="Shop",
        MetricData=[
            {"MetricName": "carts", "Values": [1.0, 2.0], "Counts": [3.0, 1.0], "Timestamp": now, "Unit": "Count"}
        ],
    )
    query = {"Metric": {"Namespace": "Shop", "MetricName": "carts"}, "Period": 60, "Stat": "Sum"}
    found = account.client.get_metric_data(
        MetricDataQueries=[
            {"Id": "m1", "MetricStat": query},
            {"Id": "e1", "Expression": "m1 / 5", "Label": "share"},
        ],
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
    )

    assert [(result["Label"], result["Values"]) for result in found["MetricDataResults"]] == [
        ("carts", [5.0]),
        ("share", [1.0]),
    ]
    assert found["MetricDataResults"][0]["Timestamps"] == [now.replace(second=0)]
    statistics = account.client.get_metric_statistics(
        Namespace="Shop",
        MetricName="carts",
        StartTime=now - timedelta(minutes=5),
        EndTime=now + timedelta(minutes=5),
        Period=60,
        Statistics=["SampleCount"],
        ExtendedStatistics=["p99"],
    )
    (datapoint,) = statistics["Datapoints"]
    assert (datapoint["SampleCount"], datapoint["ExtendedStatistics"], datapoint["Unit"]) == (
        4.0,
        {"p99": 2.0},
        "Count",
    )
    assert account.client.list_metrics(Namespace="Shop")["Metrics"] == [
        {"Namespace": "Shop", "MetricName": "carts", "Dimensions": []}
    ]


def test_what_an_alarm_is_given_comes_back(account: Account) -> None:
    given = latency_alarm("described", AlarmDescription="p95 of the canary", AlarmActions=["arn:aws:sns:us-east-1:1:t"])
    account.client.put_metric_alarm(**given, Tags=[{"Key": "rollout", "Value": "spend-7-1"}])

    (alarm,) = account.client.describe_alarms(AlarmNamePrefix="desc")["MetricAlarms"]
    assert {key: alarm[key] for key in given} == given
    assert alarm["AlarmArn"].endswith(":alarm:described")
    assert account.client.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"] == [
        {"Key": "rollout", "Value": "spend-7-1"}
    ]


def test_an_error_rate_alarm_comes_back_with_its_metrics(account: Account) -> None:
    def stat(name: str) -> dict[str, Any]:
        metric = {"Namespace": "AWS/SageMaker", "MetricName": name, "Dimensions": DIMENSIONS}
        return {"Metric": metric, "Period": 10, "Stat": "Sum"}

    metrics = [
        {"Id": "rate", "Expression": "IF(n >= 5, 100 * bad / n, 0)", "Label": "errors %", "ReturnData": True},
        {"Id": "bad", "MetricStat": stat("InvocationModelErrors"), "ReturnData": False},
        {"Id": "n", "MetricStat": stat("Invocations"), "ReturnData": False},
    ]
    account.client.put_metric_alarm(
        AlarmName="errors",
        Metrics=metrics,
        EvaluationPeriods=3,
        DatapointsToAlarm=2,
        Threshold=5.0,
        ComparisonOperator="GreaterThanThreshold",
    )

    (alarm,) = account.client.describe_alarms(AlarmNames=["errors"])["MetricAlarms"]
    assert alarm["Metrics"] == metrics


def test_a_composite_alarm_follows_a_state_set_by_hand(account: Account) -> None:
    account.client.put_metric_alarm(**latency_alarm("child", Period=3600))
    account.client.put_composite_alarm(AlarmName="parent", AlarmRule="ALARM(child)")
    account.client.set_alarm_state(AlarmName="child", StateValue="ALARM", StateReason="drill")

    (parent,) = account.client.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert parent["StateValue"] == "ALARM"
    items = account.client.describe_alarm_history(AlarmName="parent", HistoryItemType="StateUpdate")
    assert [item["HistorySummary"] for item in items["AlarmHistoryItems"]] == [
        "Alarm updated from OK to ALARM",
        "Alarm updated from INSUFFICIENT_DATA to OK",
    ]


def test_errors_arrive_as_clients_know_them(account: Account) -> None:
    with pytest.raises(ClientError) as unknown:
        account.client.delete_alarms(AlarmNames=["nope"])
    with pytest.raises(ClientError) as wrong:
        account.client.put_metric_alarm(**latency_alarm("wrong", Period=15))
    with pytest.raises(ClientError) as missing:
        account.client.get_dashboard(DashboardName="nope")

    assert [error_code(caught) for caught in (unknown, wrong, missing)] == [
        "ResourceNotFound",
        "ValidationError",
        "ResourceNotFound",
    ]


def test_a_dashboard_comes_back_as_it_was_put(account: Account) -> None:
    body = json.dumps({"widgets": [{"type": "text", "properties": {"markdown": "hello"}}]})
    account.client.put_dashboard(DashboardName="shop-dev", DashboardBody=body)

    assert account.client.get_dashboard(DashboardName="shop-dev")["DashboardBody"] == body


def test_a_composite_alarm_tells_the_bus_of_a_child_it_does_not_own(account: Account) -> None:
    """A rule on the names of composite alarms receives the changes of those only."""
    client = account.client
    client.put_metric_alarm(
        AlarmName="orders",
        Namespace="Shop",
        MetricName="Orders",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="LessThanThreshold",
    )
    client.put_composite_alarm(AlarmName="shop-dev-spend-7-1-alarms", AlarmRule='ALARM("orders")')
    client.set_alarm_state(AlarmName="orders", StateValue="ALARM", StateReason="too few")
    announced = [(detail["alarmName"], detail["state"]["value"]) for detail in account.bus.details]
    assert ("shop-dev-spend-7-1-alarms", "ALARM") in announced
