"""What a word about an asynchronous inference makes of its entry, and what follows from it. Pure.

Notifications come twice, late and in any order. An entry ends in the same state whatever the order: a result is final,
the one that ended first counts, and each failed invocation counts once. What follows is told from the entry as it is
*after* the word. So a word that comes again has the same thing done again, which makes up for a crash before it was
done; and every such thing may be done twice.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from sluice.async_inference.failure_classification import EXPIRED, is_passing
from sluice.async_inference.inference import PENDING, Entry, Failure, Request, Result
from sluice.async_inference.messages import Notice
from sluice.spec.serving import AsyncServing

GRACE = timedelta(minutes=5)
"""How long a notification or a message may be on its way before it counts as lost."""

LONGEST_DELAY = timedelta(minutes=15)
"""What SQS allows."""

SPREAD = 0.25
"""Requests that failed together come back spread over this part of their delay."""

PARKED_AT_ONCE = AsyncServing(max_attempts=1)
"""For a model whose spec cannot be read: nobody knows how often to try."""

FollowUp = Literal["tell_ready", "tell_parked", "try_again"]


@dataclass(frozen=True, slots=True)
class Invoked:
    """SageMaker has accepted an invocation, and will write to one of these places."""

    output: str
    failure: str


def asked(inference_id: str, request: Request, *, model: str, endpoint: str, now: datetime) -> Entry:
    """An entry for a request that is to be sent at once: what is kept first, the sweep sends after a crash."""
    return Entry(
        id=inference_id,
        model=model,
        endpoint=endpoint,
        status="waiting",
        since=now,
        request=request,
        look_at=now + GRACE,
        changed_at=now,
    )


def first_heard(notice: Notice, model: str) -> Entry:
    """An entry for an inference that somebody asked for without the ``sluice`` command."""
    return Entry(
        id=notice.id,
        model=model,
        endpoint=notice.endpoint,
        status="submitted",
        since=notice.received_at,
        request=notice.request,
        changed_at=notice.ended_at,
    )


def heard(entry: Entry, notice: Notice, serving: AsyncServing) -> Entry:
    """The entry after SageMaker's word; itself if that says nothing new."""
    since = min(entry.since, notice.received_at)
    after = _succeeded(entry, notice) if notice.reason is None else _failed(entry, notice, notice.reason, serving)
    return replace(after, since=since) if since != after.since else after


def _succeeded(entry: Entry, notice: Notice) -> Entry:
    known = entry.result
    if known and (known.ended_at, known.output) <= (notice.ended_at, notice.output):
        return entry
    return replace(
        entry,
        status="ready",
        result=Result(
            received_at=notice.received_at,
            ended_at=notice.ended_at,
            output=notice.output,
            content_type=notice.content_type,
        ),
        output=notice.output,
        reason="",
        look_at=None,
        changed_at=notice.ended_at,
    )


def _failed(entry: Entry, notice: Notice, reason: str, serving: AsyncServing) -> Entry:
    if notice.received_at in (*entry.forgiven, *(each.received_at for each in entry.failures)):
        return entry
    failure = Failure(
        received_at=notice.received_at, ended_at=notice.ended_at, reason=reason, is_passing=is_passing(reason)
    )
    failures = tuple(sorted((*entry.failures, failure), key=lambda each: each.received_at))
    after = replace(entry, failures=failures)
    if entry.result:
        return after
    if _may_try_again(after, serving):
        if entry.status == "parked":  # SageMaker would not take it: that stands until a person sends it again
            return after
        last = failures[-1]
        look_at = last.ended_at + retry_delay(after, serving) + GRACE
        return replace(after, status="waiting", reason=last.reason, look_at=look_at, changed_at=last.ended_at)
    decisive = next((each for each in failures if not each.is_passing), failures[-1])
    return replace(after, status="parked", reason=decisive.reason, look_at=None, changed_at=decisive.ended_at)


def _may_try_again(entry: Entry, serving: AsyncServing) -> bool:
    """A payload that came in the call itself is gone, and cannot be sent again."""
    passing = all(each.is_passing for each in entry.failures)
    return passing and len(entry.failures) < serving.max_attempts and bool(entry.request.input)


def retry_delay(entry: Entry, serving: AsyncServing) -> timedelta:
    """How long after its last failure an entry is tried again: doubled each time, up to what SQS can wait."""
    doubled = serving.retry_delay_seconds * (1 << max(0, len(entry.failures) - 1))
    share = zlib.crc32(entry.id.encode()) / 2**32
    return min(timedelta(milliseconds=round(1000 * doubled * (1 + SPREAD * share))), LONGEST_DELAY)


def follow_up(entry: Entry, notice: Notice) -> FollowUp | None:
    """What is to be done after a word, on the entry as it is after it; also when the word came again."""
    if entry.status == "ready":
        won = entry.result is not None and (entry.result.ended_at, entry.result.output)
        return "tell_ready" if won == (notice.ended_at, notice.output) else None
    if notice.received_at not in (each.received_at for each in entry.failures):
        return None
    # Whichever failure it is: one that came late may be the one that used the attempts up.
    if entry.status == "parked":
        return "tell_parked"
    return "try_again" if entry.status == "waiting" else None


def with_details(entry: Entry, size_bytes: int | None, version: int | None) -> Entry:
    """What the notification of a result does not tell."""
    if entry.result is None:
        return entry
    return replace(entry, result=replace(entry.result, size_bytes=size_bytes, version=version))


def seconds_to_retry(entry: Entry, now: datetime) -> float:
    """How long an entry that is retried waits yet; 0 when its time has come."""
    return max(0.0, (entry.look_at - GRACE - now).total_seconds()) if entry.look_at else 0.0


def is_due(entry: Entry, attempt: int) -> bool:
    """Whether the entry still waits to be invoked as this attempt."""
    return entry.status == "waiting" and entry.failed_attempts + 1 == attempt


def invoked(entry: Entry, answer: Invoked, attempt: int, serving: AsyncServing, now: datetime) -> Entry:
    """The entry after SageMaker accepted this attempt; of one that has ended meanwhile only the places are news."""
    if entry.status == "ready":
        return entry
    placed = replace(entry, output=answer.output, failure=answer.failure)
    if entry.status not in PENDING or entry.failed_attempts + 1 != attempt:
        return placed
    return replace(placed, status="submitted", look_at=now + patience(serving), changed_at=now)


def patience(serving: AsyncServing) -> timedelta:
    """How long after an invocation its end must have been heard of."""
    return timedelta(seconds=serving.request_ttl_seconds + serving.invocation_timeout_seconds) + GRACE


def refused(entry: Entry, reason: str, now: datetime) -> Entry:
    """The entry after SageMaker would not take it; unchanged if its result is there."""
    if entry.status not in PENDING:
        return entry
    return replace(entry, status="parked", reason=reason, look_at=None, changed_at=now)


def sent_again(entry: Entry, now: datetime) -> Entry:
    """A parked entry that a person wants tried again, with as many attempts as a new one has.

    Until it is invoked it waits for that like any failed one, so that the sweep goes on with it after a crash.
    """
    return replace(
        entry,
        status="waiting",
        forgiven=(*entry.forgiven, *(each.received_at for each in entry.failures)),
        failures=(),
        look_at=now + GRACE,
        changed_at=now,
    )


def unheard(entry: Entry, output: tuple[str, datetime] | None, failure: tuple[str, datetime] | None) -> Notice:
    """The word that SageMaker should have sent about an overdue entry, made of what lies in S3.

    ``output`` is the URI of a result and when it was written, ``failure`` the text of what was written instead. With
    neither, the time of the request is over: that is final, too, and makes the entry parked.
    """
    sent_at, reason = entry.changed_at, None
    uri, ended_at = output or ("", entry.look_at or sent_at)
    if output is None and failure is not None:
        reason, ended_at = failure
    elif output is None:
        reason = f"{EXPIRED}: neither a notification nor a result was found {ended_at - sent_at} after it was sent"
    return Notice(
        id=entry.id,
        endpoint=entry.endpoint,
        received_at=sent_at,
        ended_at=ended_at,
        reason=reason,
        request=entry.request,
        output=uri,
        content_type="",
    )
