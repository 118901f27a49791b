"""Batches of messages on asynchronous inferences: nothing is lost, whatever fails in between."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from traceback import format_exception

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.async_inference.endpoint_models import EndpointModels
from sluice.async_inference.inference import AsyncInference, InferenceRequest
from sluice.async_inference.messages import Message, Notification, RetryMessage
from sluice.async_inference.retries import submit
from sluice.async_inference.store import ResultStore
from sluice.errors import RetryableError

from functions.handle_async_result.app import run as handle_async_result
from functions.sweep.app import run as sweep
from tests.builders.async_examples import (
    ENDPOINT,
    ID,
    PERMANENT,
    TRANSIENT,
    batch,
    deliver,
    deliver_scheduled,
    inference,
    notification,
    scheduled_retries,
)
from tests.fakes.sluice_world import SluiceWorld, sluice_world
from tests.fakes.table import FakeTable


def world_with(*entries: AsyncInference) -> SluiceWorld:
    """A world in which these have been requested, and every result that will be announced is in S3."""
    world = sluice_world()
    for each in entries:
        assert world.ports.results.add(each)
    return world


def put_result(world: SluiceWorld, success: Notification, body: bytes = b"0.5\n") -> None:
    world.bucket.objects[success.output.removeprefix(f"s3://{world.bucket.name}/")] = body


def kept(world: SluiceWorld, inference_id: str = ID) -> AsyncInference:
    found = world.ports.results.get(inference_id)
    assert found is not None
    return found


def test_a_result_is_recorded_with_size_and_version_and_announced() -> None:
    world = world_with(inference())
    world.live(7)
    world.events.published.clear()
    success = notification(None, took=3)
    put_result(world, success)
    assert deliver(world, success) == []
    result = kept(world).result
    assert result is not None
    assert (result.size_bytes, result.version, result.latency_ms) == (4, 7, 3000)
    ((kind, detail),) = world.events.published
    assert kind == "AsyncResultReady"
    assert (detail["model"], detail["version"], detail["output"], detail["attempts"]) == ("fraud", 7, success.output, 1)


def test_a_result_that_nobody_registered_is_recorded() -> None:
    world = world_with()
    assert deliver(world, notification(None)) == []
    found = kept(world)
    assert (found.status, found.model, found.endpoint) == ("ready", "fraud", ENDPOINT)
    assert found.result is not None
    assert found.result.size_bytes is None, "it is not there any more"


def test_a_transient_failure_is_retried_under_the_same_id_with_growing_delays() -> None:
    world = world_with(inference())
    delays = []
    for attempt in range(3):
        assert deliver(world, notification(TRANSIENT, received=attempt * 1000)) == []
        delays += [delay for _, delay in world.async_queue.sent]
        deliver_scheduled(world)
    assert world.async_runtime.invoked == [ID, ID]
    assert all(later > earlier for earlier, later in pairwise(delays))
    found = kept(world)
    assert (found.status, found.attempts, found.reason) == ("parked", 3, TRANSIENT)
    assert [kind for kind, _ in world.events.published] == ["AsyncResultFailed"]


def test_a_retry_message_that_comes_twice_invokes_once() -> None:
    world = world_with(inference())
    deliver(world, notification(TRANSIENT), notification(TRANSIENT))
    deliver(world, notification(TRANSIENT))
    (again, *more) = scheduled_retries(world)
    assert more == [again]
    assert deliver(world, again, again) == []
    assert deliver(world, again) == []
    assert world.async_runtime.invoked == [ID]


def test_notifications_of_one_batch_on_one_inference_are_applied_together() -> None:
    world = world_with(inference())
    deliver(world, notification(TRANSIENT), notification(None, received=60), notification(TRANSIENT))
    assert kept(world).status == "ready"
    assert world.async_queue.sent == []


def test_a_model_without_a_spec_has_its_failures_parked() -> None:
    world = world_with()
    world.specs.specs.clear()
    deliver(world, notification(TRANSIENT))
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
    deliver(world, replace(notification(None), endpoint=endpoint))
    assert kept(world).model == model


def test_an_endpoint_that_is_gone_parks_the_request_with_the_reason() -> None:
    world = world_with(inference())
    world.async_runtime.gone.add(ENDPOINT)
    deliver(world, notification(TRANSIENT))
    deliver_scheduled(world)
    assert kept(world).status == "parked"
    assert "not found" in kept(world).reason
    assert world.events.kinds() == ["AsyncResultFailed"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("not json", "BoundsError"),
        ("[]", "AttributeError"),
        ("{}", "ValueError"),
        ('{"eventName": "InferenceResult"}', "KeyError"),
        (notification(None).body().replace("Completed", "Unheard-of"), "ValueError"),
        (replace(notification(None), endpoint="of-somebody-else").body(), "ForeignEndpointError"),
        (notification(None).body().replace(notification(None).ended_at.isoformat(), "yesterday"), "BoundsError"),
    ],
)
def test_a_poison_message_fails_alone_and_is_logged_without_its_content(body: str, error: str) -> None:
    world = world_with()
    assert deliver(world, notification(None, inference_id="fraud-2"), body) == ["1"]
    assert kept(world, "fraud-2").status == "ready"
    ((level, _, fields),) = world.telemetry.lines
    assert (level, fields["error"]) == ("ERROR", error)
    assert body not in str(fields), "what a message holds is not logged"


def test_test_notifications_are_dropped() -> None:
    world = world_with()
    body = '{"eventVersion": "1.0", "eventSource": "aws:sagemaker", "eventName": "TestNotification"}'
    assert deliver(world, body) == []
    assert world.events.published == []


def test_a_large_batch_reads_together_and_is_all_there() -> None:
    world = world_with()
    received = [notification(None if at % 10 else PERMANENT, inference_id=f"fraud-{at}") for at in range(250)]
    assert deliver(world, *received) == []
    states = [kept(world, f"fraud-{at}").status for at in range(250)]
    assert (states.count("ready"), states.count("parked")) == (225, 25)
    assert len(world.events.published) == 250


def test_a_notification_is_applied_anew_to_an_inference_that_was_changed_concurrently() -> None:
    world = world_with(inference())
    # The second call writes; just before it another function receives another failure.
    world.faults.seen, world.faults.at = 0, 2
    world.faults.meanwhile = lambda: deliver(world, notification(TRANSIENT, received=60))
    assert deliver(world, notification(TRANSIENT)) == []
    found = kept(world)
    assert (found.status, len(found.failures)) == ("waiting", 2)


def test_a_result_is_not_overwritten_by_a_failure_decided_on_before() -> None:
    world = world_with(inference())
    world.faults.seen, world.faults.at = 0, 2
    world.faults.meanwhile = lambda: deliver(world, notification(None, received=60))
    assert deliver(world, notification(TRANSIENT)) == []
    assert kept(world).status == "ready"


STORIES: dict[str, tuple[Message, ...]] = {
    "ready": (notification(None),),
    "waiting": (notification(TRANSIENT),),
    "parked": (notification(PERMANENT),),
    "submitted": (notification(TRANSIENT), RetryMessage(ID, 2)),
}


def play(world: SluiceWorld, received: tuple[Message, ...]) -> None:
    for each in received:
        try:
            failed = deliver(world, each)
        except RetryableError:
            failed = ["0"]
        if failed:
            assert deliver(world, each) == [], "the queue brings it again"


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("after_effect", [False, True])
def test_a_failure_at_any_call_loses_nothing(story: str, after_effect: bool) -> None:
    smooth = world_with(inference())
    smooth.faults.seen = 0
    play(smooth, STORIES[story])
    calls = smooth.faults.seen
    assert calls > 2
    for at in range(1, calls + 1):
        world = world_with(inference())
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
        notification,
        st.sampled_from([None, TRANSIENT, PERMANENT]),
        received=st.integers(0, 3).map(lambda number: number * 60),
        inference_id=st.sampled_from(["fraud-a", "fraud-b"]),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda each: (each.id, each.received_at),
)


@given(received=BATCHES, data=st.data())
def test_however_notifications_are_batched_the_end_is_the_same(
    received: list[Notification], data: st.DataObject
) -> None:
    one, other = world_with(), world_with()
    for each in received:
        deliver(one, each)
    shuffled = data.draw(st.permutations([*received, *data.draw(st.lists(st.sampled_from(received), max_size=3))]))
    cut = data.draw(st.integers(0, len(shuffled)))
    for part in (shuffled[:cut], shuffled[cut:]):
        if part:
            deliver(other, *part)
    for inference_id in {each.id for each in received}:
        assert replace(kept(one, inference_id), revision=0) == replace(kept(other, inference_id), revision=0)


def overdue(world: SluiceWorld) -> None:
    """Much later than any notification is overdue."""
    world.clock.pass_seconds(8 * 3600)


def test_the_sweep_replays_what_was_lost() -> None:
    world = world_with(
        inference("fraud-ready"), inference("fraud-failed"), inference("fraud-lost"), inference("fraud-waiting")
    )
    for name in ("ready", "failed", "lost"):
        world.ports.results.update(
            f"fraud-{name}",
            lambda each, name=name: replace(  # type: ignore[misc]
                each, output=f"s3://sluice-dev-data/{name}.out", failure=f"s3://sluice-dev-data/{name}-error.out"
            ),
        )
    deliver(world, notification(TRANSIENT, inference_id="fraud-waiting"))
    world.async_queue.sent.clear()  # its message is lost
    world.bucket.objects |= {"ready.out": b"0.5\n", "failed-error.out": b"Internal Server Error"}
    assert sweep({}, world.ports)["findings"] == [], "it is not time yet"
    overdue(world)
    found = sweep({}, world.ports)["findings"]
    assert len(found) == 4
    deliver_scheduled(world)
    assert [kept(world, f"fraud-{name}").status for name in ("ready", "failed", "lost", "waiting")] == [
        "ready",
        "waiting",
        "parked",
        "submitted",
    ]
    assert "Internal Server Error" in kept(world, "fraud-failed").reason
    assert "expired" in kept(world, "fraud-lost").reason


def metrics(world: SluiceWorld) -> list[tuple[str, float, str, str]]:
    found, world.telemetry.metrics = world.telemetry.metrics, []
    return found


def test_each_inference_that_becomes_ready_is_counted_once_in_one_data_point_a_model() -> None:
    world = world_with()
    received = [notification(None, inference_id=f"fraud-{at}") for at in range(5)]
    deliver(world, *received)
    assert metrics(world) == [("AsyncResultReady", 5, "fraud", "")]
    deliver(world, *received)
    deliver(world, notification(None, received=-60, inference_id="fraud-0"))
    assert metrics(world) == [], "a redelivery and an earlier success are no other inference"


def test_retries_and_parked_failures_are_counted_when_they_happen() -> None:
    world = world_with(inference())
    deliver(world, notification(TRANSIENT))
    assert metrics(world) == [], "the retry is scheduled, not submitted"
    (retry,) = scheduled_retries(world)
    deliver(world, retry, retry)
    deliver(world, retry)
    assert metrics(world) == [("AsyncInferenceRetried", 1, "fraud", "")]
    for _ in range(2):
        deliver(world, notification(PERMANENT, received=60))
    assert metrics(world) == [("AsyncInferenceParked", 1, "fraud", "")]


def test_a_refused_retry_is_counted_as_parked_and_logged_without_its_reason() -> None:
    world = world_with(inference())
    world.async_runtime.gone.add(ENDPOINT)
    deliver(world, notification(TRANSIENT))
    deliver_scheduled(world)
    assert metrics(world) == [("AsyncInferenceParked", 1, "fraud", "")]
    assert world.telemetry.lines == [("INFO", "invocation refused", {"inference": ID, "model": "fraud"})]


def test_a_refused_retry_whose_end_cannot_be_told_now_is_told_when_its_message_comes_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = world_with(inference())
    world.async_runtime.gone.add(ENDPOINT)
    deliver(world, notification(TRANSIENT))
    (retry,) = scheduled_retries(world)

    def refuse(_events: object) -> dict[int, str]:
        raise RetryableError("events does not answer")

    with monkeypatch.context() as out:
        out.setattr(world.events, "put", refuse)
        assert deliver(world, retry) == ["0"]
    assert (kept(world).status, world.events.kinds()) == ("parked", [])
    assert deliver(world, retry) == []
    assert world.events.kinds() == ["AsyncResultFailed"]


def test_a_refused_retry_that_cannot_be_parked_now_shows_its_reason_in_no_trace() -> None:
    world = world_with(inference())
    world.async_runtime.gone.add(ENDPOINT)
    deliver(world, notification(TRANSIENT))
    pending, serving = kept(world), EndpointModels(world.ports).serving_settings("fraud")
    world.events.faults.at = world.events.faults.seen + 2  # the first is the invocation, which is refused
    with pytest.raises(RetryableError) as raised:
        submit(pending, serving, world.ports)
    assert ("INFO", "invocation refused", {"inference": ID, "model": "fraud"}) in world.telemetry.lines
    assert "SageMaker refused it" not in "".join(format_exception(raised.value))


def sent_with_the_call(inference_id: str) -> Notification:
    """SageMaker's notification of a request whose payload was in the call: it has no inputLocation."""
    return replace(notification(None, inference_id=inference_id), request=InferenceRequest())


def test_the_result_of_a_payload_sent_with_the_call_can_be_read_listed_and_told_again() -> None:
    world = world_with()
    success = sent_with_the_call("in-the-call")
    put_result(world, success)
    assert deliver(world, success) == []
    assert kept(world, "in-the-call").request == InferenceRequest()
    assert [each.id for each in world.ports.results.of_model("fraud")] == ["in-the-call"]
    assert deliver(world, success, notification(None, inference_id="another")) == []
    assert kept(world, "another").status == "ready"


def test_a_request_that_an_earlier_release_stored_without_any_field_can_be_read() -> None:
    item = inference().item()
    assert AsyncInference.parse(ID, {**item, "request": "{}"}).request == InferenceRequest()


def test_a_payload_sent_with_the_call_is_stored_with_the_field_that_the_last_release_requires() -> None:
    assert '"input": ""' in str(replace(inference(), request=InferenceRequest()).item()["request"])


def test_a_stored_result_that_cannot_be_read_fails_only_its_own_messages() -> None:
    world, table = world_with(), FakeTable()
    store = ResultStore(table)
    results = [notification(None, inference_id=each) for each in ("broken", "whole")]
    for each in results:
        store.add(inference(each.id))
        put_result(world, each)
    table.set({"pk": "broken", "sk": "RESULT"}, {"since": "yesterday"}, "attribute_exists(pk)", {})
    answer = handle_async_result(batch(results), replace(world.ports, results=store))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    found = store.get("whole")
    assert found is not None
    assert found.status == "ready"
