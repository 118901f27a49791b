"""A transform job's end: rows are counted file by file, the run is closed, and it is announced."""

from __future__ import annotations

from typing import Any

import pytest
from sluice.batch.lost_runs import replay_lost_batch_events
from sluice.errors import RetryableError
from sluice.spec.model import ModelSpec

from functions.complete_batch.app import run as handle_batch_result
from functions.start_batch.app import run as start_batch
from tests.fakes.batch_world import BATCH_SPEC, JOB, batch_world, job_ended, put_input, requested
from tests.fakes.sluice_world import SluiceWorld

OUTPUT = f"batch/fraud/output/{JOB}/"


@pytest.fixture
def world() -> SluiceWorld:
    """A run whose job has ended, and nobody has said so."""
    return scored()


def scored(between: str = "", *, may_quote: bool = True) -> SluiceWorld:
    world = batch_world()
    raw = BATCH_SPEC.to_json()
    world.specs.specs["fraud"] = ModelSpec.parse({**raw, "data": {**raw["data"], "examples_in_reasons": may_quote}})
    world.transforms.between = between
    put_input(world)
    start_batch(requested(), world.ports)
    world.clock.pass_seconds(1800)
    world.transforms.settle()
    world.events.published.clear()
    world.telemetry.metrics.clear()
    return world


def announced(world: SluiceWorld) -> dict[str, Any]:
    ((_, detail),) = world.events.published
    return detail


def test_a_run_that_went_well_is_announced_with_counts_cost_and_a_preview(world: SluiceWorld) -> None:
    for _ in range(2):
        assert handle_batch_result(job_ended(), world.ports) == {"job": JOB, "phase": "completed"}
    assert announced(world) == {
        "model": "fraud",
        "version": 1,
        "job": JOB,
        "input": "s3://sluice-dev-data/batch/fraud/input/",
        "output": f"s3://sluice-dev-data/{OUTPUT}",
        "files": 2,
        "rows_in": 5,
        "rows_out": 5,
        "rows_set_aside": 0,
        "set_aside": "",
        "seconds": 1800.0,
        "estimated_usd": 0.115,  # half an hour of two ml.m5.large
        "estimated_with": "list prices of us-east-1 as of 2025-10, while the job worked",
        "preview": ["1,30,1,1.0", "2,31,1,1.0", "3,32,1,1.0"],
    }


@pytest.mark.parametrize("between", ["", "input/", "batch/fraud/input/"])
def test_outputs_are_found_wherever_below_the_output_folder_they_lie(between: str) -> None:
    world = scored(between)
    assert handle_batch_result(job_ended(), world.ports) == {"job": JOB, "phase": "completed"}
    assert (announced(world)["rows_in"], announced(world)["rows_out"]) == (5, 5)


def test_the_rows_of_a_run_are_counted_once_and_its_lines_found_by_job_model_and_version(world: SluiceWorld) -> None:
    for _ in range(2):
        handle_batch_result(job_ended(), world.ports)
    assert world.telemetry.metrics == [("BatchRows", 5, "fraud", "")]
    assert {name: world.telemetry.keys[name] for name in ("job", "model", "version")} == {
        "job": JOB,
        "model": "fraud",
        "version": "1",
    }


def test_two_deliveries_at_the_same_time_count_the_rows_once(
    world: SluiceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = world.events.publish

    def publish_after_the_other(kind: str, **detail: Any) -> None:
        monkeypatch.undo()
        handle_batch_result(job_ended(), world.ports)
        publish(kind, **detail)

    monkeypatch.setattr(world.events, "publish", publish_after_the_other)
    handle_batch_result(job_ended(), world.ports)
    assert world.events.kinds() == ["BatchCompleted"]
    assert world.telemetry.metrics == [("BatchRows", 5, "fraud", "")]


def lose_a_row(world: SluiceWorld) -> None:
    world.bucket.objects[f"{OUTPUT}a.csv.out"] = b"1.0\n1.0\n"


def lose_a_file(world: SluiceWorld) -> None:
    del world.bucket.objects[f"{OUTPUT}märz 1/b.csv.out"]


def overwrite(world: SluiceWorld) -> None:
    world.bucket.objects["batch/fraud/input/a.csv"] = b"7,7,7\n8,8,8\n9,9,9\n"


def lose_the_manifest(world: SluiceWorld) -> None:
    for key in [key for key in world.bucket.objects if "/manifests/" in key]:
        del world.bucket.objects[key]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lose_a_row, "batch/fraud/input/a.csv: 2 rows came out of 3"),
        (lose_a_file, "batch/fraud/input/märz 1/b.csv: nothing was written for its 2 rows"),
        (overwrite, "batch/fraud/input/a.csv was overwritten or deleted while the job ran"),
        (lose_the_manifest, "the list of its files is gone"),
    ],
)
def test_rows_that_cannot_be_accounted_for_fail_the_run(world: SluiceWorld, damage: Any, reason: str) -> None:
    damage(world)
    assert handle_batch_result(job_ended(), world.ports)["phase"] == "failed"
    assert reason in announced(world)["reason"]
    assert announced(world)["status"] == "Completed"
    assert announced(world)["files_written"]
    assert world.telemetry.metrics == []


@pytest.mark.parametrize("status", ["Failed", "FAILED"])
def test_a_job_that_failed_is_announced_with_its_reason_and_what_it_wrote(status: str) -> None:
    world = batch_world()
    put_input(world)
    world.transforms.answers["sluice-dev-fraud-1-1-model"] = lambda line: str(int(line))
    start_batch(requested(), world.ports)
    world.transforms.settle()
    world.events.published.clear()
    assert handle_batch_result(job_ended(status=status), world.ports)["phase"] == "failed"
    assert "invalid literal" in announced(world)["reason"]
    assert (announced(world)["status"], announced(world)["files_written"]) == ("Failed", [])


def test_a_job_that_is_still_going_is_left_alone_whatever_the_event_says() -> None:
    world = batch_world()
    put_input(world)
    start_batch(requested(), world.ports)
    assert handle_batch_result(job_ended(), world.ports)["phase"] == "running"


@pytest.mark.parametrize("job", ["sluice-dev-fraud-7-1-new", "sluice-prod-fraud-20260304t020000-5f7200", "other", JOB])
def test_a_job_that_is_no_run_of_ours_is_left_alone(job: str) -> None:
    assert handle_batch_result(job_ended(job), batch_world().ports) == {"job": job, "phase": None}


@pytest.mark.parametrize("after_effect", [False, True], ids=["lost call", "lost answer"])
def test_one_fault_anywhere_changes_nothing(after_effect: bool) -> None:
    def finished(at: int) -> tuple[object, int]:
        world = scored()
        world.faults.seen, world.faults.at, world.faults.after_effect = 0, at, after_effect
        try:
            handle_batch_result(job_ended(), world.ports)
        except RetryableError:
            handle_batch_result(job_ended(), world.ports)
        calls, world.faults.at = world.faults.seen, 0
        return (world.ports.batches.get("fraud", JOB), set(map(str, world.events.published))), calls

    expected, calls = finished(0)
    assert calls > 8, "it has to touch AWS for this to mean anything"
    for at in range(1, calls + 1):
        assert finished(at)[0] == expected, f"after a fault at call {at} of {calls}"


def test_the_sweep_says_again_that_a_job_has_ended(world: SluiceWorld) -> None:
    assert list(replay_lost_batch_events("fraud", world.ports)) == [], "the event may still be on its way"
    world.clock.pass_seconds(2700)
    assert list(replay_lost_batch_events("fraud", world.ports)) == [], "its third try may still count the rows"
    world.clock.pass_seconds(900)
    assert list(replay_lost_batch_events("fraud", world.ports)) == [f"{JOB} is Completed"]
    ((kind, detail),) = world.events.published
    assert kind == "SageMaker Transform Job State Change"
    handle_batch_result({"detail": detail}, world.ports)
    assert list(replay_lost_batch_events("fraud", world.ports)) == []


def test_the_sweep_gives_up_what_has_failed_for_a_day(world: SluiceWorld) -> None:
    world.clock.pass_seconds(86_400)
    assert list(replay_lost_batch_events("fraud", world.ports)) == []


def test_a_run_that_is_open_long_after_its_job_ended_is_completed_within_a_day(world: SluiceWorld) -> None:
    """Its table was restored from a backup: the job's name is taken, and no event of it will ever come."""
    world.clock.pass_seconds(40 * 86_400 + 3_600)
    found = []
    for _ in range(24 * 12):
        world.clock.pass_seconds(300)
        found += list(replay_lost_batch_events("fraud", world.ports))
    assert found == [f"{JOB} is Completed"]


def test_it_is_completed_within_a_day_however_seldom_the_sweep_comes_to_its_model(world: SluiceWorld) -> None:
    """A sweep may come to a model of many every half an hour only, and never at the time of day of the job's end."""
    world.clock.pass_seconds(2 * 86_400 + 7 * 60)
    found = []
    for _ in range(7 * 48):
        world.clock.pass_seconds(30 * 60)
        found += list(replay_lost_batch_events("fraud", world.ports))
    assert found == [f"{JOB} is Completed"] * 7


@pytest.mark.parametrize("why", ["not allowed", "no spec"])
def test_no_scored_row_goes_to_an_event_unless_the_spec_allows_it(why: str) -> None:
    world = scored(may_quote=False)
    if why == "no spec":
        world.specs.specs.clear()
    handle_batch_result(job_ended(), world.ports)
    assert announced(world)["preview"] == []
    assert announced(world)["rows_out"] == 5


def test_a_forged_end_of_a_job_that_goes_on_closes_no_run() -> None:
    world = batch_world()
    put_input(world)
    start_batch(requested(), world.ports)
    world.events.published.clear()
    assert handle_batch_result({**job_ended(), "source": "sluice"}, world.ports) == {"job": JOB, "phase": "running"}
    assert world.events.published == []


def test_a_forged_end_of_a_run_that_has_no_job_yet_closes_nothing() -> None:
    world = batch_world()
    put_input(world)

    def refuse(_request: object) -> bool:
        raise RetryableError("AWS has no capacity")

    world.transforms.create = refuse  # type: ignore[method-assign, assignment]
    with pytest.raises(RetryableError):
        start_batch(requested(), world.ports)
    world.events.published.clear()
    assert handle_batch_result({**job_ended(), "source": "sluice"}, world.ports) == {"job": JOB, "phase": "starting"}
    assert world.events.published == []
