"""Batches of words on asynchronous inferences: nothing is lost, whatever fails in between."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.async_inference.inference import Entry
from sluice.async_inference.messages import Message, Notice, TryAgain
from sluice.errors import RetryableError

from functions.sweep.app import run as sweep
from tests.builders.async_examples import (
    ENDPOINT,
    FINAL,
    ID,
    PASSING,
    attempts_booked,
    deliver,
    deliver_booked,
    entry,
    notice,
)
from tests.fakes.sluice_world import SluiceWorld, sluice_world


def world_with(*entries: Entry) -> SluiceWorld:
    """A world in which these have been asked for, and every result that will be told of lies in S3."""
    world = sluice_world()
    for each in entries:
        assert world.ports.results.add(each)
    return world


def put_result(world: SluiceWorld, told: Notice, body: bytes = b"0.5\n") -> None:
    world.bucket.objects[told.output.removeprefix(f"s3://{world.bucket.name}/")] = body


def kept(world: SluiceWorld, inference_id: str = ID) -> Entry:
    found = world.ports.results.get(inference_id)
    assert found is not None
    return found


def test_a_result_is_recorded_with_size_and_version_and_told_of() -> None:
    world = world_with(entry())
    world.live(7)
    world.events.published.clear()
    told = notice(None, took=3)
    put_result(world, told)
    assert deliver(world, told) == []
    result = kept(world).result
    assert result is not None
    assert (result.size_bytes, result.version, result.latency_ms) == (4, 7, 3000)
    ((kind, detail),) = world.events.published
    assert kind == "AsyncResultReady"
    assert (detail["model"], detail["version"], detail["output"], detail["attempts"]) == ("fraud", 7, told.output, 1)


def test_a_result_that_nobody_registered_is_recorded() -> None:
    world = world_with()
    assert deliver(world, notice(None)) == []
    found = kept(world)
    assert (found.status, found.model, found.endpoint) == ("ready", "fraud", ENDPOINT)
    assert found.result is not None
    assert found.result.size_bytes is None, "it is not there any more"


def test_a_passing_failure_is_invoked_again_under_the_same_id_with_growing_delays() -> None:
    world = world_with(entry())
    delays = []
    for attempt in range(3):
        assert deliver(world, notice(PASSING, received=attempt * 1000)) == []
        delays += [delay for _, delay in world.async_queue.sent]
        deliver_booked(world)
    assert world.async_runtime.invoked == [ID, ID]
    assert all(later > earlier for earlier, later in pairwise(delays))
    found = kept(world)
    assert (found.status, found.attempts, found.reason) == ("parked", 3, PASSING)
    assert [kind for kind, _ in world.events.published] == ["AsyncResultFailed"]


def test_a_word_to_try_again_that_comes_twice_invokes_once() -> None:
    world = world_with(entry())
    deliver(world, notice(PASSING), notice(PASSING))
    deliver(world, notice(PASSING))
    (again, *more) = attempts_booked(world)
    assert more == [again]
    assert deliver(world, again, again) == []
    assert deliver(world, again) == []
    assert world.async_runtime.invoked == [ID]


def test_words_of_one_batch_on_one_inference_are_taken_together() -> None:
    world = world_with(entry())
    deliver(world, notice(PASSING), notice(None, received=60), notice(PASSING))
    assert kept(world).status == "ready"
    assert world.async_queue.sent == []


def test_a_model_without_a_spec_has_its_failures_parked() -> None:
    world = world_with()
    world.specs.specs.clear()
    deliver(world, notice(PASSING))
    assert kept(world).status == "parked"


@pytest.mark.parametrize(
    ("endpoint", "suffix", "model"),
    [
        ("sluice-dev-fraud", None, "fraud"),
        ("sluice-dev-fraud-async", "async", "fraud"),
        ("sluice-dev-fraud-async", None, "fraud-async"),  # a model that has no spec any more
        ("sluice-dev-fraud-spare", "async", "fraud-spare"),
    ],
)
def test_an_endpoint_with_a_suffix_is_its_models(endpoint: str, suffix: str | None, model: str) -> None:
    world = world_with()
    spec = world.specs.specs["fraud"]
    world.specs.specs["fraud"] = replace(spec, endpoint=replace(spec.endpoint, suffix=suffix))
    deliver(world, replace(notice(None), endpoint=endpoint))
    assert kept(world).model == model


def test_an_endpoint_that_is_gone_parks_the_request_with_the_reason() -> None:
    world = world_with(entry())
    world.async_runtime.gone.add(ENDPOINT)
    deliver(world, notice(PASSING))
    deliver_booked(world)
    assert kept(world).status == "parked"
    assert "not found" in kept(world).reason
    assert world.events.kinds() == ["AsyncResultFailed"]


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "[]",
        "{}",
        '{"eventName": "InferenceResult"}',
        notice(None).body().replace("Completed", "Unheard-of"),
        replace(notice(None), endpoint="of-somebody-else").body(),
        notice(None).body().replace(notice(None).ended_at.isoformat(), "yesterday"),
    ],
)
def test_a_poison_message_goes_back_alone_and_says_why(body: str, caplog: pytest.LogCaptureFixture) -> None:
    world = world_with()
    assert deliver(world, notice(None, inference_id="fraud-2"), body) == ["1"]
    assert kept(world, "fraud-2").status == "ready"
    assert caplog.records[-1].exc_info, "the cause is in the log"


def test_test_notifications_are_dropped() -> None:
    world = world_with()
    told = '{"eventVersion": "1.0", "eventSource": "aws:sagemaker", "eventName": "TestNotification"}'
    assert deliver(world, told) == []
    assert world.events.published == []


def test_a_large_batch_reads_together_and_is_all_there() -> None:
    world = world_with()
    words = [notice(None if at % 10 else FINAL, inference_id=f"fraud-{at}") for at in range(250)]
    assert deliver(world, *words) == []
    states = [kept(world, f"fraud-{at}").status for at in range(250)]
    assert (states.count("ready"), states.count("parked")) == (225, 25)
    assert len(world.events.published) == 250


def test_an_entry_that_others_change_meanwhile_is_decided_on_anew() -> None:
    world = world_with(entry())
    # The second call writes; just before it another function hears of another failure.
    world.faults.seen, world.faults.at = 0, 2
    world.faults.meanwhile = lambda: deliver(world, notice(PASSING, received=60))
    assert deliver(world, notice(PASSING)) == []
    found = kept(world)
    assert (found.status, len(found.failures)) == ("waiting", 2)


def test_a_result_is_not_overwritten_by_a_failure_decided_on_before() -> None:
    world = world_with(entry())
    world.faults.seen, world.faults.at = 0, 2
    world.faults.meanwhile = lambda: deliver(world, notice(None, received=60))
    assert deliver(world, notice(PASSING)) == []
    assert kept(world).status == "ready"


STORIES: dict[str, tuple[Message, ...]] = {
    "ready": (notice(None),),
    "waiting": (notice(PASSING),),
    "parked": (notice(FINAL),),
    "submitted": (notice(PASSING), TryAgain(ID, 2)),
}


def play(world: SluiceWorld, words: tuple[Message, ...]) -> None:
    for each in words:
        try:
            failed = deliver(world, each)
        except RetryableError:
            failed = ["0"]
        if failed:
            assert deliver(world, each) == [], "the queue brings it again"


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("after_effect", [False, True])
def test_a_failure_at_any_call_loses_nothing(story: str, after_effect: bool) -> None:
    smooth = world_with(entry())
    smooth.faults.seen = 0
    play(smooth, STORIES[story])
    calls = smooth.faults.seen
    assert calls > 2
    for at in range(1, calls + 1):
        world = world_with(entry())
        world.faults.seen, world.faults.at, world.faults.after_effect = 0, at, after_effect
        play(world, STORIES[story])
        found = kept(world)
        assert found.status == story, f"failed at call {at}"
        assert set(smooth.events.kinds()) == set(world.events.kinds())
        assert set(smooth.async_queue.sent) <= set(world.async_queue.sent)
        if story == "submitted":
            assert world.async_runtime.invoked


BATCHES = st.lists(
    st.builds(
        notice,
        st.sampled_from([None, PASSING, FINAL]),
        received=st.integers(0, 3).map(lambda number: number * 60),
        inference_id=st.sampled_from(["fraud-a", "fraud-b"]),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda each: (each.id, each.received_at),
)


@given(words=BATCHES, data=st.data())
def test_however_words_are_batched_the_end_is_the_same(words: list[Notice], data: st.DataObject) -> None:
    one, other = world_with(), world_with()
    for each in words:
        deliver(one, each)
    shuffled = data.draw(st.permutations([*words, *data.draw(st.lists(st.sampled_from(words), max_size=3))]))
    cut = data.draw(st.integers(0, len(shuffled)))
    for part in (shuffled[:cut], shuffled[cut:]):
        if part:
            deliver(other, *part)
    for inference_id in {each.id for each in words}:
        assert replace(kept(one, inference_id), revision=0) == replace(kept(other, inference_id), revision=0)


def overdue(world: SluiceWorld) -> None:
    """Much later than anything must have been heard."""
    world.clock.pass_seconds(8 * 3600)


def test_the_sweep_says_what_was_not_said() -> None:
    world = world_with(entry("fraud-ready"), entry("fraud-failed"), entry("fraud-lost"), entry("fraud-waiting"))
    for name in ("ready", "failed", "lost"):
        world.ports.results.update(
            f"fraud-{name}",
            lambda each, name=name: replace(  # type: ignore[misc]
                each, output=f"s3://sluice-dev-data/{name}.out", failure=f"s3://sluice-dev-data/{name}-error.out"
            ),
        )
    deliver(world, notice(PASSING, inference_id="fraud-waiting"))
    world.async_queue.sent.clear()  # its message is lost
    world.bucket.objects |= {"ready.out": b"0.5\n", "failed-error.out": b"Internal Server Error"}
    assert sweep({}, world.ports) == {"said": []}, "it is not time yet"
    overdue(world)
    said = sweep({}, world.ports)["said"]
    assert len(said) == 4
    deliver_booked(world)
    assert [kept(world, f"fraud-{name}").status for name in ("ready", "failed", "lost", "waiting")] == [
        "ready",
        "waiting",
        "parked",
        "submitted",
    ]
    assert "Internal Server Error" in kept(world, "fraud-failed").reason
    assert "expired" in kept(world, "fraud-lost").reason
