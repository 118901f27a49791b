"""SQS batches: each message is parsed alone, the others are handled together, and only what failed goes back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from sluice.aws.sqs_batch import process_batch

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
    made = process_batch(records(*bodies), json.loads, handler, telemetry or FakeTelemetry(), expected=(ValueError,))
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
    line = ("ERROR", "message goes back to the queue", {"message_id": "m1", "error": "JSONDecodeError"})
    assert telemetry.lines == [line]


def test_messages_that_cannot_be_handled_go_back_beside_those_that_cannot_be_parsed() -> None:
    assert process(["1", "{", "3", "4"], Handler("m0", "m3")) == ["m1", "m0", "m3"]


def test_a_batch_of_failures_is_a_response_and_no_error() -> None:
    assert process(["{", "{"], Handler()) == ["m0", "m1"]
    assert process(["1", "2"], Handler("m0", "m1")) == ["m0", "m1"]


def test_a_message_that_is_not_in_the_batch_cannot_fail() -> None:
    assert process(["1"], Handler("m7")) == []


@pytest.mark.parametrize("defect", [AssertionError, ZeroDivisionError])
def test_an_error_that_nobody_expects_ends_the_invocation(defect: type[Exception]) -> None:
    def parse(_body: str) -> None:
        raise defect

    with pytest.raises(defect):
        process_batch(records("1"), parse, Handler(), FakeTelemetry(), expected=(ValueError,))
