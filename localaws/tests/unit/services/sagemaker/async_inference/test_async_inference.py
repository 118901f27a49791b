"""Asynchronous inference: the queue, the requests and the messages, without S3 or SNS."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from localaws.services.sagemaker.async_inference.request import (
    AsyncRequest,
    AsyncSettings,
    End,
    notification,
    request_of,
)
from localaws.services.sagemaker.async_inference.request_queue import AsyncQueue, Backlog
from localaws.services.sagemaker.containers.s3_storage import S3Uri

NOW = datetime(2026, 3, 4, 13, 45, 58, 455_000, tzinfo=UTC)
OUTPUT = {"S3OutputPath": "s3://bucket/out/", "S3FailurePath": "s3://bucket/bad"}
TOPIC = "arn:aws:sns:us-east-1:123456789012:news"


def settings(**output: Any) -> AsyncSettings:
    made = AsyncSettings.of({"AsyncInferenceConfig": {"OutputConfig": OUTPUT | output}})
    assert made is not None
    return made


def request(name: str = "a", *, received: datetime = NOW, **more: Any) -> AsyncRequest:
    params = {"EndpointName": "queued", "InputLocation": f"s3://bucket/in/{name}", "InferenceId": name, **more}
    return request_of(params, settings(), now=received, new_id=f"id-{name}")


def names(taken: list[tuple[AsyncRequest, str]]) -> list[tuple[str, str]]:
    return [(given.inference_id, instance) for given, instance in taken]


def test_first_come_first_served_to_the_least_busy_instance_up_to_its_limit() -> None:
    queue = AsyncQueue()
    for name in "abcde":
        queue.offer(request(name))
    assert names(queue.take(["i1", "i2"], 2)) == [("a", "i1"), ("b", "i2"), ("c", "i1"), ("d", "i2")]
    assert queue.take(["i1", "i2"], 2) == []
    queue.finish("i2")
    assert names(queue.take(["i1", "i2"], 2)) == [("e", "i2")]
    assert queue.backlog(NOW) == Backlog(waiting=0, size=4, oldest_seconds=0.0)


def test_without_instances_all_wait_and_what_comes_back_is_first() -> None:
    queue = AsyncQueue()
    queue.offer(request("a"))
    queue.offer(request("b", received=NOW + timedelta(seconds=5)))
    assert queue.take([], 2) == []
    assert queue.backlog(NOW + timedelta(seconds=9)) == Backlog(waiting=2, size=2, oldest_seconds=9.0)
    [(taken, instance)] = queue.take(["i1"], 1)
    queue.put_back(taken, instance)
    assert names(queue.take(["i2"], 2)) == [("a", "i2"), ("b", "i2")]


def test_only_what_waits_expires() -> None:
    queue = AsyncQueue()
    for name, ttl in (("a", 60), ("b", 60), ("c", 61)):
        queue.offer(request(name, RequestTTLSeconds=ttl))
    queue.take(["i1"], 1)
    later = NOW + timedelta(seconds=60.5)
    assert [expired.inference_id for expired in queue.take_expired(later)] == ["b"]
    assert queue.backlog(later).size == 2


@pytest.mark.parametrize(
    ("more", "output", "failure"),
    [
        ({}, "s3://bucket/out/id-a.out", "s3://bucket/bad/id-a-error.out"),
        ({"Filename": "x.json"}, "s3://bucket/out/x.json", "s3://bucket/bad/x-error.out"),
        ({"S3OutputPathExtension": "p/q"}, "s3://bucket/out/p/q/id-a.out", "s3://bucket/bad/p/q/id-a-error.out"),
    ],
)
def test_where_results_go(more: dict[str, Any], output: str, failure: str) -> None:
    made = request(**more)
    assert (str(made.output), str(made.failure)) == (output, failure)


def test_the_defaults() -> None:
    made = request(InferenceId=None)
    assert (made.inference_id, made.ttl_seconds, made.timeout_seconds) == ("id-a", 21_600, 900)
    assert made.headers == {"X-Amzn-SageMaker-Inference-Id": "id-a"}
    assert AsyncSettings.of({}) is None


def test_a_failure_has_a_reason_and_no_response_parameters() -> None:
    message = json.loads(
        notification(request(), End(failure_reason="ClientError: x"), settings(), region="eu-west-1", now=NOW)
    )
    assert message == {
        "awsRegion": "eu-west-1",
        "eventTime": "2026-03-04T13:45:58.455Z",
        "receivedTime": "2026-03-04T13:45:58.455Z",
        "invocationStatus": "Failed",
        "failureReason": "ClientError: x",
        "requestParameters": {"endpointName": "queued", "inputLocation": "s3://bucket/in/a"},
        "inferenceId": "a",
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }


@pytest.mark.parametrize(("size", "is_inline"), [(128 * 1024, True), (128 * 1024 + 1, False)])
def test_the_response_itself_comes_only_where_wanted_and_small(size: int, is_inline: bool) -> None:
    wanted = settings(NotificationConfig={"IncludeInferenceResponseIn": ["SUCCESS_NOTIFICATION_TOPIC"]})
    success = End(response=b"x" * size, content_type="text/csv")
    told = json.loads(notification(request(), success, wanted, region="r", now=NOW))
    assert ("responseBody" in told) == is_inline
    failure = replace(success, failure_reason="ClientError: x")
    assert "responseBody" not in json.loads(notification(request(), failure, wanted, region="r", now=NOW))


def test_each_topic_is_named_once() -> None:
    assert settings(NotificationConfig={"SuccessTopic": TOPIC, "ErrorTopic": TOPIC}).topics == [TOPIC]
    assert settings().topics == []


def test_a_payload_can_come_with_the_request() -> None:
    made = request(InputLocation=None, Body=b"1,2")
    assert made.input == b"1,2"
    assert request().input == S3Uri("bucket", "in/a")
