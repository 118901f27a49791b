"""Asynchronous endpoints: queue, results and failures in S3, notifications, metrics, zero instances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.tests.contract.services.sagemaker.endpoints.artifacts import OTHER_IMAGE
from localaws.tests.contract.services.sagemaker.serving.account import (
    BUCKET,
    PAYLOAD_MAX_BYTES,
    ROLE_ONLY_MODELS,
    Account,
    eventually,
)

Notices = Callable[[], list[dict[str, Any]]]
TEST = {"eventVersion": "1.0", "eventSource": "aws:sagemaker", "eventName": "TestNotification"}
VARIANT = {"EndpointName": "queued", "VariantName": "v1"}


@dataclass(frozen=True, slots=True)
class Topics:
    """Two topics and what they published."""

    success: str
    failure: str
    successes: Notices
    failures: Notices


@pytest.fixture(scope="module")
def topics(account: Account) -> Topics:
    (success, successes), (failure, failures) = account.topic("good-news"), account.topic("bad-news")
    return Topics(success, failure, successes, failures)


@pytest.fixture(scope="module")
def endpoint(account: Account, topics: Topics) -> str:
    notify = {
        "SuccessTopic": topics.success,
        "ErrorTopic": topics.failure,
        "IncludeInferenceResponseIn": ["ERROR_NOTIFICATION_TOPIC"],
    }
    shown = account.endpoint("queued", {"ModelName": "script-low"}, AsyncInferenceConfig=config_of(notify))
    assert shown["EndpointStatus"] == "InService", shown
    assert shown["AsyncInferenceConfig"]["ClientConfig"] == {"MaxConcurrentInvocationsPerInstance": 2}
    return "queued"


def config_of(notify: dict[str, Any] | None = None) -> dict[str, Any]:
    output = {"S3OutputPath": f"s3://{BUCKET}/results", "S3FailurePath": f"s3://{BUCKET}/failures"}
    return {
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 2},
        "OutputConfig": output | ({"NotificationConfig": notify} if notify else {}),
    }


def submit(account: Account, endpoint: str, row: str, inference_id: str, **more: Any) -> dict[str, Any]:
    location = account.put(f"async/{inference_id}.csv", row)
    given = {"InputLocation": location, "InferenceId": inference_id, "ContentType": "text/csv", **more}
    return dict(account.runtime.invoke_endpoint_async(EndpointName=endpoint, **given))


def notice(collected: Notices, inference_id: str) -> dict[str, Any]:
    """The one notification about an inference, once it is there."""
    found = eventually(
        lambda: [message for message in collected() if message.get("inferenceId") == inference_id], lambda m: m
    )
    assert len(found) == 1
    return found[0]


def wait_settled(account: Account, endpoint: str, instances: int) -> None:
    account.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint,
        DesiredWeightsAndCapacities=[{"VariantName": "v1", "DesiredInstanceCount": instances}],
    )
    assert account.settled(endpoint)["ProductionVariants"][0]["CurrentInstanceCount"] == instances


def test_a_new_endpoint_says_so_on_both_topics(endpoint: str, topics: Topics) -> None:
    for collected in (topics.successes, topics.failures):
        assert eventually(collected, lambda messages: messages)[0] == TEST


def test_a_result_arrives_in_s3_and_on_the_topic(account: Account, endpoint: str, topics: Topics) -> None:
    answer = submit(account, endpoint, "0.1,0.2,0.3", "one", Accept="text/plain")
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["InferenceId"]) == (202, "one")
    message = notice(topics.successes, "one")
    assert message == {
        "awsRegion": "us-east-1",
        "eventTime": message["eventTime"],
        "receivedTime": message["receivedTime"],
        "invocationStatus": "Completed",
        "requestParameters": {
            "contentType": "text/csv",
            "accept": "text/plain",
            "endpointName": endpoint,
            "inputLocation": f"s3://{BUCKET}/async/one.csv",
        },
        "responseParameters": {
            "contentType": "text/plain; charset=utf-8",
            "outputLocation": answer["OutputLocation"],
        },
        "inferenceId": "one",
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
    assert account.text(answer["OutputLocation"]).split()[1]  # the score beside the container's process id


def test_the_models_error_is_stored_and_reported(account: Account, endpoint: str, topics: Topics) -> None:
    answer = submit(account, endpoint, "0.1,0.2,-0.3", "negative")
    message = notice(topics.failures, "negative")
    assert message["invocationStatus"] == "Failed"
    assert message["failureReason"].startswith("ClientError: Received server error (500) from model.")
    assert "responseParameters" not in message
    assert message["responseBody"]["encoding"] == "BASE64"
    assert account.text(answer["FailureLocation"]) == "Internal Server Error"
    assert answer["OutputLocation"].removeprefix(f"s3://{BUCKET}/") not in account.keys("results/")


def test_a_missing_and_an_oversized_input_fail_later(account: Account, endpoint: str, topics: Topics) -> None:
    account.runtime.invoke_endpoint_async(
        EndpointName=endpoint, InputLocation=f"s3://{BUCKET}/nowhere.csv", InferenceId="missing"
    )
    assert "NoSuchKey" in notice(topics.failures, "missing")["failureReason"]
    submit(account, endpoint, "1" * (PAYLOAD_MAX_BYTES + 1), "oversized")
    assert "more than the maximum" in notice(topics.failures, "oversized")["failureReason"]


def test_a_payload_above_the_synchronous_limit_is_streamed(account: Account, endpoint: str, topics: Topics) -> None:
    answer = submit(account, endpoint, "0.1,0.2,0.3\n" * 650_000, "large")
    notice(topics.successes, "large")
    assert len(account.text(answer["OutputLocation"]).splitlines()) == 650_000


def test_the_request_may_carry_its_payload_and_name_its_output(account: Account, endpoint: str, topics: Topics) -> None:
    answer = account.runtime.invoke_endpoint_async(
        EndpointName=endpoint,
        Body=b"0.1,0.2,0.3",
        ContentType="text/csv",
        InferenceId="inline",
        S3OutputPathExtension="batch/7",
        Filename="mine.txt",
    )
    assert answer["OutputLocation"] == f"s3://{BUCKET}/results/batch/7/mine.txt"
    assert "inputLocation" not in notice(topics.successes, "inline")["requestParameters"]
    assert account.text(answer["OutputLocation"])


def test_without_instances_requests_wait(account: Account, endpoint: str, topics: Topics) -> None:
    tests = len([message for message in topics.successes() if message == TEST])
    wait_settled(account, endpoint, 0)
    submit(account, endpoint, "0.1,0.2,0.3", "patient")
    where = {"EndpointName": endpoint}
    eventually(
        lambda: account.datapoints("HasBacklogWithoutCapacity", where, "Maximum"), lambda points: points[-1:] == [1.0]
    )
    assert account.datapoints("ApproximateBacklogSize", where, "Maximum")[-1] == 1.0
    wait_settled(account, endpoint, 1)
    notice(topics.successes, "patient")
    again = eventually(
        lambda: [message for message in topics.successes() if message == TEST], lambda m: len(m) >= tests + 2
    )
    assert len(again) == tests + 2


def test_a_request_expires(account: Account, endpoint: str, topics: Topics) -> None:
    wait_settled(account, endpoint, 0)
    answer = submit(account, endpoint, "0.1,0.2,0.3", "short-lived", RequestTTLSeconds=60)
    account.clock.push(61)
    assert "expired" in notice(topics.failures, "short-lived")["failureReason"]
    assert "expired" in account.text(answer["FailureLocation"])
    wait_settled(account, endpoint, 1)


def test_many_requests_all_end_and_are_measured(account: Account, endpoint: str, topics: Topics) -> None:
    names = [f"many-{number}" for number in range(40)]
    for number, name in enumerate(names):
        submit(account, endpoint, "0.1,0.2,-1" if number % 10 == 3 else "0.1,0.2,0.3", name)

    def ended() -> set[str]:
        return {message.get("inferenceId", "") for message in topics.successes() + topics.failures()}

    eventually(ended, lambda seen: seen >= set(names))
    assert len([m for m in topics.failures() if m.get("inferenceId", "").startswith("many-")]) == 4
    assert sum(account.datapoints("InvocationsProcessed", VARIANT)) >= 36
    assert sum(account.datapoints("InvocationFailures", VARIANT)) >= 4
    assert min(account.datapoints("TotalProcessingTime", VARIANT, "Minimum")) > 0
    assert account.datapoints("Invocations", VARIANT) == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"EndpointName": "nobody"}, "not found"),
        ({"EndpointName": "not-async"}, "does not have an AsyncInferenceConfig"),
        ({"RequestTTLSeconds": 21_601}, "requestTTLSeconds"),
        ({"InvocationTimeoutSeconds": 3601}, "invocationTimeoutSeconds"),
        ({"InputLocation": "/tmp/x"}, "inputLocation"),
        ({"InputLocation": None}, "InputLocation and Body"),
    ],
)
def test_what_is_refused(account: Account, endpoint: str, change: dict[str, Any], text: str) -> None:
    if change.get("EndpointName") == "not-async":
        account.endpoint("not-async", {})
    params = {"EndpointName": endpoint, "InputLocation": f"s3://{BUCKET}/x", **change}
    with pytest.raises(ClientError) as refused:
        account.runtime.invoke_endpoint_async(**{name: value for name, value in params.items() if value is not None})
    error = refused.value.response["Error"]
    assert error["Code"] == "ValidationError"
    assert text in error["Message"]


def test_it_takes_no_synchronous_invocations(account: Account, endpoint: str) -> None:
    with pytest.raises(ClientError, match="asynchronous invocations only"):
        account.runtime.invoke_endpoint(EndpointName=endpoint, Body=b"1,2,3", ContentType="text/csv")


def test_a_role_that_may_not_publish_fails_the_endpoint(account: Account, topics: Topics) -> None:
    account.model("speechless", "low", ROLE_ONLY_MODELS)
    notify = {"SuccessTopic": topics.success}
    shown = account.endpoint("speechless", {"ModelName": "speechless"}, AsyncInferenceConfig=config_of(notify))
    assert shown["EndpointStatus"] == "Failed"
    assert "sns:Publish" in shown["FailureReason"]


def test_a_result_that_may_not_be_stored_is_a_failure(account: Account) -> None:
    """And nobody is left to tell: the role may neither write nor publish."""
    account.model("inkless", "low", ROLE_ONLY_MODELS)
    account.endpoint("inkless", {"ModelName": "inkless"}, AsyncInferenceConfig=config_of())
    account.runtime.invoke_endpoint_async(EndpointName="inkless", Body=b"1,2,3", ContentType="text/csv")
    where = {"EndpointName": "inkless", "VariantName": "v1"}
    eventually(lambda: account.datapoints("InvocationFailures", where), lambda points: points == [1.0])
    assert sum(account.datapoints("ResponseUploadFailures", where)) == 2
    location = account.put("async/secret.csv", "1,2,3")
    account.runtime.invoke_endpoint_async(EndpointName="inkless", InputLocation=location, ContentType="text/csv")
    eventually(lambda: sum(account.datapoints("RequestDownloadFailures", where)), lambda count: count == 1)


def test_only_asynchronous_endpoints_go_to_zero(account: Account) -> None:
    account.endpoint("awake", {})
    desired = {"VariantName": "v1", "DesiredInstanceCount": 0}
    with pytest.raises(ClientError, match="only asynchronous endpoints"):
        account.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName="awake", DesiredWeightsAndCapacities=[desired]
        )


def test_an_image_that_is_not_played_fails_by_name(account: Account) -> None:
    model = account.model("torch-async", "low", image=OTHER_IMAGE)
    shown = account.endpoint("torch-async", {"ModelName": model}, AsyncInferenceConfig=config_of())
    assert shown["EndpointStatus"] == "Failed"
    assert OTHER_IMAGE in shown["FailureReason"]
