"""The events about asynchronous results, gathered so that ten of them are one call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.async_inference.inference import Entry, moment
from sluice.errors import RetryableError

if TYPE_CHECKING:
    from sluice.async_inference.ports import AsyncInferenceEvents


class EventBatch:
    """Events to be put together; each may be put again after a failure."""

    def __init__(self) -> None:
        self._events: list[tuple[str, Mapping[str, Any]]] = []

    def publish(self, detail_type: str, **detail: Any) -> None:
        """Gather one event."""
        self._events.append((detail_type, detail))

    def put(self, publisher: AsyncInferenceEvents) -> dict[int, str]:
        """Put them all; the positions of those that were not accepted, with the reason."""
        return publisher.put(self._events) if self._events else {}


def tell(entry: Entry, events: EventBatch) -> None:
    """Say that the result of an entry is there, or that it is parked."""
    if entry.result is None:
        _tell_parked(entry, events)
        return
    events.publish(
        "AsyncResultReady",
        model=entry.model,
        inference_id=entry.id,
        endpoint=entry.endpoint,
        version=entry.result.version,
        input=entry.request.input,
        output=entry.result.output,
        content_type=entry.result.content_type,
        size_bytes=entry.result.size_bytes,
        latency_ms=entry.result.latency_ms,
        attempts=entry.attempts,
        received_at=moment(entry.result.received_at),
        ended_at=moment(entry.result.ended_at),
    )


def _tell_parked(entry: Entry, events: EventBatch) -> None:
    events.publish(
        "AsyncResultFailed",
        model=entry.model,
        inference_id=entry.id,
        endpoint=entry.endpoint,
        input=entry.request.input,
        failure=entry.failure,
        reason=entry.reason,
        attempts=entry.attempts,
        at=moment(entry.changed_at),
    )


def tell_now(entry: Entry, publisher: AsyncInferenceEvents) -> None:
    """Say it at once; raises RetryableError when it was not accepted."""
    events = EventBatch()
    tell(entry, events)
    if failed := events.put(publisher):
        raise RetryableError(f"the event about {entry.id} was not accepted: {failed[0]}")
