"""A request for a run that is refused: that is kept first and then told, and never of one that runs after all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest
from sluice.errors import RetryableError
from sluice.sweep.sweep import wake_stalled_queue

from functions.start_pipeline.app import run as start_pipeline
from tests.fakes.sluice_world import SPEC, SluiceWorld, sluice_world
from tests.unit.training.test_intake import batch, created

FILE = "data/fraud/a.csv"


WAKE_UP = {"detail-type": "WakeUp", "detail": {"model": "fraud"}}


def asked(**parameters: str) -> Mapping[str, Any]:
    return {"detail-type": "TrainRequested", "detail": {"model": "fraud", "request": "r1", "parameters": parameters}}


def without_data() -> SluiceWorld:
    return sluice_world()


def data_has_come(world: SluiceWorld) -> None:
    world.bucket.objects[FILE] = b"age,risk\n30,1\n"
    start_pipeline(batch(created(FILE)), world.ports)


def without_spec() -> SluiceWorld:
    world = sluice_world()
    data_has_come(world)
    world.wake()
    world.end_run()
    world.specs.specs.clear()
    return world


def spec_is_applied(world: SluiceWorld) -> None:
    world.specs.specs["fraud"] = SPEC


def with_a_strange_pipeline() -> SluiceWorld:
    world = sluice_world()
    data_has_come(world)
    world.wake()
    world.end_run()
    world.pipelines.offered = ()
    return world


def pipeline_is_mended(world: SluiceWorld) -> None:
    world.pipelines.offered = ("Trees",)


def with_a_pipeline_that_changes() -> SluiceWorld:
    """Between the request and the start."""
    world = with_a_strange_pipeline()
    world.pipelines.offered, world.pipelines.refusing = ("Trees",), True
    start_pipeline(batch(asked(Trees="10")), world.ports)
    world.pipelines.offered, world.pipelines.refusing = (), False
    world.clock.pass_seconds(60)
    return world


Case = tuple[Callable[[], SluiceWorld], Callable[[SluiceWorld], None], Mapping[str, Any]]
CASES: Mapping[str, Case] = {
    "there is no data yet": (without_data, data_has_come, asked()),
    "there is no spec": (without_spec, spec_is_applied, asked()),
    "the pipeline has no such parameter": (with_a_strange_pipeline, pipeline_is_mended, asked(Trees="10")),
    "it has it no more at the start": (with_a_pipeline_that_changes, pipeline_is_mended, WAKE_UP),
}
"""What has it refused, what has that pass, and the message upon which it is refused."""


def told(world: SluiceWorld) -> list[Mapping[str, Any]]:
    return [what for kind, what in world.events.published if kind == "TrainingRefused"]


def is_run(world: SluiceWorld) -> bool:
    status = world.ports.pending_inputs.request_status("fraud", "r1")
    assert status is not None
    assert status.state in ("run", "refused")
    if status.state == "refused":
        assert {what["reason"] for what in told(world)} <= {status.reason}
    return status.state == "run"


def sweep_and_wake(world: SluiceWorld) -> None:
    for _ in range(3):
        with suppress(KeyError):
            list(wake_stalled_queue("fraud", world.ports))
        world.wake()


@pytest.mark.parametrize("after_effect", [False, True], ids=["lost call", "lost answer"])
@pytest.mark.parametrize("case", CASES)
def test_a_request_is_told_to_be_refused_only_if_that_is_kept(case: str, after_effect: bool) -> None:
    """A fault at any call, and what had it refused has passed when the message comes again."""
    made, passes, message = CASES[case]
    for at in range(1, 25):
        world = made()
        world.faults.seen, world.faults.at, world.faults.after_effect = 0, at, after_effect
        back = start_pipeline(batch(message), world.ports)["batchItemFailures"]
        world.faults.at = 0
        passes(world)
        if back:
            start_pipeline(batch(message), world.ports)
        sweep_and_wake(world)
        assert bool(told(world)) is not is_run(world), f"a fault at call {at}: {told(world)}"
        assert not world.ports.pending_inputs.get("fraud").requests


@pytest.mark.parametrize("case", CASES)
def test_a_refusal_that_eventbridge_refused_is_told_later(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _, message = CASES[case]
    world = made()

    def refuse(_kind: str, **_detail: object) -> None:
        raise RetryableError("events does not answer")

    with monkeypatch.context() as out:
        out.setattr(world.events, "publish", refuse)
        assert start_pipeline(batch(message), world.ports)["batchItemFailures"]
    assert told(world) == []
    start_pipeline(batch(message), world.ports)
    sweep_and_wake(world)
    assert [what["requests"] for what in told(world)] == [["r1"]]
