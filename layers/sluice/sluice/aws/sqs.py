"""Wake-ups: messages that have a model's turn looked at later, in the queue that uploads come through."""

from __future__ import annotations

import json
import math
from typing import Any

from botocore.exceptions import ClientError
from sluice.aws.clients import understood

WAKE_UP = "WakeUp"
LONGEST_DELAY_SECONDS = 900
"""What SQS allows."""


class WakeUps:
    """What Sluice asks of the queue that starts pipelines."""

    def __init__(self, client: Any, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def book(self, model: str, delay_seconds: float) -> None:
        """Have the model's turn looked at after ``delay_seconds``, or a little later; once too often does no harm."""
        body = json.dumps({"source": "sluice", "detail-type": WAKE_UP, "detail": {"model": model}})
        delay = min(math.ceil(delay_seconds), LONGEST_DELAY_SECONDS)
        try:
            self._client.send_message(QueueUrl=self._queue_url, MessageBody=body, DelaySeconds=delay)
        except ClientError as error:
            raise understood(error) from error
