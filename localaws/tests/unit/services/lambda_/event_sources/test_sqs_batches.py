"""What an SQS event source decides about batches."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localaws.services.events.pattern import parse_pattern
from localaws.services.lambda_.event_sources.batches import batch_event, is_due, succeeded, wanted

QUEUE = "arn:aws:sqs:us-east-1:123456789012:uploads"


def message(number: int, body: str = "{}") -> dict[str, Any]:
    return {
        "MessageId": f"m{number}",
        "ReceiptHandle": f"r{number}",
        "Body": body,
        "MD5OfBody": "md5",
        "Attributes": {"ApproximateReceiveCount": "1"},
        "MessageAttributes": {
            "kind": {"DataType": "String", "StringValue": "x"},
            "raw": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
        },
    }


BATCH = [message(1), message(2), message(3)]


def ids(messages: list[Any]) -> list[str]:
    return [one["MessageId"] for one in messages]


def done(answer: object) -> list[str]:
    return ids(succeeded(BATCH, json.dumps(answer).encode(), reports_failures=True))


@pytest.mark.parametrize(
    ("count", "age", "due"), [(0, 99.0, False), (1, 4.9, False), (1, 5.0, True), (2, 0.0, False), (3, 0.0, True)]
)
def test_a_batch_is_due_when_it_is_full_or_its_window_has_passed(count: int, age: float, due: bool) -> None:
    assert is_due(BATCH[:count], batch_size=3, window_seconds=5, age_seconds=age) is due


def test_a_batch_of_six_megabytes_is_due() -> None:
    large = [message(n, "x" * 1024 * 1024) for n in range(6)]
    assert not is_due(large[:5], batch_size=100, window_seconds=5, age_seconds=0)
    assert is_due(large, batch_size=100, window_seconds=5, age_seconds=0)


def test_the_event_has_the_shape_of_sqs() -> None:
    (record,) = batch_event([message(1, "hello")], queue_arn=QUEUE, region="us-east-1")["Records"]
    assert record == {
        "messageId": "m1",
        "receiptHandle": "r1",
        "body": "hello",
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {
            "kind": {"stringValue": "x", "stringListValues": [], "binaryListValues": [], "dataType": "String"},
            "raw": {"binaryValue": "AAE=", "stringListValues": [], "binaryListValues": [], "dataType": "Binary"},
        },
        "md5OfBody": "md5",
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE,
        "awsRegion": "us-east-1",
    }


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_an_empty_report_means_that_all_succeeded(answer: object) -> None:
    assert done(answer) == ["m1", "m2", "m3"]


def test_reported_messages_come_back() -> None:
    assert done({"batchItemFailures": [{"itemIdentifier": "m2"}]}) == ["m1", "m3"]


@pytest.mark.parametrize(
    "answer",
    [
        {"batchItemFailures": [{"itemIdentifier": "unknown"}]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"itemIdentifier": ["m1"]}]},
        {"batchItemFailures": [{"id": "m1"}]},
        {"batchItemFailures": "m1"},
        "ok",
    ],
)
def test_a_report_that_makes_no_sense_means_that_all_failed(answer: object) -> None:
    assert done(answer) == []


def test_without_reports_the_answer_does_not_count() -> None:
    assert succeeded(BATCH, b"not json", reports_failures=False) == BATCH


def test_filters_look_into_json_bodies_and_leave_the_rest() -> None:
    patterns = [parse_pattern('{"body": {"kind": ["upload"]}}')]
    assert wanted(message(1, '{"kind": "upload"}'), patterns)
    assert not wanted(message(1, '{"kind": "other"}'), patterns)
    assert not wanted(message(1, "upload"), patterns)
    assert wanted(message(1, "upload"), [])
