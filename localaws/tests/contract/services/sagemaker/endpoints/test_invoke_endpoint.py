"""InvokeEndpoint: answers, errors and what is measured."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.tests.contract.services.sagemaker.endpoints.stage import Stage, eventually

METRICS = {"EnableEnhancedMetrics": True, "MetricPublishFrequencyInSeconds": 10}


@pytest.fixture(scope="module")
def endpoint(stage: Stage) -> str:
    variants = {"v1": (stage.model("m1", "script-low"), 1.0), "v2": (stage.model("m2", "high"), 0.0)}
    stage.create("spend", stage.config("spend", variants, MetricsConfig=METRICS))
    return "spend"


def error_of(stage: Stage, endpoint: str, row: str = "1,2,3", **more: str) -> dict[str, Any]:
    """The error response: beside the usual, a ModelError has fields of its own."""
    with pytest.raises(ClientError) as raised:
        stage.invoke(endpoint, row, **more)
    return dict(raised.value.response)


def test_what_the_model_rejects_is_a_model_error(stage: Stage, endpoint: str) -> None:
    before = stage.published.total(endpoint, "v1", "InvocationModelErrors")
    error = error_of(stage, endpoint, "1,2,-3")
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("ModelError", 424)
    assert error["OriginalStatusCode"] == 500
    assert error["LogStreamArn"].endswith(":log-group:/aws/sagemaker/Endpoints/spend")
    assert "Received server error (500) from primary" in error["Error"]["Message"]
    assert stage.published.total(endpoint, "v1", "InvocationModelErrors") == before + 1


def test_what_the_container_prints_comes_to_its_log_group(stage: Stage, endpoint: str) -> None:
    error_of(stage, endpoint, "1,2,-3")
    logs = stage.aws.client("logs")

    def printed() -> list[str]:
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for event in events]

    eventually(printed, lambda lines: "ValueError: negative value in a row" in lines)


def test_the_built_in_algorithm_says_what_it_does_not_accept(stage: Stage, endpoint: str) -> None:
    error = error_of(stage, endpoint, "age,income,score", TargetVariant="v2")
    assert error["OriginalStatusCode"] == 415
    assert "could not convert string to float" in error["OriginalMessage"]
    assert error_of(stage, endpoint, Accept="image/png", TargetVariant="v2")["OriginalStatusCode"] == 406


def test_a_content_type_that_the_model_does_not_know_is_its_error(stage: Stage, endpoint: str) -> None:
    with pytest.raises(ClientError) as raised:
        stage.aws.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=endpoint, TargetVariant="v2", Body=b"<row/>", ContentType="application/xml"
        )
    error: Any = raised.value.response
    assert (error["Error"]["Code"], error["OriginalStatusCode"]) == ("ModelError", 415)
    assert "application/xml" in error["OriginalMessage"]


def test_an_endpoint_that_is_not_there_is_the_callers_error(stage: Stage) -> None:
    error = error_of(stage, "nowhere")
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("ValidationError", 400)
    assert "nowhere" in error["Error"]["Message"]


def test_requests_are_measured_by_variant(stage: Stage, endpoint: str) -> None:
    def invocations(variant: str) -> float:
        return stage.published.total(endpoint, variant, "Invocations")

    before = invocations("v1"), invocations("v2")
    stage.invoke(endpoint)
    stage.invoke(endpoint)
    stage.invoke(endpoint, TargetVariant="v2")
    assert (invocations("v1"), invocations("v2")) == (before[0] + 2, before[1] + 1)
    with stage.published.lock:
        sampled = [sample for sample in stage.published.samples if sample[1]["EndpointName"] == endpoint]
    assert {period for *_, period in sampled} == {10}
    latencies = [value for name, _, value, _ in sampled if name == "ModelLatency"]
    assert all(0 < value < 60e6 for value in latencies)


def test_an_unknown_variant(stage: Stage, endpoint: str) -> None:
    error = error_of(stage, endpoint, TargetVariant="v9")["Error"]
    assert error["Code"] == "ValidationError"
    assert 'Variant "v9"' in error["Message"]


def test_too_large_a_body(stage: Stage, endpoint: str) -> None:
    error = error_of(stage, endpoint, "1" * 6_291_457)["Error"]
    assert error["Code"] == "ValidationError"
    assert "6291456" in error["Message"]


@pytest.mark.parametrize(
    ("choice", "named"),
    [
        ({"TargetModel": "a.tar.gz"}, "is not a multi-model endpoint and does not support target model header"),
        ({"TargetContainerHostname": "first"}, "does not support TargetContainerHostname"),
        ({"InferenceComponentName": "first"}, "does not support InferenceComponentName"),
    ],
)
def test_a_plain_endpoint_has_no_models_or_containers_to_choose(
    stage: Stage, endpoint: str, choice: dict[str, str], named: str
) -> None:
    error = error_of(stage, endpoint, **choice)["Error"]
    assert error["Code"] == "ValidationError"
    assert named in error["Message"]
