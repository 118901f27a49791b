"""What the intake of uploads logs and counts: each decision once, and nothing that came from a file."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sluice.errors import Problem, RetryableError, SpecError
from sluice.spec.model import ModelSpec
from sluice.training.intake import NO_MODEL

from functions.start_pipeline.app import run as start_pipeline
from tests.fakes.sluice_world import SluiceWorld, sluice_world

GOOD, BAD = b"age,risk\n30,1\n", b"age,risk\n30,1\nsecret,1\n"


@pytest.fixture
def world() -> SluiceWorld:
    return sluice_world()


def deliver(world: SluiceWorld, *keys: str) -> None:
    for key in keys:
        found = {"key": key, "size": 14, "etag": "e", "version-id": "v1", "sequencer": "00"}
        send(world, {"detail": {"bucket": {"name": "sluice-dev-data"}, "object": found}})


def send(world: SluiceWorld, body: Any) -> None:
    start_pipeline({"Records": [{"messageId": "m0", "body": json.dumps(body)}]}, world.ports)


def upload(world: SluiceWorld, content: bytes, key: str = "data/fraud/x.csv") -> None:
    world.bucket.objects[key] = content
    deliver(world, key)


def lines(world: SluiceWorld, message: str) -> list[dict[str, object]]:
    return [fields for _, logged, fields in world.telemetry.lines if logged == message]


def test_an_accepted_upload_is_counted_once_however_often_its_event_comes(world: SluiceWorld) -> None:
    for _ in range(3):
        upload(world, GOOD)
    assert world.telemetry.metrics == [("UploadAccepted", 1, "fraud", "")]


def test_a_rejected_upload_is_logged_and_counted_once(world: SluiceWorld) -> None:
    for _ in range(3):
        upload(world, BAD)
    assert world.telemetry.metrics == [("UploadRejected", 1, "fraud", "")]
    breach = {"rule": "type", "column": "age", "row": 3, "count": 1}
    expected = {"model": "fraud", "key": "data/fraud/x.csv", "object_version": "v1", "breaches": [breach]}
    assert lines(world, "upload rejected") == [expected]


def test_a_rejection_that_a_crash_interrupts_is_counted_once(world: SluiceWorld) -> None:
    world.bucket.objects["data/fraud/x.csv"] = BAD
    for at in range(1, 12):
        world.faults.at = world.faults.seen + at
        deliver(world, "data/fraud/x.csv")
    world.faults.at = 0
    deliver(world, "data/fraud/x.csv")
    assert [name for name, *_ in world.telemetry.metrics] == ["UploadRejected"]
    assert len(lines(world, "upload rejected")) == 1


@pytest.mark.parametrize(
    "content",
    [BAD, b"secret,1\n1,2\n", b"age,risk,secret\n1,1,1\n", b"age,risk\n1,secret\n", b"age,risk\n1,1,secret\n"],
    ids=["cell", "no header", "another column", "target", "width"],
)
def test_no_line_holds_what_came_from_the_file(world: SluiceWorld, content: bytes) -> None:
    upload(world, content)
    assert len(lines(world, "upload rejected")) == 1
    assert "secret" not in repr(world.telemetry.lines)


def test_uploads_to_no_model_are_counted_under_one_name(world: SluiceWorld) -> None:
    for name in ("nobody", "nothing"):
        upload(world, GOOD, f"data/{name}/x.csv")
    assert world.telemetry.metrics == [("UploadRejected", 1, NO_MODEL, "")] * 2
    assert [line["model"] for line in lines(world, "upload rejected")] == ["nobody", "nothing"]


def test_an_upload_that_is_gone_is_counted_under_its_model(world: SluiceWorld) -> None:
    deliver(world, "data/fraud/x.csv")
    assert world.telemetry.metrics == [("UploadRejected", 1, "fraud", "")]


def test_the_start_of_a_run_is_logged_once(world: SluiceWorld) -> None:
    upload(world, GOOD)
    world.wake()
    send(world, {"detail-type": "WakeUp", "detail": {"model": "fraud"}})
    (execution,) = world.pipelines.started.values()
    expected = {"model": "fraud", "run": execution.run, "execution": execution.arn}
    assert lines(world, "pipeline run started") == [expected]


def test_a_model_whose_spec_is_not_valid_is_an_error_and_no_retry(
    world: SluiceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(world, GOOD)
    world.clock.pass_seconds(60)

    def unreadable(_model: str) -> ModelSpec:
        raise SpecError([Problem("rollout.hover", None, "nothing", "unknown field")])

    monkeypatch.setattr(world.specs, "get", unreadable)
    send(world, {"detail-type": "WakeUp", "detail": {"model": "fraud"}})
    assert lines(world, "run queue has no valid spec") == [{"model": "fraud", "error": "SpecError"}]


def test_a_queue_that_cannot_be_checked_now_is_an_error_for_each_model(world: SluiceWorld) -> None:
    world.faults.at, world.faults.error = 1, RetryableError
    send(world, {"detail-type": "WakeUp", "detail": {"model": "fraud"}})
    assert lines(world, "run queue not checked") == [{"model": "fraud", "error": "RetryableError"}]
