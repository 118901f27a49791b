"""No message, whatever is in it, has its batch fail as a whole or loses another message of it.

Each batch has one good message and some that are odd: a real one of which one part is replaced by what breaks
arithmetic, a parser, a table or a log, or text that is nothing at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sluice.async_inference.inference import InferenceRequest
from sluice.async_inference.messages import RetryMessage

from functions.handle_async_result.app import run as handle_async_result
from functions.record_outcome.app import run as record_outcome
from functions.start_pipeline.app import run as start_pipeline
from tests.builders.async_examples import inference, notification
from tests.fakes.ab_world import counts_of, outcome, world_under_test
from tests.fakes.sluice_world import SluiceWorld, sluice_world

Message = Mapping[str, Any]

SPELLED = {
    "@310 digits@": "9" * 310,
    "@5000 digits@": "9" * 5_000,
    "@minus 310 digits@": "-" + "9" * 310,
    "@beyond floats@": "1e999",
    "@no number@": "NaN",
    "@900 lists@": "[" * 900 + "]" * 900,
    "@300 objects@": '{"a":' * 300 + "1" + "}" * 300,
    "@100000 lists@": "[" * 100_000 + "]" * 100_000,
}
"""What ``json.dumps`` does not write."""

ODD: list[Any] = [
    *SPELLED,
    "\ud800",
    "fraud\udfff",
    "\0",
    "",
    "fraud\n",
    "x" * 70_000,
    "é" * 1_500,
    "s3://",
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999-14:00",
    "9999-12-31T23:59:59Z",
    "2026-03-04T10:00:00",
    "9999-12-31",
    None,
    True,
    -1,
    0,
    10**37,
    1e308,
    [],
    {},
    ["fraud"],
    {"fraud": "fraud"},
    {"\ud800": 1},
]


def spelled(text: str) -> str:
    """A message's JSON, with what the names of ``SPELLED`` stand for: a failure is shown with the names."""
    for name, meaning in SPELLED.items():
        text = text.replace(json.dumps(name), meaning)
    return text


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every part of a message, and to the message itself."""
    yield way
    if isinstance(value, dict):
        for name, each in value.items():
            yield from places(each, (*way, name))


def changed(message: Message, way: tuple[Any, ...], value: Any) -> Any:
    if not way:
        return value
    made: Any = deepcopy(message)
    place = made
    for name in way[:-1]:
        place = place[name]
    place[way[-1]] = value
    return made


def odd(*real: Message) -> st.SearchStrategy[str]:
    ways = [(message, way) for message in real for way in places(message)]
    replaced = st.builds(
        lambda at, value: json.dumps(changed(at[0], at[1], value)), st.sampled_from(ways), st.sampled_from(ODD)
    )
    without = st.sampled_from([at for at in ways if at[1]]).map(lambda at: json.dumps(_without(*at)))
    nothing = st.sampled_from(["", "{", "null", "[]", "7", "\x00", '"\\ud800"', *map(json.dumps, SPELLED)])
    return st.one_of(replaced, without, nothing, st.text(max_size=30))


def _without(message: Message, way: tuple[Any, ...]) -> Any:
    made = changed(message, way, None)
    place = made
    for name in way[:-1]:
        place = place[name]
    del place[way[-1]]
    return made


UPLOAD = {
    "version": "0",
    "detail-type": "Object Created",
    "source": "aws.s3",
    "time": "2026-03-04T10:00:00Z",
    "detail": {
        "bucket": {"name": "sluice-dev-data"},
        "object": {"key": "data/fraud/odd.csv", "size": 14, "etag": "e1", "version-id": "v1", "sequencer": "0A"},
    },
}
REQUEST = {
    "source": "sluice",
    "detail-type": "TrainRequested",
    "detail": {"model": "fraud", "request": "odd", "parameters": {"Eta": "1"}, "again": False},
}
WAKE_UP = {"source": "sluice", "detail-type": "WakeUp", "detail": {"model": "fraud"}}
OUTCOME = {
    "source": "acme.shop",
    "detail-type": "InferenceOutcome",
    "detail": outcome("odd", variant="v7", at="2026-03-04T10:00:00Z"),
}
BY_VERSION = {"detail-type": "InferenceOutcome", "detail": outcome("odd-2", version=7)}
SUCCESS = json.loads(notification(None, inference_id="odd").body())
FAILURE = json.loads(notification("server error (500)", inference_id="odd").body())
IN_THE_CALL = json.loads(
    replace(notification(None, inference_id="in-the-call"), request=InferenceRequest(input="")).body()
)
RETRY = json.loads(RetryMessage("waits", 1).body())


@dataclass(frozen=True)
class Queue:
    """A function with a queue: what its messages look like, and whether a good one had its effect."""

    run: Callable[[Any, Any], Mapping[str, Any]]
    begin: Callable[[], SluiceWorld]
    good: str
    is_done: Callable[[SluiceWorld], bool]
    odd: st.SearchStrategy[str]


def uploading_world() -> SluiceWorld:
    world = sluice_world()
    for name in ("odd", "good"):
        world.bucket.objects[f"data/fraud/{name}.csv"] = b"age,risk\n30,1\n"
    return world


def async_world() -> SluiceWorld:
    world = sluice_world()
    assert world.ports.results.add(inference("waits"))
    return world


GOOD_UPLOAD = changed(UPLOAD, ("detail", "object", "key"), "data/fraud/good.csv")
GOOD_RESULT = notification(None, inference_id="good")


def is_taken_in(world: SluiceWorld) -> bool:
    pending = world.ports.pending_inputs.get("fraud")
    taken = {file.key for execution in world.pipelines.started.values() for file in _manifest(world, execution)}
    return "data/fraud/good.csv" in taken | {each.file.key for each in pending.files}


def _manifest(world: SluiceWorld, execution: Any) -> Any:
    from sluice.training.manifest import Manifest

    text = world.bucket.read(execution.parameters["InputData"].replace(".manifest", ".json"))
    assert text is not None
    return Manifest.parse(text).files


def is_ready(world: SluiceWorld) -> bool:
    found = world.ports.results.get("good")
    told = [detail["inference_id"] for kind, detail in world.events.published if kind == "AsyncResultReady"]
    return found is not None and found.status == "ready" and "good" in told


QUEUES = {
    "start_pipeline": Queue(
        start_pipeline, uploading_world, json.dumps(GOOD_UPLOAD), is_taken_in, odd(UPLOAD, REQUEST, WAKE_UP)
    ),
    "handle_async_result": Queue(
        handle_async_result,
        async_world,
        GOOD_RESULT.body(),
        is_ready,
        odd(SUCCESS, FAILURE, IN_THE_CALL, RETRY),
    ),
    "record_outcome": Queue(
        record_outcome,
        world_under_test,
        json.dumps({"detail-type": "InferenceOutcome", "detail": outcome("good", variant="v6")}),
        lambda world: sum(each.count for each in counts_of(world, "v6")) == 1,
        odd(OUTCOME, BY_VERSION),
    ),
}


def deliver(queue: Queue, world: SluiceWorld, bodies: list[str]) -> set[int]:
    """The places of the messages that go back."""
    records = [{"messageId": str(at), "body": body} for at, body in enumerate(map(spelled, bodies))]
    answer = queue.run({"Records": records}, world.ports)
    return {int(each["itemIdentifier"]) for each in answer["batchItemFailures"]}


@pytest.mark.parametrize("name", QUEUES)
def test_no_message_fails_its_batch_or_loses_another_message(name: str) -> None:
    queue = QUEUES[name]

    @settings(max_examples=150, deadline=None)
    @given(st.lists(queue.odd, min_size=1, max_size=4), st.integers(0, 4))
    def check(bodies: list[str], at: int) -> None:
        world = queue.begin()
        place = min(at, len(bodies))
        failed = deliver(queue, world, [*bodies[:place], queue.good, *bodies[place:]])
        assert place not in failed
        assert queue.is_done(world)

    check()


@cache
def every_odd_part(name: str) -> list[str]:
    real = {
        "start_pipeline": (UPLOAD, REQUEST, WAKE_UP),
        "handle_async_result": (SUCCESS, FAILURE, IN_THE_CALL, RETRY),
        "record_outcome": (OUTCOME, BY_VERSION),
    }[name]
    return [json.dumps(changed(message, way, value)) for message in real for way in places(message) for value in ODD]


@pytest.mark.parametrize("name", QUEUES)
def test_one_batch_of_every_odd_message_loses_no_good_one(name: str) -> None:
    queue, world = QUEUES[name], QUEUES[name].begin()
    bodies = every_odd_part(name)
    assert len(bodies) not in deliver(queue, world, [*bodies, queue.good])
    assert queue.is_done(world)
