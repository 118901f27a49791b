"""Sends a request to its endpoint, for the first time or again, and notes that in its entry."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from sluice.async_inference.events import tell_now
from sluice.async_inference.inference import Entry
from sluice.async_inference.messages import TryAgain
from sluice.async_inference.runtime import InvocationRefusedError
from sluice.async_inference.transitions import invoked, is_due, refused
from sluice.spec.serving import AsyncServing

if TYPE_CHECKING:
    from sluice.async_inference.ports import AsyncInferencePorts

log = logging.getLogger(__name__)


def send(entry: Entry, serving: AsyncServing, ports: AsyncInferencePorts) -> Entry:
    """Invoke the endpoint with an entry that is kept already; the entry after it, parked if SageMaker refused.

    A crash in between leaves an entry that is pending: the sweep goes on with it.

    Raises:
        RetryableError: SageMaker could not take it now, and the entry is as it was.
    """
    attempt = entry.failed_attempts + 1
    try:
        answer = ports.async_runtime.invoke(entry, serving)
    except InvocationRefusedError as error:
        log.warning("%s: %s", entry.id, error)
        after = ports.results.update(entry.id, partial(refused, reason=str(error), now=ports.now())) or entry
        if after.status == "parked":
            tell_now(after, ports.events)
        return after
    change = partial(invoked, answer=answer, attempt=attempt, serving=serving, now=ports.now())
    return ports.results.update(entry.id, change) or entry


def try_again(asked: TryAgain, serving: AsyncServing, entry: Entry, ports: AsyncInferencePorts) -> None:
    """Invoke a failed request once more, unless that has been done or is not wanted any more."""
    if is_due(entry, asked.attempt):
        send(entry, serving, ports)
