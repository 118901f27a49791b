"""Decides when a batch of SQS messages is full, the event it becomes, and which messages the function has processed."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from localaws.services.events.matching import matches

MAX_BATCH_BYTES = 6 * 1024 * 1024

Message = Mapping[str, Any]  # a message of ReceiveMessage


def is_due(messages: Sequence[Message], *, batch_size: int, window_seconds: float, age_seconds: float) -> bool:
    """Whether to invoke with what has been gathered; ``age_seconds`` counts from the first message."""
    if not messages:
        return False
    size = sum(len(message["Body"]) for message in messages)
    return len(messages) >= batch_size or age_seconds >= window_seconds or size >= MAX_BATCH_BYTES


def batch_event(messages: Sequence[Message], *, queue_arn: str, region: str) -> dict[str, Any]:
    """The event the function receives."""
    return {"Records": [_record(message, queue_arn, region) for message in messages]}


def _record(message: Message, queue_arn: str, region: str) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": region,
    }


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    if "StringValue" in value:
        shown["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        shown["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return shown


def succeeded(messages: Sequence[Message], payload: bytes, *, reports_failures: bool) -> list[Message]:
    """The messages to delete after a function that did not raise.

    With ReportBatchItemFailures the others come back; an answer that cannot be understood, or that names a
    message not in the batch, means that all of them failed.
    """
    if not reports_failures:
        return list(messages)
    try:
        failed = _failed_ids(json.loads(payload or b"null"))
    except (ValueError, TypeError, KeyError, AttributeError):
        return []
    if failed - {message["MessageId"] for message in messages}:
        return []
    return [message for message in messages if message["MessageId"] not in failed]


def _failed_ids(answer: Any) -> set[str]:
    if not answer:
        return set()
    identifiers = {failure["itemIdentifier"] for failure in answer.get("batchItemFailures") or []}
    if not all(isinstance(identifier, str) and identifier for identifier in identifiers):
        raise ValueError("an itemIdentifier is empty or no string")
    return identifiers


def wanted(message: Message, patterns: Sequence[Mapping[str, Any]]) -> bool:
    """Whether one of the mapping's filters takes the message; all are taken where there are no filters.

    A filter on a JSON body drops messages whose body is plain text, and the other way round.
    """
    if not patterns:
        return True
    try:
        body = json.loads(message["Body"])
    except json.JSONDecodeError:
        body = message["Body"]
    return any(matches(pattern, {**message, "body": body}) for pattern in patterns)
