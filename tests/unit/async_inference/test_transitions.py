"""What becomes of an asynchronous inference, whatever order the words on it come in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.async_inference.failure_classification import is_passing
from sluice.async_inference.inference import Entry
from sluice.async_inference.messages import REASON_MAX, Notice, parse
from sluice.async_inference.transitions import (
    GRACE,
    LONGEST_DELAY,
    Invoked,
    first_heard,
    follow_up,
    heard,
    invoked,
    is_due,
    refused,
    retry_delay,
    seconds_to_retry,
    sent_again,
    unheard,
    with_details,
)
from sluice.spec.serving import AsyncServing

from tests.builders.async_examples import FINAL, ID, PASSING, REQUEST, SERVING, entry, notice
from tests.fakes.aws_state import START

SEE_LOGS = "See the SageMaker Endpoint logs in your account for more information."
PLACES = Invoked(output="s3://b/out", failure="s3://b/fail")


def after(*notices: Notice, start: Entry | None = None) -> Entry:
    now = start or entry()
    for each in notices:
        now = heard(now, each, SERVING)
    return now


@pytest.mark.parametrize(
    ("reason", "passing"),
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
    ],
)
def test_only_what_is_surely_the_requests_own_fault_is_final(reason: str, passing: bool) -> None:
    assert is_passing(reason) is passing


def test_a_result_is_kept_with_its_latency() -> None:
    done = after(notice(None, took=3))
    assert (done.status, done.attempts, done.attention) == ("ready", 1, None)
    assert done.result is not None
    assert done.result.latency_ms == 3000
    assert follow_up(done, notice(None, took=3)) == "tell_ready"


def test_a_passing_failure_is_tried_again_until_the_attempts_are_used_up() -> None:
    failures = [notice(PASSING, received=100 * number) for number in range(3)]
    states = [after(*failures[: count + 1]) for count in range(3)]
    assert [state.status for state in states] == ["waiting", "waiting", "parked"]
    assert [follow_up(state, failures[at]) for at, state in enumerate(states)] == [
        "try_again",
        "try_again",
        "tell_parked",
    ]
    assert states[-1].attempts == 3
    assert states[-1].reason == PASSING


def test_a_final_failure_is_parked_at_once() -> None:
    parked = after(notice(FINAL))
    assert (parked.status, parked.reason, parked.attempts) == ("parked", FINAL, 1)
    assert parked.attention == "fraud#parked"


def test_a_payload_that_came_in_the_call_cannot_be_sent_again() -> None:
    told = replace(notice(PASSING), request=replace(REQUEST, input=""))
    assert heard(first_heard(told, "fraud"), told, SERVING).status == "parked"


def test_the_delay_doubles_is_spread_and_ends_at_what_sqs_can_wait() -> None:
    serving = AsyncServing(max_attempts=10, retry_delay_seconds=60)
    failures = [notice(PASSING, received=number) for number in range(9)]
    delays = []
    now = entry()
    for each in failures:
        now = heard(now, each, serving)
        delays.append(retry_delay(now, serving))
    assert timedelta(seconds=60) <= delays[0] <= timedelta(seconds=75)
    for earlier, later in pairwise(delays):
        assert later.total_seconds() == pytest.approx(min(2 * earlier, LONGEST_DELAY).total_seconds(), abs=0.01)
    assert delays[-1] == LONGEST_DELAY
    others = {retry_delay(replace(after(failures[0]), id=f"fraud-{number}"), serving) for number in range(20)}
    assert len(others) > 10


def test_a_retry_counts_from_the_failure_not_from_when_it_was_heard_of() -> None:
    waiting = after(notice(PASSING))
    delay = retry_delay(waiting, SERVING).total_seconds()
    assert seconds_to_retry(waiting, START + timedelta(seconds=2)) == pytest.approx(delay)
    assert seconds_to_retry(waiting, START + timedelta(hours=1)) == 0


def test_an_attempt_is_made_once() -> None:
    waiting = after(notice(PASSING))
    assert is_due(waiting, 2)
    again = invoked(waiting, PLACES, 2, SERVING, START + timedelta(minutes=1))
    assert (again.status, again.attempts, again.output) == ("submitted", 2, PLACES.output)
    assert not is_due(again, 2)
    assert not is_due(again, 3)


def test_an_invocation_that_has_failed_before_it_was_noted_is_not_under_way() -> None:
    waiting = after(notice(PASSING), notice(PASSING, received=60))
    noted = invoked(waiting, PLACES, 2, SERVING, START + timedelta(minutes=2))
    assert noted.status == "waiting"
    assert noted.failure == PLACES.failure
    assert is_due(noted, 3)


def test_a_refusal_stands_until_a_person_sends_the_request_again() -> None:
    parked = refused(after(notice(PASSING)), "no such endpoint", START)
    assert (parked.status, parked.reason) == ("parked", "no such endpoint")
    late = after(notice(PASSING, received=9), start=parked)
    assert (late.status, late.reason) == ("parked", "no such endpoint")
    again = sent_again(late, START + timedelta(hours=1))
    assert (again.status, again.failures, is_due(again, 3)) == ("waiting", (), True)
    fresh = invoked(again, PLACES, 3, SERVING, START + timedelta(hours=1))
    assert after(notice(PASSING), notice(PASSING, received=9), start=fresh) == fresh, "they are forgiven"
    assert after(notice(PASSING, received=3600), start=fresh).status == "waiting"


def test_nothing_takes_a_result_back() -> None:
    done = after(notice(None, received=50))
    assert refused(done, "gone", START) == done
    assert invoked(done, PLACES, 1, SERVING, START) == done
    assert after(notice(FINAL, received=60), start=done).status == "ready"


@pytest.mark.parametrize(
    "told",
    [
        pytest.param((notice(PASSING), notice(None, received=60)), id="an error after the success"),
        pytest.param((notice(None, took=90), notice(None, received=60, took=10)), id="success of an older attempt"),
        pytest.param((notice(PASSING), notice(FINAL, received=60), notice(PASSING, received=120)), id="final between"),
        pytest.param((notice(FINAL), notice(None, received=60)), id="a result after all"),
        pytest.param(tuple(notice(PASSING, received=60 * at) for at in range(4)), id="more failures than attempts"),
    ],
)
def test_every_order_ends_in_the_same_state(told: tuple[Notice, ...]) -> None:
    ends = {after(*order, *order[:1]) for order in permutations(told)}
    assert len(ends) == 1


WORDS = st.builds(
    notice,
    st.sampled_from([None, PASSING, FINAL]),
    received=st.integers(-3, 3).map(lambda number: number * 60),
    took=st.integers(1, 100),
)


@given(words=st.lists(WORDS, max_size=6, unique_by=lambda each: each.received_at), data=st.data())
def test_duplicates_late_and_reordered_words_end_in_the_same_state(words: list[Notice], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(words), max_size=4)) if words else []
    shuffled = data.draw(st.permutations([*words, *again]))
    one, other = after(*words), after(*shuffled)
    assert one == other
    results = [each for each in words if each.reason is None]
    assert (one.status == "ready") == bool(results)
    assert (one.status == "submitted") == (not words)


@given(words=st.lists(WORDS, min_size=1, max_size=6, unique_by=lambda each: each.received_at))
def test_what_is_over_is_told_of_by_its_last_word_or_earlier(words: list[Notice]) -> None:
    """Nobody waits for ever: each state in which Sluice must act has been asked for by one of the words."""
    now, asked = entry(), []
    for each in words:
        now = heard(now, each, SERVING)
        asked.append((now.status, follow_up(now, each)))
    wanted = {"ready": "tell_ready", "parked": "tell_parked", "waiting": "try_again"}
    assert (now.status, wanted[now.status]) in asked


@given(words=st.lists(WORDS, max_size=4, unique_by=lambda each: each.received_at))
def test_an_entry_is_read_back_as_it_was(words: list[Notice]) -> None:
    for kept in (after(*words), with_details(after(*words), 17, 7)):
        read = Entry.parse(ID, {name: str(value) for name, value in kept.item().items()})
        assert read == kept


def test_a_notice_is_read_back_as_it_was() -> None:
    for told in (notice(None), notice(PASSING), notice(FINAL, received=-60)):
        assert parse(told.body()) == told


def test_an_unheard_request_is_what_lies_in_s3() -> None:
    sent = invoked(entry(), PLACES, 1, SERVING, START)
    overdue = START + timedelta(seconds=SERVING.request_ttl_seconds + SERVING.invocation_timeout_seconds) + GRACE
    assert sent.look_at == overdue
    written = START + timedelta(minutes=1)
    found = unheard(sent, (PLACES.output, written), None)
    assert after(found, start=sent).status == "ready"
    failed = unheard(sent, None, ("found in s3://b/fail: Internal Server Error", written))
    assert after(failed, start=sent).status == "waiting"
    lost = after(unheard(sent, None, None), start=sent)
    assert lost.status == "parked"
    assert "neither a notification nor a result" in lost.reason
    assert unheard(sent, None, None) == unheard(sent, None, None), "each sweep says the same"
    late = after(notice(None), start=lost)
    assert late.status == "ready", "a notification that comes after all is believed"


def test_a_reason_without_end_is_cut_so_that_it_can_be_kept_and_told() -> None:
    read = parse(notice(f"{PASSING} {'x' * 200_000}").body())
    assert isinstance(read, Notice)
    assert read.reason is not None
    assert read.reason.startswith(PASSING)
    assert len(read.reason) == REASON_MAX
