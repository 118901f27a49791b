"""SQS: delayed wake-ups in the upload queue, messages parked for a person, and retries of asynchronous inference."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

WAKE_UP = "WakeUp"
LONGEST_DELAY_SECONDS = 900
"""What SQS allows."""


class UploadQueue:
    """The queue that starts pipelines: uploads arrive in it, and our own delayed wake-ups."""

    def __init__(self, client: Any, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send_wake_up(self, model: str, delay_seconds: float) -> None:
        """Send a message that advances the model's run queue after ``delay_seconds``, at most 900. Idempotent."""
        self.send_again({"source": "sluice", "detail-type": WAKE_UP, "detail": {"model": model}}, delay_seconds)

    def send_again(self, message: Mapping[str, Any], delay_seconds: float) -> None:
        """Send a message that arrives after ``delay_seconds``, at most 900."""
        delay = min(math.ceil(delay_seconds), LONGEST_DELAY_SECONDS)
        self._client.send_message(QueueUrl=self._queue_url, MessageBody=json.dumps(message), DelaySeconds=delay)


REASON_MAX = 1_000


class ParkedMessages:
    """A queue of messages that no retry helps: a person has to inspect them."""

    def __init__(self, client: Any, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def park(self, body: str, reason: str) -> None:
        """Keep a message with its ``reason`` as an attribute, at least once: after a crash it may be parked again."""
        attributes = {"reason": {"DataType": "String", "StringValue": _plain(reason)}}
        self._client.send_message(QueueUrl=self._queue_url, MessageBody=body, MessageAttributes=attributes)


def _plain(reason: str) -> str:
    """An attribute that SQS accepts: no control characters, and not empty."""
    return "".join(each if each.isprintable() else " " for each in reason)[:REASON_MAX] or "no reason given"


_MESSAGES = 10  # that one SendMessageBatch takes


class AsyncQueue:
    """The queue of SageMaker's notifications, in which our own delayed retries travel, too."""

    def __init__(self, client: Any, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def send(self, messages: Sequence[tuple[str, float]]) -> set[int]:
        """Send bodies, each with its delay in seconds. Returns the positions of those that SQS did not accept."""
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
