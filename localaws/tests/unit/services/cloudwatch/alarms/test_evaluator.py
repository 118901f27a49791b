"""Alarms over time: what is evaluated when, and which events announce it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localaws.tests.unit.services.cloudwatch.cloudwatch_stage import NOON, Stage, metric_query

TOPIC = "arn:aws:sns:us-east-1:123456789012:page"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:roll-back"


@pytest.fixture
def stage() -> Stage:
    return Stage()


def states(stage: Stage) -> list[tuple[str, str]]:
    return [(change.alarm, change.state.value) for change in stage.service.transitions()]


def test_an_alarm_starts_without_data_and_follows_its_periods(stage: Stage) -> None:
    stage.put_alarm()
    assert stage.state("latency") == "INSUFFICIENT_DATA"

    stage.sample("ModelLatency", 50, second=4)
    stage.advance_to(10)
    stage.sample("ModelLatency", 500, second=14)
    stage.advance_to(20)

    assert states(stage) == [("latency", "OK"), ("latency", "ALARM")]


@pytest.mark.parametrize("second", [10.0, 10.001, 19.999])
def test_a_breach_near_a_boundary_is_found_when_its_period_closes(stage: Stage, second: float) -> None:
    stage.put_alarm()
    stage.sample("ModelLatency", 500, second=second)
    stage.advance_to(19.9999)
    assert states(stage) == []

    stage.advance_to(20)

    assert states(stage) == [("latency", "ALARM")]


def test_a_late_evaluator_goes_through_every_tick_it_missed(stage: Stage) -> None:
    stage.put_alarm()
    for second, value in ((5, 50), (15, 500), (25, 50)):
        stage.sample("ModelLatency", value, second=second)

    stage.advance_to(34)

    assert [state for _, state in states(stage)] == ["OK", "ALARM", "OK"]


def test_a_period_of_a_minute_is_evaluated_by_the_minute_only(stage: Stage) -> None:
    stage.put_alarm(Period=60)
    stage.sample("ModelLatency", 500, second=5, publish=60)
    stage.advance_to(59.9)
    assert states(stage) == []

    stage.advance_to(60)

    assert states(stage) == [("latency", "ALARM")]


def test_a_period_of_minutes_slides_with_the_minute(stage: Stage) -> None:
    stage.put_alarm(Period=300, Statistic="SampleCount", Threshold=1.0)
    for second in (230, 350):  # in different calendar periods, within 300 seconds of each other
        stage.sample("ModelLatency", 1, second=second, publish=60)

    stage.advance_to(360)

    assert states(stage)[-1] == ("latency", "ALARM")


def test_two_of_three_periods_alarm_and_recover(stage: Stage) -> None:
    stage.put_alarm(EvaluationPeriods=3, DatapointsToAlarm=2)
    for index, value in enumerate((50, 500, 50, 500, 50, 50)):
        stage.sample("ModelLatency", value, second=10 * index + 5)
        stage.advance_to(10 * index + 10)

    # Two fine and one breaching point: fine already at the first, since only what is there counts.
    assert [state for _, state in states(stage)] == ["OK", "ALARM", "OK"]


def test_silence_is_no_data_or_fine_as_the_alarm_says(stage: Stage) -> None:
    stage.put_alarm("strict", TreatMissingData="breaching")
    stage.put_alarm("lenient", TreatMissingData="notBreaching")
    stage.put_alarm("plain")
    stage.sample("ModelLatency", 50, second=5)
    stage.advance_to(10)
    stage.advance_to(60)

    assert [stage.state(name) for name in ("strict", "lenient", "plain")] == ["ALARM", "OK", "INSUFFICIENT_DATA"]


def test_an_error_rate_needs_a_minimum_of_requests(stage: Stage) -> None:
    stage.put_alarm(
        "errors",
        **dict.fromkeys(("MetricName", "Namespace", "Dimensions", "Statistic", "Period")),
        Metrics=[
            {"Id": "rate", "Expression": "IF(n >= 5, 100 * bad / n, 0)", "Label": "errors %", "ReturnData": True},
            metric_query("bad", "InvocationModelErrors", "Sum"),
            metric_query("n", "Invocations", "Sum"),
        ],
        Threshold=5.0,
        TreatMissingData="notBreaching",
    )
    for second, requests in ((3, 4), (13, 20)):
        stage.sample("Invocations", 1, second=second, times=requests)
        stage.sample("InvocationModelErrors", 0, second=second, times=requests - 2)
        stage.sample("InvocationModelErrors", 1, second=second, times=2)
        stage.advance_to(second + 7)

    assert [state for _, state in states(stage)] == ["OK", "ALARM"]
    detail = stage.bus.events[-1]["detail"]
    assert [metric["id"] for metric in detail["configuration"]["metrics"]] == ["rate", "bad", "n"]
    assert detail["configuration"]["metrics"][0] == {
        "id": "rate",
        "expression": "IF(n >= 5, 100 * bad / n, 0)",
        "label": "errors %",
        "returnData": True,
    }
    assert "statistic" not in json.loads(detail["state"]["reasonData"])
    assert json.loads(detail["state"]["reasonData"])["recentDatapoints"] == [10.0]


def test_a_percentile_of_few_samples_changes_nothing_if_set_so(stage: Stage) -> None:
    stage.put_alarm(Statistic=None, ExtendedStatistic="p90", EvaluateLowSampleCountPercentile="ignore")
    stage.sample("ModelLatency", 500, second=5, times=99)
    stage.advance_to(10)
    assert states(stage) == []

    stage.sample("ModelLatency", 500, second=15, times=100)
    stage.advance_to(20)

    assert states(stage) == [("latency", "ALARM")]


def test_the_event_has_the_shape_of_the_documentation(stage: Stage) -> None:
    stage.put_alarm(AlarmDescription="slow")
    stage.sample("ModelLatency", 500, second=5)
    stage.advance_to(10.25)

    (event,) = stage.bus.events
    shown_id = event["detail"]["configuration"]["metrics"][0]["id"]
    assert event == {
        "source": "aws.cloudwatch",
        "detail-type": "CloudWatch Alarm State Change",
        "resources": ["arn:aws:cloudwatch:us-east-1:123456789012:alarm:latency"],
        "detail": {
            "alarmName": "latency",
            "configuration": {
                "description": "slow",
                "metrics": [
                    {
                        "id": shown_id,
                        "metricStat": {
                            "metric": {
                                "namespace": "AWS/SageMaker",
                                "name": "ModelLatency",
                                "dimensions": {"EndpointName": "spend", "VariantName": "v2"},
                            },
                            "period": 10,
                            "stat": "Maximum",
                        },
                        "returnData": True,
                    }
                ],
            },
            "previousState": {
                "value": "INSUFFICIENT_DATA",
                "reason": "Unchecked: Initial alarm creation",
                "timestamp": "2026-11-22T12:00:00.000+0000",
            },
            "state": {
                "value": "ALARM",
                "reason": "Threshold Crossed: 1 out of the last 1 datapoint [500.0 (22/11/26 12:00:00)] was "
                "greater than the threshold (100.0) (minimum 1 datapoint for OK -> ALARM transition).",
                "reasonData": '{"version":"1.0","queryDate":"2026-11-22T12:00:10.250+0000",'
                '"startDate":"2026-11-22T12:00:00.000+0000","statistic":"Maximum","period":10,'
                '"recentDatapoints":[500.0],"threshold":100.0}',
                "timestamp": "2026-11-22T12:00:10.250+0000",
            },
        },
    }


def test_a_transition_tells_when_its_data_was_published_and_when_it_was_decided(stage: Stage) -> None:
    stage.put_alarm(EvaluationPeriods=3, DatapointsToAlarm=2)
    for second in (5, 15):
        stage.sample("ModelLatency", 500, second=second)
        stage.advance_to(second + 5.5)

    (change,) = stage.service.transitions()
    assert change.first_breach_published == NOON + 10
    assert change.newest_published == NOON + 20
    assert change.decided_at == NOON + 20.5


def test_actions_of_the_new_state_are_performed_once_per_transition(stage: Stage) -> None:
    stage.put_alarm(AlarmActions=[TOPIC, FUNCTION], OKActions=[TOPIC])
    for second, value in ((5, 500), (15, 500), (25, 50)):
        stage.sample("ModelLatency", value, second=second)
        stage.advance_to(second + 5)

    assert [service for service, _ in stage.clients.calls] == ["sns", "lambda", "sns"]
    published, invoked = stage.clients.calls[0][1], stage.clients.calls[1][1]
    message = json.loads(published["Message"])
    assert (published["TopicArn"], message["NewStateValue"], message["AlarmName"]) == (TOPIC, "ALARM", "latency")
    assert invoked["InvocationType"] == "Event"
    assert json.loads(invoked["Payload"])["alarmData"]["state"]["value"] == "ALARM"


def test_an_action_that_fails_is_noted_and_stops_nothing(stage: Stage) -> None:
    stage.clients.broken = {"sns"}
    stage.put_alarm(AlarmActions=[TOPIC, "arn:aws:automate:us-east-1:ec2:stop", FUNCTION])
    stage.sample("ModelLatency", 500, second=5)
    stage.advance_to(10)

    items = stage.call("DescribeAlarmHistory", HistoryItemType="Action", ScanBy="TimestampAscending")
    summaries = [item["HistorySummary"] for item in items["AlarmHistoryItems"]]
    assert [summary.split()[0] for summary in summaries] == ["Failed", "Failed", "Successfully"]
    assert [service for service, _ in stage.clients.calls] == ["lambda"]


def test_an_action_needs_the_leave_of_the_topic_or_the_function(stage: Stage) -> None:
    """Here only a topic admits alarms, and that only those whose names begin with what it names."""
    statement = {"Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Action": "sns:Publish"}
    for topic, alarms in ((TOPIC, "lat*"), (f"{TOPIC}-of-others", "others-*")):
        condition = {"ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:us-east-1:123456789012:alarm:{alarms}"}}
        stage.clients.policies[topic] = {**statement, "Resource": topic, "Condition": condition}
    stage.clients.policies[FUNCTION] = {**statement, "Action": "lambda:InvokeFunction", "Resource": FUNCTION}
    stage.put_alarm(AlarmActions=[TOPIC, f"{TOPIC}-of-others", FUNCTION])
    stage.sample("ModelLatency", 500, second=5)
    stage.advance_to(10)

    assert [params["TopicArn"] for _, params in stage.clients.calls] == [TOPIC]
    items = stage.call("DescribeAlarmHistory", HistoryItemType="Action", ScanBy="TimestampAscending")
    summaries = [item["HistorySummary"] for item in items["AlarmHistoryItems"]]
    assert [summary.split()[0] for summary in summaries] == ["Successfully", "Failed", "Failed"]
    assert "is not authorized to perform: sns:Publish" in summaries[1]


def test_actions_switched_off_leave_the_event(stage: Stage) -> None:
    stage.put_alarm(AlarmActions=[TOPIC])
    stage.call("DisableAlarmActions", AlarmNames=["latency"])
    stage.sample("ModelLatency", 500, second=5)
    stage.advance_to(10)

    assert stage.clients.calls == []
    assert len(stage.bus.events) == 1


def test_a_failing_bus_does_not_cost_the_other_alarms_their_events(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def put(*, detail: dict[str, Any], **_event: Any) -> None:
        told.append(detail["alarmName"])
        if detail["alarmName"] == "first":
            raise RuntimeError("bus is down")

    monkeypatch.setattr(stage.bus, "put", put)
    stage.put_alarm("first")
    stage.put_alarm("second")
    stage.sample("ModelLatency", 500, second=5)
    stage.advance_to(10)

    assert told == ["first", "second"]


def test_a_composite_alarm_follows_its_children_at_once(stage: Stage) -> None:
    stage.put_alarm("slow")
    stage.put_alarm("slower", Threshold=1000.0)
    stage.call("PutCompositeAlarm", AlarmName="both", AlarmRule="ALARM(slow) AND ALARM(slower)")
    stage.call("PutCompositeAlarm", AlarmName="inverse", AlarmRule='NOT ALARM("both")')
    assert (stage.state("both"), stage.state("inverse")) == ("OK", "ALARM")

    stage.sample("ModelLatency", 5000, second=5)
    stage.advance_to(10)

    assert states(stage)[-4:] == [("slow", "ALARM"), ("slower", "ALARM"), ("both", "ALARM"), ("inverse", "OK")]
    reason = json.loads(stage.bus.events[-2]["detail"]["state"]["reasonData"])
    assert reason["triggeringAlarms"][0]["arn"].endswith(":alarm:slower")
    assert stage.bus.events[-2]["detail"]["configuration"] == {"alarmRule": "ALARM(slow) AND ALARM(slower)"}


def test_a_state_set_by_hand_lasts_until_the_next_evaluation_finds_otherwise(stage: Stage) -> None:
    stage.put_alarm()
    stage.sample("ModelLatency", 50, second=5)
    stage.advance_to(10)
    stage.call("SetAlarmState", AlarmName="latency", StateValue="ALARM", StateReason="drill")
    assert stage.state("latency") == "ALARM"
    assert "reasonData" not in stage.bus.events[-1]["detail"]["state"]

    stage.sample("ModelLatency", 50, second=15)
    stage.advance_to(20)

    assert [state for _, state in states(stage)] == ["OK", "ALARM", "OK"]


def test_an_alarm_may_use_data_from_before_its_creation(stage: Stage) -> None:
    stage.sample("ModelLatency", 500, second=5)
    stage.time = NOON + 19
    stage.put_alarm()

    stage.advance_to(20)

    assert states(stage) == [("latency", "ALARM")]


SAMPLES = st.lists(st.tuples(st.floats(0, 119.999), st.sampled_from([50.0, 500.0])), min_size=1, max_size=12).map(
    sorted
)


@given(SAMPLES, st.lists(st.floats(0, 119.999), max_size=8), st.sampled_from([(1, 1), (3, 2), (2, 2)]))
def test_what_an_alarm_does_does_not_depend_on_when_the_evaluator_gets_to_run(
    samples: list[tuple[float, float]], moments: list[float], rule: tuple[int, int]
) -> None:
    def transitions(evaluated_at: list[float]) -> list[tuple[str, str]]:
        stage = Stage()
        stage.put_alarm(EvaluationPeriods=rule[0], DatapointsToAlarm=rule[1])
        happenings: list[tuple[float, float | None]] = [*samples, *((moment, None) for moment in evaluated_at)]
        for second, value in sorted(happenings, key=lambda happening: happening[0]):
            if value is None:
                stage.advance_to(second)
            else:
                stage.sample("ModelLatency", value, second=second)
        stage.advance_to(200)
        return states(stage)

    assert transitions(moments) == transitions([float(second) for second in range(10, 120, 10)])
