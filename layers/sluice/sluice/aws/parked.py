"""A dead-letter queue that messages are put in on purpose, each with the reason that no repetition would help."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError
from sluice.aws.clients import understood

REASON_MAX = 1_000


class Parked:
    """What Sluice asks of a queue of messages that a person has to look at."""

    def __init__(self, client: Any, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def park(self, body: str, reason: str) -> None:
        """Keep a message, with its ``reason`` as an attribute; it may be parked twice after a crash."""
        attributes = {"reason": {"DataType": "String", "StringValue": _plain(reason)}}
        try:
            self._client.send_message(QueueUrl=self._queue_url, MessageBody=body, MessageAttributes=attributes)
        except ClientError as error:
            raise understood(error) from error


def _plain(reason: str) -> str:
    """SQS takes no control characters, and nothing empty."""
    return "".join(each if each.isprintable() else " " for each in reason)[:REASON_MAX] or "no reason given"
