"""What the adapters ask of AWS, held to botocore's own models, and what they make of the answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
import pytest
from botocore.stub import ANY, Stubber
from sluice.aws.cloudwatch import CloudWatch
from sluice.aws.eventbridge import EventPublisher
from sluice.aws.metric_data import STATUS_ERRORS, Counts, LatencySummary, Span, dimensions
from sluice.aws.model_registry import ModelRegistry
from sluice.endpoint.state import EndpointState, VariantState
from sluice.errors import AwsRefusedError, MetricsUnknownError, RetryableError, ThrottledError, UnknownModelError
from sluice.names import Names
from sluice.rollout.analysis.alarms import alarm_names, alarms_for
from sluice.rollout.model.executions import Executions
from sluice.rollout.model.plan import Plan
from sluice.rollout.planning.planner import make_plan
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec
from sluice.spec.parameter_store import SpecStore
from sluice.training.pipeline_executions import PipelineExecutions

from tests.builders.aws_clients import translating
from tests.builders.spec_examples import spec_with

T0 = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/sluice-dev-fraud/7"
NAMES = Names("dev")


class Aws:
    """Clients that answer what a test scripts, and check each request against the service's model."""

    def __init__(self) -> None:
        self._session = botocore.session.Session()
        self._stubs: list[Stubber] = []

    def service(self, name: str) -> tuple[Any, Stubber]:
        client = self._session.create_client(
            name, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
        )
        stub = Stubber(client)
        stub.activate()
        self._stubs.append(stub)
        return translating(client), stub

    def assert_all_asked(self) -> None:
        for stub in self._stubs:
            stub.assert_no_pending_responses()


@pytest.fixture
def aws() -> Iterator[Aws]:
    made = Aws()
    yield made
    made.assert_all_asked()


# ---- metrics


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


def metrics(aws: Aws, *answers: dict[str, Any]) -> CloudWatch:
    client, stub = aws.service("cloudwatch")
    for answer in answers:
        stub.add_response("get_metric_data", answer)
    return CloudWatch(client)


def test_errors_and_requests_come_from_one_metric(aws: Aws) -> None:
    found = metrics(aws, page(errors={60: 2.0, 0: 0.0}, requests={0: 90.0, 60: 100.0})).counts(OF, SPAN)
    assert found == {T0: Counts(90, 0), T0 + timedelta(seconds=60): Counts(100, 2)}
    assert list(found) == sorted(found)


def test_a_half_known_period_is_not_known(aws: Aws) -> None:
    found = metrics(aws, page(errors={0: 1.0, 60: 1.0}, requests={60: 50.0, 120: 70.0})).counts(OF, SPAN)
    assert found == {T0 + timedelta(seconds=60): Counts(50, 1)}


def test_all_pages_are_read(aws: Aws) -> None:
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
    aws: Aws, read: Callable[[CloudWatch], object], lacking: str, answered: dict[str, dict[int, float]], status: str
) -> None:
    answer = page(**answered)
    for series in answer["MetricDataResults"]:
        if series["Id"] == lacking:
            series |= {"StatusCode": status, "Messages": [{"Code": "E1", "Value": "try later"}]}
    with pytest.raises(MetricsUnknownError, match=rf"\({status}, E1: try later\)") as unknown:
        read(metrics(aws, answer))
    assert unknown.value.code == status


def test_a_series_that_was_not_answered_is_unknown(aws: Aws) -> None:
    with pytest.raises(MetricsUnknownError, match=r"InvocationModelErrors SampleCount \(no result\)"):
        metrics(aws, page(errors={0: 1.0})).counts(OF, SPAN)


def test_a_message_about_the_whole_answer_makes_it_unknown(aws: Aws) -> None:
    answer = page(errors={0: 1.0}, requests={0: 90.0})
    answer["Messages"] = [{"Code": "MaxMetricsExceeded", "Value": "Maximum number of allowed metrics exceeded"}]
    with pytest.raises(MetricsUnknownError, match="Maximum number of allowed metrics exceeded"):
        metrics(aws, answer).counts(OF, SPAN)


def test_where_failures_are_counted_by_two_metrics_a_period_has_both(aws: Aws) -> None:
    answer = page(errors={0: 1.0, 60: 2.0}, errors1={0: 3.0}, requests={0: 90.0, 60: 50.0})
    assert metrics(aws, answer).counts(OF, SPAN, STATUS_ERRORS) == {T0: Counts(90, 4)}


def test_no_data_is_no_period(aws: Aws) -> None:
    assert metrics(aws, page(errors={}, requests={})).counts(OF, SPAN) == {}


def test_a_span_that_has_not_begun_is_not_asked_for(aws: Aws) -> None:
    early = Span(start=T0 + timedelta(seconds=10), end=T0, period_seconds=10)
    assert metrics(aws).counts(OF, early) == {}


def test_requests_beyond_a_limit_are_counted_by_cloudwatch(aws: Aws) -> None:
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


def test_a_count_of_nothing_where_some_must_be_is_no_count(aws: Aws) -> None:
    nothing: dict[str, dict[int, float]] = {"p90": {}, "p99": {}}
    many, some = {"requests": {0: 60.0, 60: 40.0}}, {"requests": {0: 60.0, 60: 39.0}}
    answers = page(**many, **nothing), page(**some, **nothing), page(requests={}, **nothing)
    asked = metrics(aws, *answers)
    assert asked.slow_counts(OF, LIMITS, SPAN) is None, "100 requests without a single count: it does not count"
    few = asked.slow_counts(OF, LIMITS, SPAN)
    assert few is not None
    assert few["p90"][T0] == Counts(60, 0)
    assert asked.slow_counts(OF, LIMITS, SPAN) == {"p90": {}, "p99": {}}


@pytest.mark.parametrize("code", ["ValidationError", "InvalidParameterValue", "InvalidParameterCombination"])
def test_a_refused_statistic_is_no_failure(aws: Aws, code: str) -> None:
    client, stub = aws.service("cloudwatch")
    stub.add_client_error("get_metric_data", code, "The value TC(12000:) for parameter Stat is not supported.")
    assert CloudWatch(client).slow_counts(OF, LIMITS, SPAN) is None


def test_any_other_refusal_is_one(aws: Aws) -> None:
    client, stub = aws.service("cloudwatch")
    stub.add_client_error("get_metric_data", "AccessDenied", "not authorized")
    with pytest.raises(AwsRefusedError):
        CloudWatch(client).slow_counts(OF, LIMITS, SPAN)


def test_latencies_before_a_rollout_come_newest_first(aws: Aws) -> None:
    answer = page(requests={0: 900.0, 60: 50.0}, p90={0: 11_000.0, 60: 12_000.0}, p99={0: 30_000.0})
    assert metrics(aws, answer).latency_summaries(OF, SPAN) == [
        LatencySummary(requests=50.0, percentiles={"p90": 12_000.0}),
        LatencySummary(requests=900.0, percentiles={"p90": 11_000.0, "p99": 30_000.0}),
    ]


def test_periods_are_counted_from_multiples_of_their_length(aws: Aws) -> None:
    client, stub = aws.service("cloudwatch")
    asked = {"MetricDataQueries": ANY, "StartTime": T0, "EndTime": T0 + timedelta(hours=2)}
    stub.add_response("get_metric_data", page(mean={0: 5000.0}), asked)
    span = Span(start=T0 + timedelta(minutes=7), end=T0 + timedelta(hours=2), period_seconds=900)
    assert CloudWatch(client).mean_latencies(OF, span) == {T0: 5000.0}


def test_mean_latencies(aws: Aws) -> None:
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
    requests = metric("InvocationModelErrors", "SampleCount", "requests")
    assert errors == {
        "AlarmName": "sluice-dev-fraud-7-1-errors",
        "AlarmDescription": "Rollout fraud-7-1: share of failed requests in percent of v7",
        "Metrics": [
            {"Id": "breach", "Expression": "IF(requests >= 5, 100 * errors / requests, 0)", "ReturnData": True},
            metric("InvocationModelErrors", "Sum", "errors"),
            requests,
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
            requests,
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
    assert counted == {"Invocation4XXErrors", "Invocation5XXErrors"}


def test_a_serverless_endpoint_is_watched_by_the_errors_that_it_publishes() -> None:
    spec = ModelSpec.parse(spec_with(("endpoint.type", "serverless"), ("rollout", {"strategy": "auto"})))
    (alarm,) = alarms_for(NAMES, "fraud-7-1", make_plan(spec, NAMES, "fraud-7-1", 7, None))
    counted = [each["MetricStat"]["Metric"]["MetricName"] for each in alarm["Metrics"] if "MetricStat" in each]
    assert counted == ["Invocation4XXErrors", "Invocation5XXErrors", "Invocation4XXErrors"]
    assert alarm["Metrics"][0]["Expression"] == "IF(requests >= 5, 100 * (errors + errors1) / requests, 0)"


def test_the_alarms_are_requests_that_cloudwatch_knows(aws: Aws) -> None:
    client, stub = aws.service("cloudwatch")
    made = alarms_for(NAMES, "fraud-7-1", plan(("rollout.alarms.latency_p95_ms", 250)))
    for alarm in made:
        stub.add_response("put_metric_alarm", {}, alarm)
    CloudWatch(client).put_alarms(made)


def test_only_alarms_that_exist_are_deleted(aws: Aws) -> None:
    client, stub = aws.service("cloudwatch")
    stub.add_response("describe_alarms", {"MetricAlarms": [{"AlarmName": "b", "StateValue": "OK"}]})
    stub.add_response("delete_alarms", {}, {"AlarmNames": ["b"]})
    CloudWatch(client).delete_alarms(["a", "b"])
    stub.add_response("describe_alarms", {"MetricAlarms": []})
    CloudWatch(client).delete_alarms(["a", "b"])


# ---- registry


def described(**more: Any) -> dict[str, Any]:
    status: dict[str, list[str]] = {"ValidationStatuses": [], "ImageScanStatuses": []}
    return {
        "ModelPackageName": "n",
        "ModelPackageArn": ARN,
        "CreationTime": T0,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": status,
        **more,
    }


def test_a_package_that_was_never_modified(aws: Aws) -> None:
    client, stub = aws.service("sagemaker")
    stub.add_response("describe_model_package", described(), {"ModelPackageName": ARN})
    found = ModelRegistry(client).describe(ARN)
    assert (found.group, found.version, found.approval) == ("sluice-dev-fraud", 7, "")
    assert (found.last_modified, found.is_approved) == (T0, False)


@pytest.mark.parametrize(
    ("reason", "written"),
    [
        pytest.param("plain", "plain", id="as it is"),
        pytest.param("two\nlines,\tand a  gap", "two lines, and a gap", id="one line"),
        pytest.param("x" * 2000, "x" * 1024, id="as long as it may be"),
    ],
)
def test_a_reason_becomes_what_the_registry_takes(aws: Aws, reason: str, written: str) -> None:
    client, stub = aws.service("sagemaker")
    stub.add_response("describe_model_package", described(ModelApprovalStatus="Approved"))
    wish = {"ModelPackageArn": ARN, "ModelApprovalStatus": "Rejected", "ApprovalDescription": written}
    stub.add_response("update_model_package", {"ModelPackageArn": ARN}, wish)
    ModelRegistry(client).reject(ARN, reason)
    # Our own writes make events: what stands there already is not written again.
    there = described(ModelApprovalStatus="Rejected", ApprovalDescription=written)
    stub.add_response("describe_model_package", there)
    ModelRegistry(client).reject(ARN, reason)


def test_metadata_keeps_to_the_characters_the_registry_allows(aws: Aws) -> None:
    client, stub = aws.service("sagemaker")
    allowed = {"sluice.at": "2026-03-04T10:00:00+00:00", "odd": "a b  c äß1_.:/=+-@", "long": "x" * 256}
    wish = {"ModelPackageArn": ARN, "CustomerMetadataProperties": allowed}
    stub.add_response("update_model_package", {"ModelPackageArn": ARN}, wish)
    given = {"sluice.at": "2026-03-04T10:00:00+00:00", "odd": 'a,b\n"c äß1_.:/=+-@', "long": "x" * 999}
    ModelRegistry(client).annotate(ARN, given)


def test_a_concurrent_change_is_worth_another_try(aws: Aws) -> None:
    client, stub = aws.service("sagemaker")
    stub.add_client_error("update_model_package", "ConflictException")
    with pytest.raises(RetryableError):
        ModelRegistry(client).annotate(ARN, {"a": "b"})


# ---- starting things once


def test_an_execution_that_has_ended_is_not_started_again(aws: Aws) -> None:
    client, stub = aws.service("stepfunctions")
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:sluice-dev-rollout"
    rollout = RolloutId(model="fraud", version=7, attempt=1)
    expected = {
        "stateMachineArn": arn,
        "name": "fraud-7-1-restore-2",
        "input": json.dumps({"mode": "restore", "rollout_id": "fraud-7-1"}),
    }
    stub.add_response("start_execution", {"executionArn": "e", "startDate": T0}, expected)
    stub.add_client_error("start_execution", "ExecutionAlreadyExists")
    stub.add_client_error("start_execution", "ThrottlingException")
    stub.add_response(
        "describe_execution",
        {"executionArn": "e", "stateMachineArn": arn, "status": "SUCCEEDED", "startDate": T0},
        {"executionArn": f"{arn.replace(':stateMachine:', ':execution:')}:{rollout}"},
    )
    stub.add_client_error("describe_execution", "ExecutionDoesNotExist")
    executions = Executions(client, arn)
    assert executions.start_restore(rollout, 2)
    assert not executions.start(rollout)
    with pytest.raises(ThrottledError):
        executions.start(rollout)
    assert executions.started_at(str(rollout)) == T0
    assert executions.started_at("fraud-9-9") is None


def test_too_many_pipelines_at_once_is_worth_another_try(aws: Aws) -> None:
    client, stub = aws.service("sagemaker")
    token = "a1b2" * 16
    stub.add_response(
        "start_pipeline_execution",
        {"PipelineExecutionArn": "arn:run"},
        {
            "PipelineName": "sluice-dev-fraud",
            "PipelineExecutionDisplayName": "data-a1b2",
            "PipelineParameters": [{"Name": "InputData", "Value": "s3://lake/m"}],
            "ClientRequestToken": token,
        },
    )
    stub.add_client_error("start_pipeline_execution", "ResourceLimitExceeded")
    pipelines = PipelineExecutions(client)
    assert pipelines.start("sluice-dev-fraud", "data-a1b2", token, {"InputData": "s3://lake/m"}) == "arn:run"
    with pytest.raises(RetryableError):
        pipelines.start("sluice-dev-fraud", "data-a1b2", token, {"InputData": "s3://lake/m"})


def test_an_event_that_was_not_accepted_is_an_error(aws: Aws) -> None:
    client, stub = aws.service("events")
    entry = {"ErrorCode": "InternalFailure", "ErrorMessage": "later"}
    stub.add_response("put_events", {"FailedEntryCount": 1, "Entries": [entry]}, {"Entries": [ANY]})
    with pytest.raises(RetryableError, match="RolloutOpened was not accepted"):
        EventPublisher(client, NAMES).publish("RolloutOpened", at=T0)


def test_a_folder_that_cannot_be_a_models_name_is_an_unknown_model_without_asking(aws: Aws) -> None:
    client, stub = aws.service("ssm")
    with pytest.raises(UnknownModelError, match="no name of a model"):
        SpecStore(client, NAMES).get("März 2026")
    stub.add_client_error("get_parameter", "ParameterNotFound")
    with pytest.raises(UnknownModelError, match="/sluice/dev/models/fraud does not exist"):
        SpecStore(client, NAMES).get("fraud")
