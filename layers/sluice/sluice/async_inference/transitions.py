"""The state transitions of an asynchronous inference on a notification, and the follow-up that each requires. Pure.

Notifications arrive at least once, late and in any order. An inference ends in the same state whatever the order: a
result is final, the one that ended first counts, and each failed invocation counts once. The follow-up is derived from
the inference as it is *after* the notification. So a redelivered notification repeats the follow-up, which recovers
from a crash before it was done; therefore every follow-up is idempotent.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sluice.async_inference.failure_classification import EXPIRED_PREFIX, is_transient
from sluice.async_inference.inference import (
    PENDING,
    AsyncInference,
    FailedInvocation,
    InferenceRequest,
    InferenceResult,
)
from sluice.async_inference.messages import Notification
from sluice.spec.serving import AsyncServing

GRACE_PERIOD = timedelta(minutes=5)
"""How long a notification or a message may be in transit before it counts as lost."""

MAX_RETRY_DELAY = timedelta(minutes=15)
"""What SQS allows."""

RETRY_JITTER = 0.25
"""Requests that failed together are retried spread over this share of their delay."""

NO_RETRIES = AsyncServing(max_attempts=1)
"""For a model without a valid spec: its number of attempts is not known."""

FollowUp = Literal["announce_result", "announce_parked", "retry"]


@dataclass(frozen=True, slots=True)
class AcceptedInvocation:
    """SageMaker has accepted an invocation, and will write its output or its failure to one of these places."""

    output: str
    failure: str


def new_request(
    inference_id: str, request: InferenceRequest, *, model: str, endpoint: str, now: datetime
) -> AsyncInference:
    """An inference to be submitted at once. It is stored first: after a crash the sweep submits it."""
    return AsyncInference(
        id=inference_id,
        model=model,
        endpoint=endpoint,
        status="waiting",
        since=now,
        request=request,
        overdue_at=now + GRACE_PERIOD,
        changed_at=now,
    )


def new_from_notification(notification: Notification, model: str) -> AsyncInference:
    """An inference that was requested without the ``sluice`` command, so that its end is the first we know of it."""
    return AsyncInference(
        id=notification.id,
        model=model,
        endpoint=notification.endpoint,
        status="submitted",
        since=notification.received_at,
        request=notification.request,
        changed_at=notification.ended_at,
    )


def apply_notification(inference: AsyncInference, notification: Notification, serving: AsyncServing) -> AsyncInference:
    """The inference after SageMaker's notification; unchanged if that contains nothing new (idempotent)."""
    since = min(inference.since, notification.received_at)
    if notification.reason is None:
        after = _apply_success(inference, notification)
    else:
        after = _apply_failure(inference, notification, notification.reason, serving)
    return replace(after, since=since) if since != after.since else after


def _apply_success(inference: AsyncInference, notification: Notification) -> AsyncInference:
    known = inference.result
    if known and (known.ended_at, known.output) <= (notification.ended_at, notification.output):
        return inference
    return replace(
        inference,
        status="ready",
        result=InferenceResult(
            received_at=notification.received_at,
            ended_at=notification.ended_at,
            output=notification.output,
            content_type=notification.content_type,
        ),
        output=notification.output,
        reason="",
        overdue_at=None,
        changed_at=notification.ended_at,
    )


def _apply_failure(
    inference: AsyncInference, notification: Notification, reason: str, serving: AsyncServing
) -> AsyncInference:
    if notification.received_at in (*inference.forgiven, *(each.received_at for each in inference.failures)):
        return inference
    failure = FailedInvocation(
        received_at=notification.received_at,
        ended_at=notification.ended_at,
        reason=reason,
        is_transient=is_transient(reason),
    )
    failures = tuple(sorted((*inference.failures, failure), key=lambda each: each.received_at))
    after = replace(inference, failures=failures)
    if inference.result:
        return after
    if _may_retry(after, serving):
        if inference.status == "parked":  # SageMaker refused it: it stays parked until a person requeues it
            return after
        last = failures[-1]
        overdue_at = last.ended_at + retry_delay(after, serving) + GRACE_PERIOD
        return replace(after, status="waiting", reason=last.reason, overdue_at=overdue_at, changed_at=last.ended_at)
    decisive = next((each for each in failures if not each.is_transient), failures[-1])
    return replace(after, status="parked", reason=decisive.reason, overdue_at=None, changed_at=decisive.ended_at)


def _may_retry(inference: AsyncInference, serving: AsyncServing) -> bool:
    """A payload that was part of the call itself is gone, and cannot be submitted again."""
    transient = all(each.is_transient for each in inference.failures)
    return transient and len(inference.failures) < serving.max_attempts and bool(inference.request.input)


def retry_delay(inference: AsyncInference, serving: AsyncServing) -> timedelta:
    """How long after its last failure an inference is retried: exponential backoff with jitter, at most what SQS can.

    The jitter is derived from the id, so that the delay is the same each time it is computed.
    """
    doubled = serving.retry_delay_seconds * (1 << max(0, len(inference.failures) - 1))
    share = zlib.crc32(inference.id.encode()) / 2**32
    return min(timedelta(milliseconds=round(1000 * doubled * (1 + RETRY_JITTER * share))), MAX_RETRY_DELAY)


def follow_up(inference: AsyncInference, notification: Notification) -> FollowUp | None:
    """The follow-up of a notification, given the inference after it; the same for a redelivered notification."""
    if inference.status == "ready":
        won = inference.result is not None and (inference.result.ended_at, inference.result.output)
        return "announce_result" if won == (notification.ended_at, notification.output) else None
    if notification.received_at not in (each.received_at for each in inference.failures):
        return None
    # Whichever failure it is: a late notification may bring the one that exhausts the attempts.
    if inference.status == "parked":
        return "announce_parked"
    return "retry" if inference.status == "waiting" else None


def add_result_details(inference: AsyncInference, size_bytes: int | None, version: int | None) -> AsyncInference:
    """Add what the notification of a result does not contain."""
    if inference.result is None:
        return inference
    return replace(inference, result=replace(inference.result, size_bytes=size_bytes, version=version))


def seconds_until_retry(inference: AsyncInference, now: datetime) -> float:
    """How long the retry of an inference has to wait yet; 0 when it is due."""
    return max(0.0, (inference.overdue_at - GRACE_PERIOD - now).total_seconds()) if inference.overdue_at else 0.0


def is_retry_due(inference: AsyncInference, attempt: int) -> bool:
    """Whether the inference still waits to be submitted as this attempt; false when a retry message comes twice."""
    return inference.status == "waiting" and inference.failed_attempts + 1 == attempt


def was_refused(inference: AsyncInference, attempt: int) -> bool:
    """Whether SageMaker refused the inference at this attempt, so that it is parked although none has failed since."""
    return inference.status == "parked" and inference.failed_attempts + 1 == attempt


def mark_submitted(
    inference: AsyncInference, accepted: AcceptedInvocation, attempt: int, serving: AsyncServing, now: datetime
) -> AsyncInference:
    """The inference after SageMaker accepted this attempt. If it has ended meanwhile only the places are updated.

    Unchanged if a later attempt is known: the sweep looks where that one writes its result.
    """
    if inference.status == "ready" or attempt < inference.attempts:
        return inference
    placed = replace(inference, output=accepted.output, failure=accepted.failure)
    if inference.status not in PENDING or inference.failed_attempts + 1 != attempt:
        return placed
    return replace(placed, status="submitted", overdue_at=now + result_timeout(serving), changed_at=now)


def result_timeout(serving: AsyncServing) -> timedelta:
    """How long after an invocation the notification of its end is overdue."""
    return timedelta(seconds=serving.request_ttl_seconds + serving.invocation_timeout_seconds) + GRACE_PERIOD


def mark_refused(inference: AsyncInference, reason: str, now: datetime) -> AsyncInference:
    """The inference after SageMaker refused it; unchanged if it has ended."""
    if inference.status not in PENDING:
        return inference
    return replace(inference, status="parked", reason=reason, overdue_at=None, changed_at=now)


def requeue(inference: AsyncInference, now: datetime) -> AsyncInference:
    """A parked inference that a person retries, with as many attempts as a new one has.

    Until it is submitted it waits like any failed one, so that the sweep retries it after a crash.
    """
    return replace(
        inference,
        status="waiting",
        forgiven=(*inference.forgiven, *(each.received_at for each in inference.failures)),
        failures=(),
        overdue_at=now + GRACE_PERIOD,
        changed_at=now,
    )


def synthesize_notification(
    inference: AsyncInference, output: tuple[str, datetime] | None, failure: tuple[str, datetime] | None
) -> Notification:
    """The notification that SageMaker should have sent about an overdue inference, made from what is in S3.

    ``output`` is the URI of a result and when it was written, ``failure`` the text of the failure object and when that
    was written. With neither, the request has expired: that is a permanent failure, which parks the inference.
    """
    sent_at, reason = inference.changed_at, None
    uri, ended_at = output or ("", inference.overdue_at or sent_at)
    if output is None and failure is not None:
        reason, ended_at = failure
    elif output is None:
        waited = ended_at - sent_at
        reason = f"{EXPIRED_PREFIX}: neither a notification nor a result was found {waited} after it was sent"
    return Notification(
        id=inference.id,
        endpoint=inference.endpoint,
        received_at=sent_at,
        ended_at=ended_at,
        reason=reason,
        request=inference.request,
        output=uri,
        content_type="",
    )
