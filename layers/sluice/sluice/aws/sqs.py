"""SQS: wake-ups of the upload queue, messages parked for a person, and the queue of asynchronous results."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

WAKE_UP = "WakeUp"
LONGEST_DELAY_SECONDS = 900
"""What SQS allows."""


class UploadQueue:
    """What Sluice asks of the queue that starts pipelines."""

    def __init__(self, client: Any, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def book(self, model: str, delay_seconds: float) -> None:
        """Have the model's turn looked at after ``delay_seconds``, or a little later; once too often does no harm."""
        body = json.dumps({"source": "sluice", "detail-type": WAKE_UP, "detail": {"model": model}})
        delay = min(math.ceil(delay_seconds), LONGEST_DELAY_SECONDS)
        self._client.send_message(QueueUrl=self._queue_url, MessageBody=body, DelaySeconds=delay)


REASON_MAX = 1_000


class ParkedMessages:
    """What Sluice asks of a queue of messages that a person has to look at."""

    def __init__(self, client: Any, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def park(self, body: str, reason: str) -> None:
        """Keep a message, with its ``reason`` as an attribute; it may be parked twice after a crash."""
        attributes = {"reason": {"DataType": "String", "StringValue": _plain(reason)}}
        self._client.send_message(QueueUrl=self._queue_url, MessageBody=body, MessageAttributes=attributes)


def _plain(reason: str) -> str:
    """SQS takes no control characters, and nothing empty."""
    return "".join(each if each.isprintable() else " " for each in reason)[:REASON_MAX] or "no reason given"


_MESSAGES = 10  # that one SendMessageBatch takes


class AsyncQueue:
    """The queue in which SageMaker's notifications arrive, and our own words to try again."""

    def __init__(self, client: Any, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, messages: Sequence[tuple[str, float]]) -> set[int]:
        """Send bodies, each to arrive after some seconds; the positions of those that were not taken."""
        failed: set[int] = set()
        for start in range(0, len(messages), _MESSAGES):
            failed |= self._send(messages[start : start + _MESSAGES], start)
        return failed

    def _send(self, messages: Sequence[tuple[str, float]], start: int) -> set[int]:
        entries = [
            {
                "Id": str(start + number),
                "MessageBody": body,
                "DelaySeconds": min(math.ceil(delay), LONGEST_DELAY_SECONDS),
            }
            for number, (body, delay) in enumerate(messages)
        ]
        answer = self._client.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
        return {int(each["Id"]) for each in answer.get("Failed", [])}
