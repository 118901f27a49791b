"""What is asked of CloudWatch, held to botocore's model, and what becomes of the answers, complete or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import ANY
from sluice.aws.cloudwatch import CloudWatch, SilentAlarm
from sluice.aws.metric_data import STATUS_ERRORS, Counts, LatencySummary, Span, dimensions
from sluice.endpoint.state import EndpointState, VariantState
from sluice.errors import AwsRefusedError, MetricsUnknownError
from sluice.names import Names
from sluice.rollout.analysis.alarms import alarm_names, alarms_for
from sluice.rollout.model.plan import Plan
from sluice.rollout.planning.planner import make_plan
from sluice.spec.model import ModelSpec

from tests.builders.spec_examples import spec_with
from tests.builders.stubbed_aws import StubbedAws

T0 = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/sluice-dev-fraud/7"
NAMES = Names("dev")


@pytest.fixture
def aws() -> Iterator[StubbedAws]:
    made = StubbedAws()
    yield made
    made.assert_all_asked()


def page(token: str = "", /, **values: dict[int, float]) -> dict[str, Any]:
    """One answer of GetMetricData: a series by id, of values by second."""
    results = [
        {
            "Id": name,
            "Timestamps": [T0 + timedelta(seconds=second) for second in series],
            "Values": list(series.values()),
            "StatusCode": "Complete",
        }
        for name, series in values.items()
    ]
    return {"MetricDataResults": results, **({"NextToken": token} if token else {})}


OF = dimensions("sluice-dev-fraud", "v7")
SPAN = Span(start=T0, end=T0 + timedelta(minutes=3), period_seconds=60)


def metrics(aws: StubbedAws, *answers: dict[str, Any]) -> CloudWatch:
    client, stub = aws.service("cloudwatch")
    for answer in answers:
        stub.add_response("get_metric_data", answer)
    return CloudWatch(client)


def test_errors_and_requests_come_from_one_metric(aws: StubbedAws) -> None:
    found = metrics(aws, page(errors={60: 2.0, 0: 0.0}, requests={0: 90.0, 60: 100.0})).counts(OF, SPAN)
    assert found == {T0: Counts(90, 0), T0 + timedelta(seconds=60): Counts(100, 2)}
    assert list(found) == sorted(found)


def test_a_half_known_period_is_not_known(aws: StubbedAws) -> None:
    found = metrics(aws, page(errors={0: 1.0, 60: 1.0}, requests={60: 50.0, 120: 70.0})).counts(OF, SPAN)
    assert found == {T0 + timedelta(seconds=60): Counts(50, 1)}


def test_all_pages_are_read(aws: StubbedAws) -> None:
    first = page("more", errors={0: 1.0})
    first["MetricDataResults"][0]["StatusCode"] = "PartialData"  # it continues on the next page
    pages = first, page(errors={60: 2.0}, requests={0: 10.0, 60: 20.0})
    assert list(metrics(aws, *pages).counts(OF, SPAN).values()) == [Counts(10, 1), Counts(20, 2)]


LIMITS = {"p90": 12_000, "p99": 40_000}
READERS: dict[str, tuple[Callable[[CloudWatch], object], str, dict[str, dict[int, float]]]] = {
    "errors": (lambda of: of.counts(OF, SPAN), "errors", {"errors": {}, "requests": {0: 90.0}}),
    "requests": (lambda of: of.counts(OF, SPAN), "requests", {"errors": {0: 1.0}, "requests": {}}),
    "slow requests": (
        lambda of: of.slow_counts(OF, LIMITS, SPAN),
        "p99",
        {"requests": {0: 90.0}, "p90": {0: 9.0}, "p99": {}},
    ),
    "means": (lambda of: of.mean_latencies(OF, SPAN), "mean", {"mean": {0: 5000.0}}),
    "percentiles": (
        lambda of: of.latency_summaries(OF, SPAN),
        "p99",
        {"requests": {0: 2000.0}, "p90": {0: 9.0}, "p99": {}},
    ),
    "a metric of users": (
        lambda of: of.published_values("fraud", "v7", "sold", SPAN),
        "sum",
        {"samplecount": {0: 9.0}, "sum": {}, "minimum": {0: 0.0}, "maximum": {0: 1.0}},
    ),
}


@pytest.mark.parametrize("status", ["PartialData", "InternalError", "Forbidden"])
@pytest.mark.parametrize(("read", "lacking", "answered"), READERS.values(), ids=READERS)
def test_a_series_that_is_not_complete_is_unknown_and_not_zero(
    aws: StubbedAws,
    read: Callable[[CloudWatch], object],
    lacking: str,
    answered: dict[str, dict[int, float]],
    status: str,
) -> None:
    answer = page(**answered)
    for series in answer["MetricDataResults"]:
        if series["Id"] == lacking:
            series |= {"StatusCode": status, "Messages": [{"Code": "E1", "Value": "try later"}]}
    with pytest.raises(MetricsUnknownError, match=rf"\({status}, E1: try later\)") as unknown:
        read(metrics(aws, answer))
    assert unknown.value.code == status


def test_a_series_that_was_not_answered_is_unknown(aws: StubbedAws) -> None:
    with pytest.raises(MetricsUnknownError, match=r"InvocationModelErrors SampleCount \(no result\)"):
        metrics(aws, page(errors={0: 1.0})).counts(OF, SPAN)


def test_a_message_about_the_whole_answer_makes_it_unknown(aws: StubbedAws) -> None:
    answer = page(errors={0: 1.0}, requests={0: 90.0})
    answer["Messages"] = [{"Code": "MaxMetricsExceeded", "Value": "Maximum number of allowed metrics exceeded"}]
    with pytest.raises(MetricsUnknownError, match="Maximum number of allowed metrics exceeded"):
        metrics(aws, answer).counts(OF, SPAN)


def test_where_failures_are_counted_by_two_metrics_a_period_has_both(aws: StubbedAws) -> None:
    answer = page(
        errors={0: 1.0, 60: 2.0},
        errors1={0: 3.0},
        requests={0: 90.0, 60: 50.0},
        requests1={0: 90.0},
        answered={0: 90.0, 60: 50.0},
    )
    assert metrics(aws, answer).counts(OF, SPAN, STATUS_ERRORS) == {T0: Counts(90, 4)}, "its zeros are published"


@pytest.mark.parametrize(
    ("series", "found"),
    [
        pytest.param({"errors1": {0: 9.0}, "requests1": {0: 9.0}}, Counts(90, 9), id="a sample for each failure"),
        pytest.param({"errors1": {0: 90.0}, "requests1": {0: 90.0}}, Counts(90, 90), id="all have failed"),
        pytest.param({}, Counts(90, 0), id="all are good"),
    ],
)
def test_a_metric_of_errors_that_lacks_data_has_counted_none(
    aws: StubbedAws, series: dict[str, dict[int, float]], found: Counts
) -> None:
    """Whether SageMaker publishes a metric to which only zeros were sent is not certain."""
    empty: dict[str, dict[int, float]] = {name: {} for name in ("errors", "errors1", "requests", "requests1")}
    answer = page(**{**empty, **series, "answered": {0: 90.0}})
    assert metrics(aws, answer).counts(OF, SPAN, STATUS_ERRORS) == {T0: found}


@pytest.mark.parametrize("lacking", ["errors", "requests1", "answered"])
def test_a_metric_of_errors_that_is_not_complete_is_unknown_and_not_zero(aws: StubbedAws, lacking: str) -> None:
    answer = page(errors={}, errors1={0: 1.0}, requests={}, requests1={0: 1.0}, answered={0: 90.0})
    for series in answer["MetricDataResults"]:
        if series["Id"] == lacking:
            series["StatusCode"] = "InternalError"
    with pytest.raises(MetricsUnknownError, match=r"\(InternalError\)"):
        metrics(aws, answer).counts(OF, SPAN, STATUS_ERRORS)


def test_a_period_with_one_statistic_of_a_metric_is_not_known(aws: StubbedAws) -> None:
    answer = page(errors={}, errors1={0: 1.0}, requests={}, requests1={}, answered={0: 90.0, 60: 80.0})
    found = metrics(aws, answer).counts(OF, SPAN, STATUS_ERRORS)
    assert found == {T0 + timedelta(seconds=60): Counts(80, 0)}


def test_no_data_is_no_period(aws: StubbedAws) -> None:
    assert metrics(aws, page(errors={}, requests={})).counts(OF, SPAN) == {}


def test_a_span_that_has_not_begun_is_not_asked_for(aws: StubbedAws) -> None:
    early = Span(start=T0 + timedelta(seconds=10), end=T0, period_seconds=10)
    assert metrics(aws).counts(OF, early) == {}


def test_requests_beyond_a_limit_are_counted_by_cloudwatch(aws: StubbedAws) -> None:
    client, stub = aws.service("cloudwatch")
    asked = [("requests", "SampleCount"), ("p90", "TC(12000:)"), ("p99", "TC(40000:)")]
    expected = {
        "MetricDataQueries": [
            {key: value for key, value in metric("ModelLatency", statistic, name).items() if key != "ReturnData"}
            for name, statistic in asked
        ],
        "StartTime": SPAN.start,
        "EndTime": SPAN.end,
    }
    stub.add_response(
        "get_metric_data", page(requests={0: 90.0, 60: 100.0}, p90={0: 8.0, 60: 11.0}, p99={60: 2.0}), expected
    )
    minute = T0 + timedelta(seconds=60)
    assert CloudWatch(client).slow_counts(OF, LIMITS, SPAN) == {
        "p90": {T0: Counts(90, 8), minute: Counts(100, 11)},
        "p99": {T0: Counts(90, 0), minute: Counts(100, 2)},
    }


def test_a_count_of_nothing_where_some_must_be_is_no_count(aws: StubbedAws) -> None:
    nothing: dict[str, dict[int, float]] = {"p90": {}, "p99": {}}
    many, some = {"requests": {0: 60.0, 60: 40.0}}, {"requests": {0: 60.0, 60: 39.0}}
    answers = page(**many, **nothing), page(**some, **nothing), page(requests={}, **nothing)
    asked = metrics(aws, *answers)
    assert asked.slow_counts(OF, LIMITS, SPAN) is None, "100 requests without a single count: it does not count"
    few = asked.slow_counts(OF, LIMITS, SPAN)
    assert few is not None
    assert few["p90"][T0] == Counts(60, 0)
    assert asked.slow_counts(OF, LIMITS, SPAN) == {"p90": {}, "p99": {}}


def test_whether_cloudwatch_counts_slow_requests_is_decided_over_all_spans(aws: StubbedAws) -> None:
    later = Span(start=T0 + timedelta(hours=2), end=T0 + timedelta(hours=2, minutes=5), period_seconds=10)
    none_slow, some_slow = (
        page(requests={0: 200.0}, p90={}, p99={}),
        page(requests={7200: 200.0}, p90={7200: 60.0}, p99={}),
    )
    both = metrics(aws, none_slow, some_slow).slow_counts(OF, LIMITS, SPAN, later)
    assert both is not None, "it counts them: the second span has some"
    assert both["p90"] == {T0: Counts(200, 0), later.start: Counts(200, 60)}
    halves = page(requests={0: 60.0}, p90={}, p99={}), page(requests={7200: 60.0}, p90={}, p99={})
    assert metrics(aws, *halves).slow_counts(OF, LIMITS, SPAN, later) is None, "none of 120 requests"


@pytest.mark.parametrize("code", ["ValidationError", "InvalidParameterValue", "InvalidParameterCombination"])
def test_a_refused_statistic_is_no_failure(aws: StubbedAws, code: str) -> None:
    client, stub = aws.service("cloudwatch")
    stub.add_client_error("get_metric_data", code, "The value TC(12000:) for parameter Stat is not supported.")
    assert CloudWatch(client).slow_counts(OF, LIMITS, SPAN) is None


def test_any_other_refusal_is_one(aws: StubbedAws) -> None:
    client, stub = aws.service("cloudwatch")
    stub.add_client_error("get_metric_data", "AccessDenied", "not authorized")
    with pytest.raises(AwsRefusedError):
        CloudWatch(client).slow_counts(OF, LIMITS, SPAN)


def test_latencies_before_a_rollout_come_newest_first(aws: StubbedAws) -> None:
    answer = page(requests={0: 900.0, 60: 50.0}, p90={0: 11_000.0, 60: 12_000.0}, p99={0: 30_000.0})
    assert metrics(aws, answer).latency_summaries(OF, SPAN) == [
        LatencySummary(requests=50.0, percentiles={"p90": 12_000.0}),
        LatencySummary(requests=900.0, percentiles={"p90": 11_000.0, "p99": 30_000.0}),
    ]


def test_periods_are_counted_from_multiples_of_their_length(aws: StubbedAws) -> None:
    client, stub = aws.service("cloudwatch")
    asked = {"MetricDataQueries": ANY, "StartTime": T0, "EndTime": T0 + timedelta(hours=2)}
    stub.add_response("get_metric_data", page(mean={0: 5000.0}), asked)
    span = Span(start=T0 + timedelta(minutes=7), end=T0 + timedelta(hours=2), period_seconds=900)
    assert CloudWatch(client).mean_latencies(OF, span) == {T0: 5000.0}


def test_mean_latencies(aws: StubbedAws) -> None:
    assert metrics(aws, page(mean={0: 5000.0})).mean_latencies(OF, SPAN) == {T0: 5000.0}


def plan(*changes: tuple[str, object]) -> Plan:
    baseline = VariantState(name="v6", weight=1, desired_count=1, instance_type="ml.m5.large", model="m")
    live = EndpointState(name="sluice-dev-fraud", status="InService", config="c", variants=(baseline,))
    return make_plan(ModelSpec.parse(spec_with(*changes)), NAMES, "fraud-7-1", 7, live)


def metric(name: str, statistic: str, metric_id: str, period: int = 60) -> dict[str, Any]:
    dimensions = [{"Name": "EndpointName", "Value": "sluice-dev-fraud"}, {"Name": "VariantName", "Value": "v7"}]
    return {
        "Id": metric_id,
        "MetricStat": {
            "Metric": {"Namespace": "AWS/SageMaker", "MetricName": name, "Dimensions": dimensions},
            "Period": period,
            "Stat": statistic,
        },
        "ReturnData": False,
    }


def test_the_alarms_watch_the_candidate_only_and_ask_for_enough_requests() -> None:
    errors, latency = alarms_for(NAMES, "fraud-7-1", plan(("rollout.alarms.latency_p95_ms", 250)))
    common = {
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    assert errors == {
        "AlarmName": "sluice-dev-fraud-7-1-errors",
        "AlarmDescription": "Rollout fraud-7-1: share of failed requests in percent of v7",
        "Metrics": [
            {"Id": "breach", "Expression": "IF(requests >= 5, 100 * errors / requests, 0)", "ReturnData": True},
            metric("InvocationModelErrors", "Sum", "errors"),
            metric("InvocationModelErrors", "SampleCount", "requests"),
        ],
        "Threshold": 5.0,
        **common,
    }
    assert latency == {
        "AlarmName": "sluice-dev-fraud-7-1-latency",
        "AlarmDescription": "Rollout fraud-7-1: 95th percentile of the model's latency in microseconds of v7",
        "Metrics": [
            {"Id": "breach", "Expression": "IF(requests >= 5, latency, 0)", "ReturnData": True},
            metric("ModelLatency", "p95", "latency"),
            metric("ModelLatency", "SampleCount", "requests"),
        ],
        "Threshold": 250_000,
        **common,
    }


def test_without_a_limit_there_is_no_latency_alarm_and_the_period_is_the_specs() -> None:
    (alarm,) = alarms_for(NAMES, "fraud-7-1", plan(("endpoint.metrics_period_seconds", 10)))
    assert alarm["AlarmName"] == alarm_names(NAMES, "fraud-7-1")[0]
    assert {each["MetricStat"]["Period"] for each in alarm["Metrics"] if "MetricStat" in each} == {10}


def test_an_asynchronous_endpoint_is_watched_by_the_errors_that_it_publishes() -> None:
    spec = ModelSpec.parse(spec_with(("endpoint.type", "async"), ("rollout", {"strategy": "auto"})))
    (alarm,) = alarms_for(NAMES, "fraud-7-1", make_plan(spec, NAMES, "fraud-7-1", 7, None))
    counted = {each["MetricStat"]["Metric"]["MetricName"] for each in alarm["Metrics"] if "MetricStat" in each}
    assert counted == {"Invocation4XXErrors", "Invocation5XXErrors", "ModelLatency"}


def test_a_serverless_endpoint_is_watched_by_the_errors_that_it_publishes() -> None:
    spec = ModelSpec.parse(spec_with(("endpoint.type", "serverless"), ("rollout", {"strategy": "auto"})))
    (alarm,) = alarms_for(NAMES, "fraud-7-1", make_plan(spec, NAMES, "fraud-7-1", 7, None))
    stats = [each["MetricStat"] for each in alarm["Metrics"] if "MetricStat" in each]
    assert [(each["Metric"]["MetricName"], each["Stat"]) for each in stats] == [
        ("Invocation4XXErrors", "Sum"),
        ("Invocation5XXErrors", "Sum"),
        ("Invocation4XXErrors", "SampleCount"),
        ("Invocation5XXErrors", "SampleCount"),
        ("ModelLatency", "SampleCount"),
    ]
    errors, requests = "SUM([FILL(errors, 0), FILL(errors1, 0)])", "MAX([requests, requests1, answered])"
    assert alarm["Metrics"][0]["Expression"] == f"IF({requests} >= 5, 100 * {errors} / {requests}, 0)"


def test_the_alarms_are_requests_that_cloudwatch_knows(aws: StubbedAws) -> None:
    client, stub = aws.service("cloudwatch")
    made = alarms_for(NAMES, "fraud-7-1", plan(("rollout.alarms.latency_p95_ms", 250)))
    for alarm in made:
        stub.add_response("put_metric_alarm", {}, alarm)
    CloudWatch(client).put_alarms(made)


def test_only_alarms_that_exist_are_deleted(aws: StubbedAws) -> None:
    client, stub = aws.service("cloudwatch")
    stub.add_response("describe_alarms", {"MetricAlarms": [{"AlarmName": "b", "StateValue": "OK"}]})
    stub.add_response("delete_alarms", {}, {"AlarmNames": ["b"]})
    CloudWatch(client).delete_alarms(["a", "b"])
    stub.add_response("describe_alarms", {"MetricAlarms": []})
    CloudWatch(client).delete_alarms(["a", "b"])


def described_alarm(name: str, state: str, **more: Any) -> dict[str, Any]:
    return {"AlarmName": name, "StateValue": state, **more}


def test_an_alarm_that_cannot_be_evaluated_is_not_in_the_state_it_was_in(aws: StubbedAws) -> None:
    client, stub = aws.service("cloudwatch")
    alarms = [
        described_alarm("quiet", "OK"),
        described_alarm("broken", "OK", EvaluationState="EVALUATION_ERROR"),
        described_alarm("rings", "ALARM", EvaluationState="PARTIAL_DATA"),
    ]
    first, second = {"MetricAlarms": alarms[:1], "NextToken": "more"}, {"MetricAlarms": alarms[1:]}
    stub.add_response("describe_alarms", first)
    stub.add_response("describe_alarms", second)
    found = CloudWatch(client).alarm_states(["quiet", "broken", "rings"])
    assert found == {"quiet": "OK", "broken": "EVALUATION_ERROR", "rings": "ALARM"}


def test_of_no_names_there_are_no_alarms_and_not_all_of_the_account(aws: StubbedAws) -> None:
    client, _ = aws.service("cloudwatch")
    assert CloudWatch(client).alarm_states([]) == {}


def test_an_alarm_without_data_may_have_lost_it_or_never_had_any(aws: StubbedAws) -> None:
    client, stub = aws.service("cloudwatch")
    later = T0 + timedelta(hours=1)
    made = {"AlarmConfigurationUpdatedTimestamp": T0}
    alarms = [
        described_alarm("never", "INSUFFICIENT_DATA", StateTransitionedTimestamp=T0, **made),
        described_alarm("lost", "INSUFFICIENT_DATA", StateTransitionedTimestamp=later, **made),
        described_alarm("undated", "INSUFFICIENT_DATA"),
        described_alarm("quiet", "OK", StateTransitionedTimestamp=T0, **made),
    ]
    stub.add_response("describe_alarms", {"MetricAlarms": alarms})
    assert CloudWatch(client).silent_alarms([alarm["AlarmName"] for alarm in alarms]) == [
        SilentAlarm(name="never", since=T0, ever=False),
        SilentAlarm(name="lost", since=later, ever=True),
        SilentAlarm(name="undated", since=None, ever=True),
    ]
