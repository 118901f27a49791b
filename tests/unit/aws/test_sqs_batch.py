"""SQS batches: each message is parsed alone, the others are handled together, and only what failed goes back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from sluice.aws.sqs_batch import process_batch
from sluice.errors import AwsLibraryError, ThrottledError

from tests.fakes.telemetry import FakeTelemetry


def records(*bodies: str) -> list[dict[str, Any]]:
    return [{"messageId": f"m{index}", "body": body} for index, body in enumerate(bodies)]


class Handler:
    """Handles messages together; those in ``failing`` are to be retried."""

    def __init__(self, *failing: str) -> None:
        self.failing = set(failing)
        self.calls: list[dict[str, Any]] = []

    def __call__(self, parsed: Mapping[str, Any]) -> set[str]:
        self.calls.append(dict(parsed))
        return self.failing


def process(bodies: list[str], handler: Handler, telemetry: FakeTelemetry | None = None) -> list[str]:
    """The ids of the messages that go back."""
    made = process_batch(records(*bodies), json.loads, handler, telemetry or FakeTelemetry())
    assert list(made) == ["batchItemFailures"]
    return [str(each["itemIdentifier"]) for each in made["batchItemFailures"]]


def test_messages_are_handled_together_once() -> None:
    handler = Handler()
    assert process(["1", "2", "null"], handler) == []
    assert handler.calls == [{"m0": 1, "m1": 2, "m2": None}]


def test_a_message_that_cannot_be_parsed_goes_back_alone_and_is_logged() -> None:
    handler, telemetry = Handler(), FakeTelemetry()
    assert process(["1", "{", "3"], handler, telemetry) == ["m1"]
    assert handler.calls == [{"m0": 1, "m2": 3}]
    ((level, text, fields),) = telemetry.lines
    assert (level, text) == ("ERROR", "message goes back to the queue")
    assert str(fields.pop("raised_at")).startswith("json.decoder:")
    assert fields == {"message_id": "m1", "error": "JSONDecodeError"}


def test_messages_that_cannot_be_handled_go_back_beside_those_that_cannot_be_parsed() -> None:
    assert process(["1", "{", "3", "4"], Handler("m0", "m3")) == ["m1", "m0", "m3"]


def test_a_batch_of_failures_is_a_response_and_no_error() -> None:
    assert process(["{", "{"], Handler()) == ["m0", "m1"]
    assert process(["1", "2"], Handler("m0", "m1")) == ["m0", "m1"]


def test_a_message_that_is_not_in_the_batch_cannot_fail() -> None:
    assert process(["1"], Handler("m7")) == []


@pytest.mark.parametrize("defect", [AssertionError, ZeroDivisionError, RecursionError, AwsLibraryError])
def test_an_error_that_nobody_expects_fails_its_message_alone(defect: type[Exception]) -> None:
    def parse(body: str) -> Any:
        if body == "2":
            raise defect("2", code="") if defect is AwsLibraryError else defect
        return json.loads(body)

    handler = Handler()
    answer = process_batch(records("1", "2", "3"), parse, handler, FakeTelemetry())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert handler.calls == [{"m0": 1, "m2": 3}]


def test_messages_that_cannot_be_handled_with_others_are_handled_alone() -> None:
    calls: list[list[int]] = []

    def handle(parsed: Mapping[str, int]) -> set[str]:
        calls.append(list(parsed.values()))
        if 5 in parsed.values():
            raise OverflowError("5")
        return {"m7"} & parsed.keys()

    telemetry = FakeTelemetry()
    answer = process_batch(records(*map(str, range(100))), json.loads, handle, telemetry)
    assert {str(each["itemIdentifier"]) for each in answer["batchItemFailures"]} == {"m5", "m7"}
    assert sorted(number for call in calls if 5 not in call for number in call) == [*range(5), *range(6, 100)]
    assert len(calls) <= 15
    ((level, text, fields),) = telemetry.lines
    assert (level, text) == ("ERROR", "message goes back to the queue")
    assert fields["message_id"] == "m5"
    assert fields["error"] == "OverflowError"
    assert str(fields["raised_at"]).startswith(f"{__name__}:")


def test_when_aws_fails_all_messages_go_back_and_nothing_is_tried_again_at_once() -> None:
    calls = 0

    def handle(_parsed: Mapping[str, int]) -> set[str]:
        nonlocal calls
        calls += 1
        raise ThrottledError("later")

    telemetry = FakeTelemetry()
    answer = process_batch(records("1", "2"), json.loads, handle, telemetry)
    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == ["m0", "m1"]
    assert calls == 1
    assert telemetry.lines == [("ERROR", "all messages go back to the queue", {"error": "ThrottledError"})]
