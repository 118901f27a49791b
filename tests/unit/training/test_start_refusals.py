"""A start that AWS refuses: when it is tried again, and who is told once it is tried no more."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sluice.errors import AccessRefusedError
from sluice.training.run_queue import ROLE_SETTLES

from functions.start_pipeline.app import run as start_pipeline
from tests.fakes.aws_state import START
from tests.fakes.sluice_world import SluiceWorld, sluice_world

_OBJECT = {"key": "data/fraud/a.csv", "size": 14, "etag": "e", "version-id": "v1", "sequencer": "00"}
UPLOAD = {"detail": {"bucket": {"name": "sluice-dev-data"}, "object": _OBJECT}}

UNTRUSTED = "Could not assume role arn:aws:iam::123456789012:role/sluice-dev-pipeline"


@pytest.fixture
def world() -> SluiceWorld:
    made = sluice_world()
    made.bucket.objects["data/fraud/a.csv"] = b"age,risk\n30,1\n"
    return made


def hand_over(world: SluiceWorld, body: Mapping[str, Any]) -> list[str]:
    """Ids of the messages that go back to the queue: none, or m0."""
    result = start_pipeline({"Records": [{"messageId": "m0", "body": json.dumps(body)}]}, world.ports)
    return [each["itemIdentifier"] for each in result["batchItemFailures"]]


def untrust(world: SluiceWorld) -> None:
    """The role of the pipeline can never be assumed, such as after its trust policy was edited."""

    def refuse(*_request: object) -> str:
        raise AccessRefusedError(UNTRUSTED)

    world.pipelines.start = refuse  # type: ignore[method-assign,assignment]


def wait_for_the_role(world: SluiceWorld) -> list[str]:
    """The messages that go back to the queue, at the first wake-up whose message does, or the last one."""
    back: list[str] = []
    while world.wakeups.booked and not back:
        _, delay = world.wakeups.booked.pop(0)
        world.clock.pass_seconds(delay)
        back = hand_over(world, {"detail-type": "WakeUp", "detail": {"model": "fraud"}})
        assert world.clock.now() - START < timedelta(minutes=15)
    return back


def test_files_whose_pipeline_has_a_role_that_can_never_be_assumed_end_in_the_dead_letter_queue(
    world: SluiceWorld,
) -> None:
    untrust(world)
    hand_over(world, UPLOAD)
    assert wait_for_the_role(world) == ["m0"]
    assert world.clock.now() - START > ROLE_SETTLES, "it may take effect meanwhile"
    assert world.ports.pending_inputs.get("fraud").files, "they wait for the role"


def test_a_request_whose_pipeline_has_a_role_that_can_never_be_assumed_is_refused_with_the_cause(
    world: SluiceWorld,
) -> None:
    hand_over(world, UPLOAD)
    world.wake()
    world.end_run()
    untrust(world)
    detail = {"model": "fraud", "request": "r1", "parameters": {"Trees": "10"}}
    hand_over(world, {"detail-type": "TrainRequested", "detail": detail})
    assert wait_for_the_role(world) == []
    (refused,) = [told for kind, told in world.events.published if kind == "TrainingRefused"]
    assert UNTRUSTED in refused["reason"]


def test_the_wake_up_of_a_start_that_is_tried_again_never_comes_before_its_time(
    world: SluiceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.pipelines.refusing = True
    hand_over(world, UPLOAD)
    send, sent = world.ports.wakeups.send_wake_up, []

    def slowly(model: str, delay_seconds: float) -> None:
        send(model, delay_seconds)
        sent.append(world.clock.now() + timedelta(seconds=delay_seconds))
        world.clock.pass_seconds(5)  # such as a second try of the call

    monkeypatch.setattr(world.ports.wakeups, "send_wake_up", slowly)
    world.wake_once()
    slot = world.ports.run_slots.get("fraud")
    assert slot is not None
    assert sent == [datetime.fromisoformat(slot.retry_at)]
