"""CloudWatch's operations, as the gateway calls them: what they answer and what they refuse."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from localaws.service_api import AwsError
from localaws.tests.unit.services.cloudwatch.cloudwatch_stage import NOON, Stage, dimensions, metric_query


@pytest.fixture
def stage() -> Stage:
    return Stage()


def at(second: float) -> datetime:
    return datetime.fromtimestamp(NOON + second, UTC)


def get(stage: Stage, *queries: dict[str, Any], until: float = 60, **options: Any) -> dict[str, Any]:
    return stage.call("GetMetricData", MetricDataQueries=list(queries), StartTime=at(0), EndTime=at(until), **options)


def refusal(stage: Stage, operation: str, **params: Any) -> AwsError:
    with pytest.raises(AwsError) as caught:
        stage.call(operation, **params)
    return caught.value


def test_metrics_and_math_come_newest_first_with_labels(stage: Stage) -> None:
    for second, value in ((5, 10), (15, 20)):
        stage.sample("ModelLatency", value, second=second)
    stage.time = NOON + 30
    found = get(
        stage,
        metric_query("m1", "ModelLatency", "Average", returned=True),
        {"Id": "e1", "Expression": "m1 * 2", "Label": "double"},
    )

    assert found["MetricDataResults"] == [
        {
            "Id": "m1",
            "Label": "ModelLatency",
            "Timestamps": [at(10), at(0)],
            "Values": [20.0, 10.0],
            "StatusCode": "Complete",
        },
        {
            "Id": "e1",
            "Label": "double",
            "Timestamps": [at(10), at(0)],
            "Values": [40.0, 20.0],
            "StatusCode": "Complete",
        },
    ]
    ascending = get(stage, metric_query("m1", "ModelLatency", "Sum", returned=True), ScanBy="TimestampAscending")
    assert ascending["MetricDataResults"][0]["Values"] == [10.0, 20.0]


def test_what_is_not_published_yet_is_not_given(stage: Stage) -> None:
    stage.sample("ModelLatency", 10, second=5)
    stage.sample("ModelLatency", 20, second=15)

    found = get(stage, metric_query("m1", "ModelLatency", "Sum", returned=True))

    assert found["MetricDataResults"][0]["Values"] == [10.0]


@pytest.mark.parametrize(
    ("age_seconds", "period", "count"),
    [
        pytest.param(3 * 3600, 10, 2, id="ten seconds, three hours ago"),
        pytest.param(3 * 3600 + 1, 10, 0, id="ten seconds, before that"),
        pytest.param(3 * 3600 + 1, 60, 1, id="a minute, before that"),
        pytest.param(15 * 86_400 + 1, 60, 0, id="a minute, fifteen days ago"),
        pytest.param(15 * 86_400 + 1, 300, 1, id="five minutes, fifteen days ago"),
        pytest.param(63 * 86_400 + 1, 300, 0, id="five minutes, 63 days ago"),
        pytest.param(63 * 86_400 + 1, 3600, 1, id="an hour, 63 days ago"),
    ],
)
def test_old_data_is_given_at_long_periods_only(stage: Stage, age_seconds: int, period: int, count: int) -> None:
    for second in (5, 15):
        stage.sample("Invocations", 1, second=second)
    stage.time = NOON + age_seconds
    found = get(stage, metric_query("m1", "Invocations", "Sum", period, returned=True))["MetricDataResults"][0]
    assert (len(found["Values"]), sum(found["Values"])) == (count, 2.0 if count else 0)
    asked = {"Namespace": "AWS/SageMaker", "MetricName": "Invocations", "Dimensions": dimensions()}
    points = stage.call(
        "GetMetricStatistics", **asked, Period=period, StartTime=at(0), EndTime=at(60), Statistics=["Sum"]
    )
    assert len(points["Datapoints"]) == count


def test_what_began_too_long_ago_has_no_points_at_short_periods_however_new_they_are(stage: Stage) -> None:
    stage.sample("Invocations", 1, second=4 * 3600 - 30)
    stage.time = NOON + 4 * 3600
    query = metric_query("m1", "Invocations", "Sum", returned=True)
    assert get(stage, query, until=4 * 3600)["MetricDataResults"][0]["Values"] == []


def test_pages_together_hold_every_point_once(stage: Stage) -> None:
    for second in range(5, 60, 10):
        stage.sample("ModelLatency", second, second=second)
        stage.sample("Invocations", 1, second=second)
    stage.time = NOON + 60
    queries = [
        metric_query("m1", "ModelLatency", "Sum", returned=True),
        metric_query("m2", "Invocations", "Sum", returned=True),
    ]
    token, values, statuses = None, [], []
    while True:
        found = get(stage, *queries, MaxDatapoints=5, ScanBy="TimestampAscending", NextToken=token)
        values.append([result["Values"] for result in found["MetricDataResults"]])
        statuses.append([result["StatusCode"] for result in found["MetricDataResults"]])
        token = found.get("NextToken")
        if token is None:
            break

    assert values == [
        [[5.0, 15.0, 25.0, 35.0, 45.0], []],
        [[55.0], [1.0] * 4],
        [[], [1.0] * 2],
    ]
    assert statuses == [["PartialData", "PartialData"], ["Complete", "PartialData"], ["Complete", "Complete"]]


def test_a_start_within_a_period_takes_the_whole_period(stage: Stage) -> None:
    stage.sample("ModelLatency", 10, second=2)
    stage.time = NOON + 30
    found = stage.call(
        "GetMetricData",
        MetricDataQueries=[metric_query("m1", "ModelLatency", "Sum", 60, returned=True)],
        StartTime=at(20),
        EndTime=at(60),
    )

    assert found["MetricDataResults"][0]["Timestamps"] == [at(0)]


def test_the_dimensions_tell_equal_names_apart(stage: Stage) -> None:
    other = metric_query("m2", "ModelLatency", "Sum", returned=True)
    other["MetricStat"]["Metric"]["Dimensions"] = [{"Name": "EndpointName", "Value": "churn"}]

    found = get(stage, metric_query("m1", "ModelLatency", "Sum", returned=True), other)

    labels = [result["Label"] for result in found["MetricDataResults"]]
    assert labels == ["spend v2 ModelLatency", "churn ModelLatency"]


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ({"Id": "E1", "Expression": "1"}, "lower-case"),
        ({"Id": "e1"}, "Exactly one of MetricStat and Expression"),
        ({"Id": "e1", "Expression": "m9 + 1"}, "undefined: m9"),
        ({"Id": "e1", "Expression": "e1 + 1"}, "refers to itself"),
        ({"Id": "e1", "Expression": "m1 +"}, "Error in expression 'e1'"),
        ({"Id": "e1", "Expression": "SUM(m1)"}, "not a scalar"),
        ({"Id": "m1", "Expression": "1"}, "not unique"),
        (metric_query("m2", "Invocations", "Sum", 15), "Period must be"),
        (metric_query("m2", "Invocations", "p200", 60), "not supported"),
    ],
)
def test_wrong_queries_are_refused(stage: Stage, query: dict[str, Any], complaint: str) -> None:
    error = refusal(
        stage,
        "GetMetricData",
        MetricDataQueries=[metric_query("m1", "Invocations", "Sum"), query],
        StartTime=at(0),
        EndTime=at(60),
    )

    assert error.code == "ValidationError"
    assert complaint in error.message


def test_a_range_that_ends_before_it_starts_and_a_made_up_token_are_refused(stage: Stage) -> None:
    queries = [metric_query("m1", "Invocations", "Sum")]
    backwards = refusal(stage, "GetMetricData", MetricDataQueries=queries, StartTime=at(1), EndTime=at(0))
    made_up = refusal(
        stage, "GetMetricData", MetricDataQueries=queries, StartTime=at(0), EndTime=at(1), NextToken="abc"
    )

    assert (backwards.code, made_up.code) == ("ValidationError", "InvalidNextToken")


def test_customers_put_values_counts_and_statistic_sets(stage: Stage) -> None:
    stage.call(
        "PutMetricData",
        Namespace="Shop",
        MetricData=[
            {"MetricName": "carts", "Value": 3.0, "Unit": "Count"},
            {"MetricName": "carts", "Values": [1.0, 2.0], "Counts": [4.0, 1.0], "Unit": "Count"},
            {
                "MetricName": "carts",
                "StatisticValues": {"SampleCount": 2, "Sum": 20, "Minimum": 8, "Maximum": 12},
                "Unit": "Count",
            },
        ],
    )
    found = stage.call(
        "GetMetricStatistics",
        Namespace="Shop",
        MetricName="carts",
        StartTime=at(-60),
        EndTime=at(60),
        Period=60,
        Statistics=["SampleCount", "Sum", "Maximum"],
        ExtendedStatistics=["p50"],
    )

    assert found["Datapoints"] == [
        {
            "Timestamp": at(0),
            "Unit": "Count",
            "SampleCount": 8,
            "Sum": 29,
            "Maximum": 12,
            "ExtendedStatistics": {"p50": 1.0},
        }
    ]


@pytest.mark.parametrize(
    ("datum", "code"),
    [
        ({}, "InvalidParameterCombination"),
        ({"Value": 1.0, "Values": [1.0]}, "InvalidParameterCombination"),
        ({"Value": float("nan")}, "InvalidParameterValue"),
        ({"Values": [1.0, 2.0], "Counts": [1.0]}, "InvalidParameterValue"),
        ({"Value": 1.0, "StorageResolution": 5}, "InvalidParameterValue"),
        ({"Value": 1.0, "Timestamp": at(3 * 3600)}, "InvalidParameterValue"),
        ({"Value": 1.0, "Timestamp": at(-15 * 86400)}, "InvalidParameterValue"),
    ],
)
def test_wrong_data_is_refused_with_all_that_came_along(stage: Stage, datum: dict[str, Any], code: str) -> None:
    good = {"MetricName": "carts", "Value": 1.0}
    error = refusal(stage, "PutMetricData", Namespace="Shop", MetricData=[good, {"MetricName": "x", **datum}])

    assert error.code == code
    assert stage.call("ListMetrics")["Metrics"] == []


def test_customers_may_not_write_into_the_namespaces_of_aws(stage: Stage) -> None:
    data = [{"MetricName": "Invocations", "Value": 1.0}]
    assert refusal(stage, "PutMetricData", Namespace="AWS/SageMaker", MetricData=data).code == "InvalidParameterValue"


def test_too_many_datapoints_are_refused(stage: Stage) -> None:
    error = refusal(
        stage,
        "GetMetricStatistics",
        Namespace="Shop",
        MetricName="carts",
        StartTime=at(0),
        EndTime=at(1441),
        Period=1,
        Statistics=["Sum"],
    )

    assert (error.code, "1441" in error.message) == ("InvalidParameterCombination", True)


def test_metrics_are_listed_by_namespace_name_and_dimension(stage: Stage) -> None:
    stage.sample("ModelLatency", 1, second=0)
    stage.sample("Invocations", 1, second=0)
    stage.call("PutMetricData", Namespace="Shop", MetricData=[{"MetricName": "carts", "Value": 1.0}])

    def names(**filters: Any) -> list[str]:
        return [metric["MetricName"] for metric in stage.call("ListMetrics", **filters)["Metrics"]]

    assert names() == ["Invocations", "ModelLatency", "carts"]
    assert names(Namespace="Shop") == ["carts"]
    assert names(MetricName="Invocations") == ["Invocations"]
    assert names(Dimensions=[{"Name": "VariantName"}]) == ["Invocations", "ModelLatency"]
    assert names(Dimensions=[{"Name": "VariantName", "Value": "v1"}]) == []
    stage.time = NOON + 4 * 3600
    assert names(RecentlyActive="PT3H") == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"Period": 15}, "Period must be"),
        ({"Period": -60}, "Period must be"),
        ({"Period": None}, "Period is required"),
        ({"Statistic": None}, "Exactly one of Statistic"),
        ({"ExtendedStatistic": "p90"}, "Exactly one of Statistic"),
        ({"Statistic": None, "ExtendedStatistic": "p900"}, "not supported"),
        ({"EvaluationPeriods": None}, "EvaluationPeriods is required"),
        ({"EvaluationPeriods": 2, "DatapointsToAlarm": 3}, "DatapointsToAlarm"),
        ({"EvaluationPeriods": 8641}, "more than a day"),
        ({"Threshold": None}, "Threshold"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "ComparisonOperator"),
        ({"TreatMissingData": "whatever"}, "TreatMissingData"),
        ({"EvaluateLowSampleCountPercentile": "maybe"}, "EvaluateLowSampleCountPercentile"),
        ({"AlarmDescription": "x" * 1025}, "AlarmDescription"),
        ({"AlarmActions": ["arn:aws:sns:us-east-1:1:t"] * 6}, "at most 5"),
        ({"Metrics": [metric_query("m1", "Invocations", "Sum", returned=True)]}, "must not be combined"),
    ],
)
def test_wrong_alarms_are_refused(stage: Stage, changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(AwsError, match=complaint) as caught:
        stage.put_alarm(**changes)

    assert caught.value.code == "ValidationError"


@pytest.mark.parametrize(
    ("metrics", "complaint"),
    [
        ([metric_query("m1", "Invocations", "Sum")], "Exactly one element"),
        ([{"Id": "e1", "Expression": "FILL(METRICS(), 0)"}], "at least one metric"),
        (
            [metric_query("m1", "A", "Sum", 10, returned=True), metric_query("m2", "B", "Sum", 60)],
            "Period must be the same",
        ),
        ([metric_query(f"m{n}", "A", "Sum", returned=n == 0) for n in range(11)], "no more than 10"),
        ([metric_query("m1", "A", "Sum"), {"Id": "e1", "Expression": "m1 / nope"}], "undefined: nope"),
    ],
)
def test_wrong_lists_of_metrics_are_refused(stage: Stage, metrics: list[dict[str, Any]], complaint: str) -> None:
    single = ("MetricName", "Namespace", "Dimensions", "Statistic", "Period")
    changes: dict[str, Any] = {**dict.fromkeys(single), "Metrics": metrics}
    with pytest.raises(AwsError, match=complaint):
        stage.put_alarm(**changes)


def test_what_the_local_aws_cannot_do_is_refused_rather_than_ignored(stage: Stage) -> None:
    with pytest.raises(AwsError) as caught:
        stage.put_alarm(WarmUpConfiguration={"WarmUpPeriodDurationInMinutes": 5})

    assert caught.value.status == 501


def test_putting_an_alarm_again_replaces_all_of_it_but_its_state(stage: Stage) -> None:
    stage.put_alarm(AlarmDescription="old")
    stage.sample("ModelLatency", 500, second=5)
    stage.advance_to(10)
    stage.put_alarm(Threshold=1000.0)

    (alarm,) = stage.call("DescribeAlarms")["MetricAlarms"]
    assert (alarm["StateValue"], alarm["Threshold"]) == ("ALARM", 1000.0)
    assert "AlarmDescription" not in alarm
    assert alarm["Dimensions"] == dimensions()


def test_alarms_are_described_by_name_prefix_state_type_and_page(stage: Stage) -> None:
    for name in ("a-1", "a-2", "b-1"):
        stage.put_alarm(name)
    stage.call("PutCompositeAlarm", AlarmName="a-any", AlarmRule="ALARM(a-1) OR ALARM(a-2)")

    def names(**filters: Any) -> list[str]:
        found = stage.call("DescribeAlarms", **filters)
        return [alarm["AlarmName"] for alarm in [*found["MetricAlarms"], *found["CompositeAlarms"]]]

    assert names() == ["a-1", "a-2", "b-1"]
    assert names(AlarmNames=["b-1", "nope"]) == ["b-1"]
    assert names(AlarmNamePrefix="a-", AlarmTypes=["MetricAlarm", "CompositeAlarm"]) == ["a-1", "a-2", "a-any"]
    assert names(StateValue="OK", AlarmTypes=["MetricAlarm", "CompositeAlarm"]) == ["a-any"]
    first = stage.call("DescribeAlarms", MaxRecords=2)
    second = stage.call("DescribeAlarms", MaxRecords=2, NextToken=first["NextToken"])
    assert [alarm["AlarmName"] for alarm in second["MetricAlarms"]] == ["b-1"]
    assert "NextToken" not in second


def test_deleting_one_unknown_alarm_deletes_none(stage: Stage) -> None:
    stage.put_alarm("known")
    error = refusal(stage, "DeleteAlarms", AlarmNames=["known", "unknown"])
    assert (error.code, error.status) == ("ResourceNotFound", 404)
    assert stage.state("known") == "INSUFFICIENT_DATA"

    stage.call("DeleteAlarms", AlarmNames=["known"])

    assert stage.call("DescribeAlarms")["MetricAlarms"] == []


def test_a_name_belongs_to_one_kind_of_alarm(stage: Stage) -> None:
    stage.put_alarm("taken")
    error = refusal(stage, "PutCompositeAlarm", AlarmName="taken", AlarmRule="TRUE")
    assert "another type" in error.message
    assert "contains an error" in refusal(stage, "PutCompositeAlarm", AlarmName="c", AlarmRule="ALARM(").message


def test_the_history_tells_of_configuration_and_state(stage: Stage) -> None:
    stage.put_alarm()
    stage.sample("ModelLatency", 500, second=5)
    stage.advance_to(10)
    stage.call("DeleteAlarms", AlarmNames=["latency"])

    items = stage.call("DescribeAlarmHistory", AlarmName="latency", ScanBy="TimestampAscending")
    summaries = [item["HistorySummary"] for item in items["AlarmHistoryItems"]]
    assert summaries == [
        'Alarm "latency" created',
        "Alarm updated from INSUFFICIENT_DATA to ALARM",
        'Alarm "latency" deleted',
    ]
    data = json.loads(items["AlarmHistoryItems"][1]["HistoryData"])
    assert data["newState"]["stateReasonData"]["recentDatapoints"] == [500.0]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"AlarmName": "nope", "StateValue": "OK", "StateReason": "x"}, "ResourceNotFound"),
        (
            {"AlarmName": "latency", "StateValue": "OK", "StateReason": "x", "StateReasonData": "{"},
            "InvalidFormat",
        ),
    ],
)
def test_a_wrong_state_by_hand_is_refused(stage: Stage, params: dict[str, Any], code: str) -> None:
    stage.put_alarm()

    assert refusal(stage, "SetAlarmState", **params).code == code


def test_tags_belong_to_the_alarm_and_go_with_it(stage: Stage) -> None:
    stage.put_alarm(Tags=[{"Key": "rollout", "Value": "spend-7-1"}])
    (alarm,) = stage.call("DescribeAlarms")["MetricAlarms"]
    arn = alarm["AlarmArn"]
    stage.call("TagResource", ResourceARN=arn, Tags=[{"Key": "a", "Value": "b"}])
    stage.call("UntagResource", ResourceARN=arn, TagKeys=["rollout"])
    assert stage.call("ListTagsForResource", ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "b"}]

    stage.call("DeleteAlarms", AlarmNames=["latency"])

    assert refusal(stage, "ListTagsForResource", ResourceARN=arn).code == "ResourceNotFoundException"


def test_dashboards_are_kept_listed_and_deleted(stage: Stage) -> None:
    body = json.dumps({"widgets": []})
    stage.call("PutDashboard", DashboardName="shop-dev", DashboardBody=body)

    assert stage.call("GetDashboard", DashboardName="shop-dev")["DashboardBody"] == body
    (entry,) = stage.call("ListDashboards", DashboardNamePrefix="shop-")["DashboardEntries"]
    assert entry["Size"] == len(body)
    assert refusal(stage, "PutDashboard", DashboardName="x", DashboardBody="{}").code == "InvalidParameterInput"
    stage.call("DeleteDashboards", DashboardNames=["shop-dev"])
    assert refusal(stage, "GetDashboard", DashboardName="shop-dev").code == "ResourceNotFound"
