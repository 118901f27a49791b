"""Asynchronous requests of whose end nothing was heard: what lies in S3 is said in SageMaker's stead."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from sluice.async_inference.inference import Entry
from sluice.async_inference.messages import TryAgain
from sluice.async_inference.transitions import unheard
from sluice.errors import RetryableError

if TYPE_CHECKING:
    from sluice.async_inference.ports import AsyncInferencePorts

MOST = 500
"""Entries in one sweep of one model; the next one goes on with the others."""

_REASON_CHARACTERS = 500


def lost_results(model: str, ports: AsyncInferencePorts) -> Iterator[str]:
    """Pending entries that are overdue: their words are sent through the queue that all words come through."""
    for entry in islice(ports.results.overdue(model, ports.now()), MOST):
        if entry.status == "waiting":
            body, found = TryAgain(entry.id, entry.failed_attempts + 1).body(), "tried again"
        else:
            notice = unheard(entry, _output(entry, ports), _failure(entry, ports))
            body, found = notice.body(), notice.reason or "ready"
        if ports.async_queue.send([(body, 0.0)]):
            raise RetryableError(f"the queue did not take the word on {entry.id}")
        yield f"inference {entry.id}: {found}"


def _output(entry: Entry, ports: AsyncInferencePorts) -> tuple[str, datetime] | None:
    found = ports.bucket.look(entry.output) if entry.output else None
    return (entry.output, found.written_at) if found else None


def _failure(entry: Entry, ports: AsyncInferencePorts) -> tuple[str, datetime] | None:
    """What SageMaker, or the model, wrote about the failure."""
    found = ports.bucket.look(entry.failure) if entry.failure else None
    if found is None:
        return None
    text = (ports.bucket.read(entry.failure) or b"").decode(errors="replace")
    return f"found in {entry.failure}: {text[:_REASON_CHARACTERS]}", found.written_at
