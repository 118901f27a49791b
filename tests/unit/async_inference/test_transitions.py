"""What becomes of an asynchronous inference, whatever order its notifications arrive in."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.async_inference.failure_classification import EXPIRED_PREFIX, is_transient
from sluice.async_inference.inference import AsyncInference
from sluice.async_inference.messages import REASON_MAX, Notification, parse_message
from sluice.async_inference.transitions import (
    GRACE_PERIOD,
    MAX_RETRY_DELAY,
    AcceptedInvocation,
    add_result_details,
    apply_notification,
    follow_up,
    is_retry_due,
    mark_refused,
    mark_submitted,
    new_from_notification,
    requeue,
    retry_delay,
    seconds_until_retry,
    synthesize_notification,
)
from sluice.spec.serving import AsyncServing

from tests.builders.async_examples import ID, PERMANENT, REQUEST, SERVING, TRANSIENT, inference, notification
from tests.fakes.aws_state import START

SEE_LOGS = "See the SageMaker Endpoint logs in your account for more information."
PLACES = AcceptedInvocation(output="s3://b/out", failure="s3://b/fail")


def after(*notifications: Notification, start: AsyncInference | None = None) -> AsyncInference:
    now = start or inference()
    for each in notifications:
        now = apply_notification(now, each, SERVING)
    return now


@pytest.mark.parametrize(
    ("reason", "transient"),
    [
        (f"ClientError: Received server error (500) from model. {SEE_LOGS}", True),
        (f"ClientError: Received server error (503) from model. {SEE_LOGS}", True),
        (f"ClientError: Received client error (400) from model. {SEE_LOGS}", False),
        (f"ClientError: Received client error (415) from model. {SEE_LOGS}", False),
        (f"ClientError: Received client error (429) from model. {SEE_LOGS}", True),
        (f"ClientError: Received client error (408) from model. {SEE_LOGS}", True),
        ("ClientError: Invocation timed out after 900 seconds.", True),
        ("ClientError: Received no response from model (Connection refused).", True),
        ("InternalFailure: there is no capacity now", True),
        ("something that nobody has seen before", True),
        ("", True),
        ("ClientError: Failed to download the request payload: An error occurred (NoSuchKey)", False),
        ("ClientError: An error occurred (404) when calling the HeadObject operation: Not Found", False),
        ("ClientError: Failed to download the request payload: An error occurred (AccessDenied)", False),
        ("ClientError: the payload has 2 bytes, which is more than the maximum of 1.", False),
        ("ClientError: The request expired before it could be processed.", False),
        ("upstream host not found", True),
        ("worker not found, retry later", True),
        ("capacity does not exist in the requested zone", True),
        ("the number of requests exceeds the limit", True),
        ("the account's role is not authorized to pull the image", True),
        ("no healthy instance: input queue host not found", True),
        ("Unable to read s3://in/a.csv: access denied", False),
        ("s3://in/hosts/worker.csv does not exist", False),
        ("The input object s3://in/a.csv does not exist", False),
        ("The object's size exceeds the limit of 1 GB", False),
        ("unsupported media type of the payload", False),
        (f"{EXPIRED_PREFIX}: neither a notification nor a result was found 2 h after it was sent", False),
        ("The TTL of the request has expired", False),
        ("The request expired while in the queue", False),
        ("The security token included in the request is expired", True),
        ("ExpiredToken: The provided token has expired.", True),
        ("AccessDenied: Request has expired", True),
        ("Connection lease expired while downloading s3://b/k", True),
        ("Request signature expired: 20261130T100000Z is now earlier than 20261130T095000Z", True),
        ("certificate has expired (_ssl.c:1007)", True),
        ("Failed to upload output to s3://b/out: AccessDenied", True),
        ("Unable to write output object s3://b/out.csv: NoSuchBucket", True),
        ("Could not download model artifact s3://b/model.tar.gz: access denied (KMS key not yet usable)", True),
        ("Model data object s3://b/model.tar.gz does not exist", True),
        ("Input s3://my-bucket/in.csv could not be read: 503 Slow Down, bucket not found in cache", True),
        ("Unable to fetch input object s3://b/in.csv: model server not found", True),
        ("NoSuchKey: The specified key does not exist. (Host ID: abc)", False),
        ("NoSuchKey: The specified key does not exist. (Request ID: 5F2, Host ID: a/b+c=)", False),
        ("Input data s3://b/team zone/a.csv does not exist", False),
        ("Input data s3://b/team of the zone/hosts of/a.csv does not exist", True),
        ("Input data s3://b/our big zone/upload/a worker.csv does not exist", False),
        ("s3://b/a.csv was not found from host 10/8", True),
    ],
)
def test_only_what_is_certainly_the_requests_own_fault_is_permanent(reason: str, transient: bool) -> None:
    assert is_transient(reason) is transient


def test_a_result_is_kept_with_its_latency() -> None:
    done = after(notification(None, took=3))
    assert (done.status, done.attempts, done.attention) == ("ready", 1, None)
    assert done.result is not None
    assert done.result.latency_ms == 3000
    assert follow_up(done, notification(None, took=3)) == "announce_result"


def test_a_transient_failure_is_retried_until_the_attempts_are_used_up() -> None:
    failures = [notification(TRANSIENT, received=100 * number) for number in range(3)]
    states = [after(*failures[: count + 1]) for count in range(3)]
    assert [state.status for state in states] == ["waiting", "waiting", "parked"]
    assert [follow_up(state, failures[at]) for at, state in enumerate(states)] == [
        "retry",
        "retry",
        "announce_parked",
    ]
    assert states[-1].attempts == 3
    assert states[-1].reason == TRANSIENT


def test_a_permanent_failure_is_parked_at_once() -> None:
    parked = after(notification(PERMANENT))
    assert (parked.status, parked.reason, parked.attempts) == ("parked", PERMANENT, 1)
    assert parked.attention == "fraud#parked"


def test_a_payload_that_came_in_the_call_cannot_be_retried() -> None:
    failed = replace(notification(TRANSIENT), request=replace(REQUEST, input=""))
    assert apply_notification(new_from_notification(failed, "fraud"), failed, SERVING).status == "parked"


def test_the_delay_doubles_has_jitter_and_ends_at_what_sqs_can_wait() -> None:
    serving = AsyncServing(max_attempts=10, retry_delay_seconds=60)
    failures = [notification(TRANSIENT, received=number) for number in range(9)]
    delays = []
    now = inference()
    for each in failures:
        now = apply_notification(now, each, serving)
        delays.append(retry_delay(now, serving))
    assert timedelta(seconds=60) <= delays[0] <= timedelta(seconds=75)
    for earlier, later in pairwise(delays):
        assert later.total_seconds() == pytest.approx(min(2 * earlier, MAX_RETRY_DELAY).total_seconds(), abs=0.01)
    assert delays[-1] == MAX_RETRY_DELAY
    others = {retry_delay(replace(after(failures[0]), id=f"fraud-{number}"), serving) for number in range(20)}
    assert len(others) > 10


def test_a_retry_counts_from_the_failure_not_from_its_notification() -> None:
    waiting = after(notification(TRANSIENT))
    delay = retry_delay(waiting, SERVING).total_seconds()
    assert seconds_until_retry(waiting, START + timedelta(seconds=2)) == pytest.approx(delay)
    assert seconds_until_retry(waiting, START + timedelta(hours=1)) == 0


def test_an_attempt_is_made_once() -> None:
    waiting = after(notification(TRANSIENT))
    assert is_retry_due(waiting, 2)
    again = mark_submitted(waiting, PLACES, 2, SERVING, START + timedelta(minutes=1))
    assert (again.status, again.attempts, again.output) == ("submitted", 2, PLACES.output)
    assert not is_retry_due(again, 2)
    assert not is_retry_due(again, 3)


def test_an_invocation_that_has_failed_before_it_was_noted_is_not_under_way() -> None:
    waiting = after(notification(TRANSIENT), notification(TRANSIENT, received=60))
    noted = mark_submitted(waiting, PLACES, 2, SERVING, START + timedelta(minutes=2))
    assert noted.status == "waiting"
    assert noted.failure == PLACES.failure
    assert is_retry_due(noted, 3)


def test_an_older_invocation_that_is_noted_late_hides_nothing_of_the_newer_one() -> None:
    """The sweep looks for the result where the invocation that is under way writes it."""
    first = apply_notification(inference(), notification(TRANSIENT), SERVING)
    second = apply_notification(first, notification(TRANSIENT, received=60), SERVING)
    newer = AcceptedInvocation(output="s3://b/newer.out", failure="s3://b/newer-error.out")
    under_way = mark_submitted(second, newer, 3, SERVING, START + timedelta(minutes=2))
    assert mark_submitted(under_way, PLACES, 2, SERVING, START + timedelta(minutes=3)) == under_way
    failed = apply_notification(under_way, notification(TRANSIENT, received=120), SERVING)
    assert mark_submitted(failed, PLACES, 2, SERVING, START + timedelta(minutes=4)) == failed
    assert mark_submitted(failed, PLACES, 3, SERVING, START + timedelta(minutes=4)).failure == PLACES.failure


def test_a_refused_request_stays_parked_until_a_person_requeues_it() -> None:
    parked = mark_refused(after(notification(TRANSIENT)), "no such endpoint", START)
    assert (parked.status, parked.reason) == ("parked", "no such endpoint")
    late = after(notification(TRANSIENT, received=9), start=parked)
    assert (late.status, late.reason) == ("parked", "no such endpoint")
    again = requeue(late, START + timedelta(hours=1))
    assert (again.status, again.failures, is_retry_due(again, 3)) == ("waiting", (), True)
    fresh = mark_submitted(again, PLACES, 3, SERVING, START + timedelta(hours=1))
    assert after(notification(TRANSIENT), notification(TRANSIENT, received=9), start=fresh) == fresh, (
        "they are forgiven"
    )
    assert after(notification(TRANSIENT, received=3600), start=fresh).status == "waiting"


def test_nothing_takes_a_result_back() -> None:
    done = after(notification(None, received=50))
    assert mark_refused(done, "gone", START) == done
    assert mark_submitted(done, PLACES, 1, SERVING, START) == done
    assert after(notification(PERMANENT, received=60), start=done).status == "ready"


@pytest.mark.parametrize(
    "received",
    [
        pytest.param((notification(TRANSIENT), notification(None, received=60)), id="an error after the success"),
        pytest.param(
            (notification(None, took=90), notification(None, received=60, took=10)), id="success of an older attempt"
        ),
        pytest.param(
            (notification(TRANSIENT), notification(PERMANENT, received=60), notification(TRANSIENT, received=120)),
            id="final between",
        ),
        pytest.param((notification(PERMANENT), notification(None, received=60)), id="a result after all"),
        pytest.param(
            tuple(notification(TRANSIENT, received=60 * at) for at in range(4)), id="more failures than attempts"
        ),
    ],
)
def test_every_order_ends_in_the_same_state(received: tuple[Notification, ...]) -> None:
    ends = {after(*order, *order[:1]) for order in permutations(received)}
    assert len(ends) == 1


NOTIFICATIONS = st.builds(
    notification,
    st.sampled_from([None, TRANSIENT, PERMANENT]),
    received=st.integers(-3, 3).map(lambda number: number * 60),
    took=st.integers(1, 100),
)


@given(received=st.lists(NOTIFICATIONS, max_size=6, unique_by=lambda each: each.received_at), data=st.data())
def test_duplicate_late_and_reordered_notifications_end_in_the_same_state(
    received: list[Notification], data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(received), max_size=4)) if received else []
    shuffled = data.draw(st.permutations([*received, *again]))
    one, other = after(*received), after(*shuffled)
    assert one == other
    results = [each for each in received if each.reason is None]
    assert (one.status == "ready") == bool(results)
    assert (one.status == "submitted") == (not received)


@given(received=st.lists(NOTIFICATIONS, min_size=1, max_size=6, unique_by=lambda each: each.received_at))
def test_every_follow_up_is_called_for_by_the_last_notification_or_earlier(received: list[Notification]) -> None:
    """Nobody waits for ever: each state in which Sluice must act has been called for by one of the notifications."""
    now, called_for = inference(), []
    for each in received:
        now = apply_notification(now, each, SERVING)
        called_for.append((now.status, follow_up(now, each)))
    wanted = {"ready": "announce_result", "parked": "announce_parked", "waiting": "retry"}
    assert (now.status, wanted[now.status]) in called_for


@given(received=st.lists(NOTIFICATIONS, max_size=4, unique_by=lambda each: each.received_at))
def test_an_inference_is_read_back_as_it_was(received: list[Notification]) -> None:
    for kept in (after(*received), add_result_details(after(*received), 17, 7)):
        read = AsyncInference.parse(ID, {name: str(value) for name, value in kept.item().items()})
        assert read == kept


def test_an_inference_that_is_stored_already_is_read_and_written_with_the_same_attributes() -> None:
    failure = {
        "received_at": "2026-03-04T00:00:00.000+00:00",
        "ended_at": "2026-03-04T00:00:02.000+00:00",
        "reason": TRANSIENT,
        "is_passing": True,
    }
    stored = {
        "model": "fraud",
        "endpoint": "sluice-dev-fraud",
        "status": "waiting",
        "since": "2026-03-04T00:00:00.000+00:00",
        "request": json.dumps({"input": REQUEST.input, "content_type": "text/csv"}),
        "failures": json.dumps([failure]),
        "forgiven": json.dumps(["2026-03-03T00:00:00.000+00:00"]),
        "reason": TRANSIENT,
        "changed_at": "2026-03-04T00:00:02.000+00:00",
        "revision": 3,
        "attention": "fraud#pending",
        "at": "2026-03-04T00:06:02.000+00:00",
    }
    read = AsyncInference.parse(ID, stored)
    assert (read.failures[0].is_transient, read.failed_attempts, read.revision) == (True, 2, 3)
    assert read.item() == stored


def test_a_notification_is_read_back_as_it_was() -> None:
    for failed in (notification(None), notification(TRANSIENT), notification(PERMANENT, received=-60)):
        assert parse_message(failed.body()) == failed


def test_the_notification_of_an_overdue_request_is_synthesized_from_s3() -> None:
    sent = mark_submitted(inference(), PLACES, 1, SERVING, START)
    overdue = START + timedelta(seconds=SERVING.request_ttl_seconds + SERVING.invocation_timeout_seconds) + GRACE_PERIOD
    assert sent.overdue_at == overdue
    written = START + timedelta(minutes=1)
    found = synthesize_notification(sent, (PLACES.output, written), None)
    assert after(found, start=sent).status == "ready"
    failed = synthesize_notification(sent, None, ("found in s3://b/fail: Internal Server Error", written))
    assert after(failed, start=sent).status == "waiting"
    lost = after(synthesize_notification(sent, None, None), start=sent)
    assert lost.status == "parked"
    assert "neither a notification nor a result" in lost.reason
    assert synthesize_notification(sent, None, None) == synthesize_notification(sent, None, None), (
        "each sweep says the same"
    )
    late = after(notification(None), start=lost)
    assert late.status == "ready", "a notification that comes after all is believed"


def test_a_reason_without_end_is_cut_so_that_it_can_be_stored_and_announced() -> None:
    read = parse_message(notification(f"{TRANSIENT} {'x' * 200_000}").body())
    assert isinstance(read, Notification)
    assert read.reason is not None
    assert read.reason.startswith(TRANSIENT)
    assert len(read.reason) == REASON_MAX
