"""Announces asynchronous results as domain events, collected so that one call of PutEvents carries ten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.async_inference.inference import AsyncInference, to_timestamp
from sluice.errors import RetryableError

if TYPE_CHECKING:
    from sluice.async_inference.ports import EventBatchPublisher


class EventBatch:
    """Events to be published together; each may be published again after a failure (at least once)."""

    def __init__(self) -> None:
        self._events: list[tuple[str, Mapping[str, Any]]] = []

    def publish(self, detail_type: str, **detail: Any) -> None:
        """Add one event."""
        self._events.append((detail_type, detail))

    def put(self, publisher: EventBatchPublisher) -> dict[int, str]:
        """Publish them all; returns the positions of those that were not accepted, with the reason."""
        return publisher.put(self._events) if self._events else {}


def announce(inference: AsyncInference, events: EventBatch) -> None:
    """Announce that the result of an inference is ready, or that it is parked."""
    if inference.result is None:
        _announce_parked(inference, events)
        return
    events.publish(
        "AsyncResultReady",
        model=inference.model,
        inference_id=inference.id,
        endpoint=inference.endpoint,
        version=inference.result.version,
        input=inference.request.input,
        output=inference.result.output,
        content_type=inference.result.content_type,
        size_bytes=inference.result.size_bytes,
        latency_ms=inference.result.latency_ms,
        attempts=inference.attempts,
        received_at=to_timestamp(inference.result.received_at),
        ended_at=to_timestamp(inference.result.ended_at),
    )


def _announce_parked(inference: AsyncInference, events: EventBatch) -> None:
    events.publish(
        "AsyncResultFailed",
        model=inference.model,
        inference_id=inference.id,
        endpoint=inference.endpoint,
        input=inference.request.input,
        failure=inference.failure,
        reason=inference.reason,
        attempts=inference.attempts,
        at=to_timestamp(inference.changed_at),
    )


def announce_now(inference: AsyncInference, publisher: EventBatchPublisher) -> None:
    """Announce it in a call of its own; raises RetryableError when the event was not accepted."""
    events = EventBatch()
    announce(inference, events)
    if failed := events.put(publisher):
        raise RetryableError(f"the event on {inference.id} was not accepted: {failed[0]}")
