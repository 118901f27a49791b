"""Submits an inference to its endpoint, for the first time or as a retry, and stores that it has been submitted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sluice.async_inference.events import announce_now
from sluice.async_inference.inference import AsyncInference
from sluice.async_inference.messages import RetryMessage
from sluice.async_inference.runtime import InvocationRefusedError
from sluice.async_inference.transitions import is_retry_due, mark_refused, mark_submitted, was_refused
from sluice.spec.serving import AsyncServing

if TYPE_CHECKING:
    from sluice.async_inference.ports import AsyncInferencePorts


def submit(inference: AsyncInference, serving: AsyncServing, ports: AsyncInferencePorts) -> AsyncInference:
    """Invoke the endpoint with an inference that is stored already; returns it afterwards, parked if refused.

    A crash in between leaves a pending inference, which the sweep submits again.

    Raises:
        RetryableError: SageMaker could not accept it now; the inference is unchanged.
    """
    attempt = inference.failed_attempts + 1
    try:
        accepted = ports.async_runtime.invoke(inference, serving)
    except InvocationRefusedError as error:
        reason = str(error)
    else:
        change = partial(mark_submitted, accepted=accepted, attempt=attempt, serving=serving, now=ports.now())
        return ports.results.update(inference.id, change) or inference
    # Not while the error is handled: what fails from here on is logged with a trace, which would show it.
    return _park(inference, reason, ports)


def _park(inference: AsyncInference, reason: str, ports: AsyncInferencePorts) -> AsyncInference:
    """The reason is stored, not logged: it may quote what the caller sent."""
    ports.telemetry.log("invocation refused", inference=inference.id, model=inference.model)
    after = ports.results.update(inference.id, partial(mark_refused, reason=reason, now=ports.now())) or inference
    if after.status == "parked":
        announce_now(after, ports.events)
    return after


def submit_if_due(
    retry: RetryMessage, serving: AsyncServing, inference: AsyncInference, ports: AsyncInferencePorts
) -> AsyncInference:
    """Submit a retry unless that has been done or is no longer wanted; returns the inference afterwards.

    One that was refused is announced again: its message comes again if it could not be announced.
    """
    if is_retry_due(inference, retry.attempt):
        return submit(inference, serving, ports)
    if was_refused(inference, retry.attempt):
        announce_now(inference, ports.events)
    return inference
