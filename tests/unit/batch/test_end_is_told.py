"""However a batch run ends, that is kept first and then told, and the sweep sees to it that it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest
from sluice.batch.lost_runs import replay_lost_batch_events
from sluice.errors import RetryableError

from functions.complete_batch.app import run as complete_batch
from functions.start_batch.app import run as start_batch
from tests.fakes.batch_world import JOB, batch_world, job_ended, put_input, requested
from tests.fakes.sluice_world import SluiceWorld

Handler = Callable[[Mapping[str, Any], Any], Any]
HANDLERS: Mapping[str, Handler] = {
    "BatchRequested": start_batch,
    "SageMaker Transform Job State Change": complete_batch,
}


def skipped() -> SluiceWorld:
    return batch_world()


def skipped_for_its_folder() -> SluiceWorld:
    return batch_world()


def refused() -> SluiceWorld:
    world = batch_world()
    put_input(world)
    world.hosting.models.clear()
    return world


def ended(answer: Callable[[str], str]) -> SluiceWorld:
    world = batch_world()
    put_input(world)
    world.transforms.answers["sluice-dev-fraud-1-1-model"] = answer
    start_batch(requested(), world.ports)
    world.transforms.settle()
    return world


def completed() -> SluiceWorld:
    return ended(lambda _line: "1.0")


def failed() -> SluiceWorld:
    return ended(lambda line: str(int(line)))


CASES: Mapping[str, tuple[Callable[[], SluiceWorld], Handler, Mapping[str, Any], str]] = {
    "there is nothing to score": (skipped, start_batch, requested(), "BatchSkipped"),
    "its folder is none": (skipped, start_batch, requested(input="x" * 1_000), "BatchSkipped"),
    "SageMaker refuses its job": (refused, start_batch, requested(), "BatchFailed"),
    "its job fails": (failed, complete_batch, job_ended(), "BatchFailed"),
    "its job ends well": (completed, complete_batch, job_ended(), "BatchCompleted"),
}


ENDS = ("BatchSkipped", "BatchFailed", "BatchCompleted")


def told(world: SluiceWorld) -> list[tuple[str, dict[str, Any]]]:
    return [(kind, what) for kind, what in world.events.published if kind in ENDS]


@pytest.mark.parametrize("case", CASES)
def test_the_sweep_tells_an_end_that_eventbridge_refused(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world_of, handler, event, kind = CASES[case]
    world = world_of()
    with monkeypatch.context() as out:
        out.setattr(world.events, "publish", refuse)
        with pytest.raises(RetryableError):
            handler(event, world.ports)
    assert told(world) == []
    assert sweep(world) == [], "its own retries come first"
    world.clock.pass_seconds(300)
    assert len(sweep(world)) == 1
    assert [each for each, _ in told(world)] == [kind]
    world.clock.pass_seconds(600)
    assert sweep(world) == [], "it is told by now"


def sweep(world: SluiceWorld) -> list[str]:
    """What a sweep finds, once what it has replayed was handled."""
    before = len(world.events.published)
    found = list(replay_lost_batch_events("fraud", world.ports))
    for kind, detail in world.events.published[before:]:
        HANDLERS[kind]({"source": "sluice", "detail-type": kind, "detail": detail}, world.ports)
    return found


def refuse(_kind: str, **_detail: object) -> None:
    raise RetryableError("events does not answer")


@pytest.mark.parametrize("case", CASES)
def test_an_end_is_told_only_once_it_is_kept(case: str) -> None:
    """A crash after any call, upon which all is otherwise: what was told is what is kept in the end."""
    world_of, handler, event, _ = CASES[case]
    for at in range(1, 40):
        world = world_of()
        world.events.published.clear()
        world.faults.seen, world.faults.at, world.faults.after_effect = 0, at, True
        with suppress(RetryableError):
            handler(event, world.ports)
        world.faults.at = 0
        _change_all(world)
        handler(event, world.ports)
        run = world.ports.batches.get("fraud", next(iter(world.ports.batches.runs("fraud"))).job)
        assert run is not None
        wanted = {"skipped": {"BatchSkipped"}, "failed": {"BatchFailed"}, "completed": {"BatchCompleted"}}
        found = {kind for kind, _ in told(world)}
        assert found == wanted.get(run.phase, set()), f"a crash after call {at} leaves it {run.phase}"
        assert all(what.get("reason", run.reason) == run.reason for _, what in told(world))


def _change_all(world: SluiceWorld) -> None:
    """Files have come, a model is there again, an output is gone."""
    put_input(world)
    world.hosting.models.setdefault("sluice-dev-fraud-1-1-model", "arn")
    world.bucket.objects.pop(f"batch/fraud/output/{JOB}/a.csv.out", None)


def test_an_end_that_is_told_is_told_once() -> None:
    world = completed()
    for _ in range(3):
        complete_batch(job_ended(), world.ports)
        start_batch(requested(), world.ports)
    assert [kind for kind, _ in told(world)] == ["BatchCompleted"]


def test_the_end_of_a_run_of_release_0_2_is_not_told_again() -> None:
    """It told an end before it kept it, and kept no note of that."""
    world = completed()
    complete_batch(job_ended(), world.ports)
    key = {"pk": "MODEL#fraud", "sk": f"BATCH#{JOB}"}
    world.ports.batches._table.set(key, {"run_added": "{}"}, "attribute_exists(pk)", {})
    world.clock.pass_seconds(3_700)
    assert sweep(world) == []
    complete_batch(job_ended(), world.ports)
    assert [kind for kind, _ in told(world)] == ["BatchCompleted"]


def test_the_sweep_tells_a_start_that_eventbridge_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    world = batch_world()
    put_input(world)
    with monkeypatch.context() as out:
        out.setattr(world.events, "publish", refuse)
        with pytest.raises(RetryableError):
            start_batch(requested(), world.ports)
    world.clock.at = world.ports.batches.get("fraud", JOB).requested_at  # type: ignore[union-attr]
    world.clock.pass_seconds(600)
    assert sweep(world) == [f"{JOB} is not told to have started"]
    assert "BatchStarted" in world.events.kinds()
    assert sweep(world) == []
