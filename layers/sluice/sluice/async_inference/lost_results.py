"""Replays what was lost about overdue inferences: retry messages, and SageMaker's notifications, made from S3."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from sluice.async_inference.inference import AsyncInference
from sluice.async_inference.messages import RetryMessage
from sluice.async_inference.transitions import synthesize_notification
from sluice.errors import RetryableError

if TYPE_CHECKING:
    from sluice.async_inference.ports import AsyncInferencePorts

MAX_PER_SWEEP = 500
"""Inferences of one model in one sweep; the next sweep continues with the others."""

_REASON_CHARACTERS = 500
_REASON_BYTES = 4 * _REASON_CHARACTERS
"""A character of UTF-8 has up to four bytes. The model writes the object: it may be larger than the memory."""


def replay_lost_results(model: str, ports: AsyncInferencePorts) -> Iterator[str]:
    """Send a message on each overdue inference to the queue that all messages come through; yields what was sent.

    Raises:
        RetryableError: the queue did not accept a message.
    """
    for inference in islice(ports.results.overdue(model, ports.now()), MAX_PER_SWEEP):
        if inference.status == "waiting":
            body, found = RetryMessage(inference.id, inference.failed_attempts + 1).body(), "retried"
        else:
            output, failure = _output(inference, ports), _failure(inference, ports)
            body = synthesize_notification(inference, output, failure).body()
            found = "ready" if output else "failed" if failure else "expired"
        if ports.async_queue.send([(body, 0.0)]):
            raise RetryableError(f"the queue did not accept the message on {inference.id}")
        yield f"inference {inference.id}: {found}"


def _output(inference: AsyncInference, ports: AsyncInferencePorts) -> tuple[str, datetime] | None:
    """The URI of the result and when it was written."""
    found = ports.bucket.head(inference.output) if inference.output else None
    return (inference.output, found.written_at) if found else None


def _failure(inference: AsyncInference, ports: AsyncInferencePorts) -> tuple[str, datetime] | None:
    """The failure text of SageMaker or the model, and when it was written."""
    found = ports.bucket.head(inference.failure) if inference.failure else None
    if found is None:
        return None
    text = (ports.bucket.read(inference.failure, _REASON_BYTES) or b"").decode(errors="replace")
    return f"found in {inference.failure}: {text[:_REASON_CHARACTERS]}", found.written_at
