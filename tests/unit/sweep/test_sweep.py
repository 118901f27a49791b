"""The sweep replays lost events once they are old enough, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from sluice.errors import RetryableError, SpecError
from sluice.events import PipelineStatusChanged
from sluice.pipeline_runs.status_change import mark_run_ended
from sluice.rollout.model.store import RecordStore
from sluice.spec.model import ModelSpec
from sluice.sweep.sweep import SweepIncompleteError, sweep
from sluice.training.manifest import File

from functions.abort_rollout.app import run as roll_back
from functions.open_rollout.app import run as open_rollout
from functions.record_pipeline_run.app import run as record_pipeline_run
from functions.start_pipeline.app import run as start_pipeline
from tests.builders.run_examples import succeeded
from tests.fakes.aws_state import START, FakeExecution, refusal
from tests.fakes.sluice_world import GROUP, SluiceWorld, sluice_world

ROLLOUT = "fraud-1-1"


@pytest.fixture
def world() -> SluiceWorld:
    return sluice_world()


def replayed(world: SluiceWorld) -> list[tuple[str, dict[str, Any]]]:
    before = len(world.events.published)
    sweep(world.ports)
    return world.events.published[before:]


def test_a_quiet_stage_has_no_findings(world: SluiceWorld) -> None:
    world.live(1)
    world.clock.pass_seconds(3600)
    assert sweep(world.ports)["findings"] == []
    assert world.wakeups.booked == []
    assert [metric for metric, *_ in world.telemetry.metrics if metric == "SweepFinding"] == []


def test_a_lost_approval_is_replayed_once_it_is_old(world: SluiceWorld) -> None:
    arn = world.registry.add(GROUP, 1)
    assert replayed(world) == []
    world.clock.pass_seconds(180)
    ((kind, detail),) = replayed(world)
    assert (kind, detail["ModelPackageArn"]) == ("SageMaker Model Package State Change", arn)
    assert open_rollout({"detail": detail}, world.ports) == {"rollout": ROLLOUT}


def test_a_version_older_than_one_that_was_rolled_out_is_left_alone(world: SluiceWorld) -> None:
    world.registry.add(GROUP, 1)
    world.live(2)
    world.clock.pass_seconds(3600)
    assert replayed(world) == []


def test_a_rollout_that_was_never_started_is_approved_again(world: SluiceWorld) -> None:
    world.approve(1)
    world.executions.started.clear()
    world.clock.pass_seconds(180)
    ((kind, detail),) = replayed(world)
    assert kind == "SageMaker Model Package State Change"
    open_rollout({"detail": detail}, world.ports)
    assert world.executions.started == [ROLLOUT]


@pytest.mark.parametrize("dead", [[ROLLOUT], [ROLLOUT, f"{ROLLOUT}-restore-1"]], ids=["first", "restoring"])
def test_the_end_of_a_dead_execution_is_replayed(world: SluiceWorld, dead: list[str]) -> None:
    world.approve(1)
    world.executions.started = list(dead)
    world.executions.ended = dict.fromkeys(dead, "ABORTED")
    world.clock.pass_seconds(180)
    ((kind, detail),) = replayed(world)
    assert (kind, detail["name"], detail["status"]) == ("Step Functions Execution Status Change", dead[-1], "ABORTED")
    roll_back({"detail-type": kind, "detail": detail}, world.ports)
    assert world.executions.started == [*dead, f"{ROLLOUT}-restore-{len(dead)}"]


def test_a_rollout_that_is_open_although_its_execution_succeeded_is_told_within_one_sweep(world: SluiceWorld) -> None:
    """The table was restored from a backup; its lock would keep every later rollout waiting."""
    world.approve(1)
    world.executions.ended[ROLLOUT] = "SUCCEEDED"
    world.clock.pass_seconds(180)
    ((kind, detail),) = replayed(world)
    assert (kind, detail["rollout"]) == ("RolloutStuck", ROLLOUT)
    assert "sluice abort fraud" in detail["reason"]


def test_a_rollout_that_nothing_will_close_is_told_once_a_day(world: SluiceWorld) -> None:
    """A sweep comes 288 times a day, and each event of it is a mail."""
    world.approve(1)
    world.executions.ended[ROLLOUT] = "SUCCEEDED"
    told = []
    for _ in range(2 * 24):
        world.clock.pass_seconds(3600)
        told += [kind for kind, _ in replayed(world)]
    assert told == ["RolloutStuck"] * 2


def test_a_crash_before_it_is_noted_that_people_were_told_has_them_told_once_more(
    world: SluiceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.approve(1)
    world.executions.ended[ROLLOUT] = "SUCCEEDED"
    world.clock.pass_seconds(180)

    def crash(*_: object) -> None:
        raise refusal("no")

    with monkeypatch.context() as patch:
        patch.setattr(RecordStore, "note_stuck", crash)
        with pytest.raises(SweepIncompleteError):
            sweep(world.ports)
    assert [kind for kind, _ in replayed(world)] == ["RolloutStuck"]
    assert replayed(world) == []


def test_a_run_whose_execution_ended_long_ago_gives_its_slot_back_within_one_sweep(world: SluiceWorld) -> None:
    """SageMaker answers a token that it knows with the old execution, of which no event will ever come."""
    world.bucket.objects["data/fraud/may.csv"] = b"age,risk\n30,1\n"
    start = world.pipelines.start

    def known(pipeline: str, run: str, token: str, parameters: Mapping[str, str]) -> str:
        arn = start(pipeline, run, token, parameters)
        world.pipelines.started[token].status = "Succeeded"
        return arn

    world.pipelines.start = known  # type: ignore[method-assign]
    uploaded = {"key": "data/fraud/may.csv", "size": 14, "etag": "e", "version-id": "v1", "sequencer": "0"}
    body = json.dumps({"detail": {"bucket": {"name": "sluice-dev-data"}, "object": uploaded}})
    start_pipeline({"Records": [{"messageId": "m", "body": body}]}, world.ports)
    world.wake()
    slot = world.ports.run_slots.get("fraud")
    assert slot is not None
    assert slot.is_running
    ((kind, event),) = replayed(world)
    assert kind == "SageMaker Model Building Pipeline Execution Status Change"
    mark_run_ended(PipelineStatusChanged.parse({"detail": event}), world.ports)
    world.wake()
    slot = world.ports.run_slots.get("fraud")
    assert slot is not None
    assert slot.phase == "free"


@pytest.mark.parametrize("status", ["Succeeded", "Failed"])
def test_the_end_of_a_run_that_eventbridge_refused_is_told_again(
    world: SluiceWorld, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    """The run is recorded as ended by then, so nothing else would look at it any more."""
    world.registry.add(GROUP, 7, "Rejected")
    run = replace(succeeded(), status=status)
    world.run_reader.executions[run.execution] = run
    world.pipelines.started["t"] = execution = FakeExecution(pipeline=GROUP, run="one", parameters={}, status=status)

    def refuse(_kind: str, **_detail: object) -> None:
        raise RetryableError("events does not answer")

    with monkeypatch.context() as out:
        out.setattr(world.events, "publish", refuse)
        with pytest.raises(RetryableError):
            record_pipeline_run(execution.event(), world.ports)
    assert [each.status for each in world.ports.runs.runs("fraud")] == [status]
    ((kind, detail),) = replayed(world)
    assert detail == execution.event()["detail"]
    record_pipeline_run({"source": "sluice", "detail-type": kind, "detail": detail}, world.ports)
    assert world.events.published[-1][0] in ("PipelineSucceeded", "PipelineFailed")
    assert replayed(world) == []


def test_a_run_that_could_not_be_recorded_when_it_ended_is_recorded_later(
    world: SluiceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run has its slot by then, and no event of its steps came before."""
    world.registry.add(GROUP, 7, "Rejected")
    file = File(bucket="lake", key="data/fraud/a.csv", version_id="v1", etag="e", size=1)
    world.bucket.objects[file.key] = b"age,risk\n30,1\n"
    world.ports.pending_inputs.add_file("fraud", file, START)
    world.clock.pass_seconds(60)
    sweep(world.ports)
    world.wake()
    (execution,) = world.pipelines.running(GROUP)
    execution.status = "Succeeded"
    run = replace(succeeded(), execution=execution.arn)
    world.run_reader.executions[run.execution] = run

    def out(*_request: object) -> None:
        raise RetryableError("sagemaker does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(world.run_reader, "read", out)
        with pytest.raises(RetryableError):
            record_pipeline_run(execution.event(), world.ports)
    another = replace(file, key="data/fraud/b.csv")
    world.bucket.objects[another.key] = b"age,risk\n31,0\n"
    world.ports.pending_inputs.add_file("fraud", another, world.clock.now())
    world.clock.pass_seconds(60)
    world.ports.wakeups.send_wake_up("fraud", 0)
    world.wake()
    assert [each.run for each in world.pipelines.running(GROUP)] != [execution.run], "another run has its slot"
    ((kind, detail),) = replayed(world)
    record_pipeline_run({"source": "sluice", "detail-type": kind, "detail": detail}, world.ports)
    assert world.events.published[-1][0] == "PipelineSucceeded"
    assert replayed(world) == []


def test_the_end_of_a_run_that_can_never_be_told_is_not_replayed_for_ever(world: SluiceWorld) -> None:
    """Each replay ends in the dead-letter queue."""
    world.ports.runs.save(succeeded())
    world.clock.pass_seconds(2 * 86_400)
    assert replayed(world) == []


def test_a_file_whose_wake_up_was_lost_is_not_forgotten(world: SluiceWorld) -> None:
    file = File(bucket="lake", key="data/fraud/a.csv", version_id="v1", etag="e", size=1)
    world.bucket.objects[file.key] = b"age,risk\n30,1\n"
    world.ports.pending_inputs.add_file("fraud", file, START)
    world.clock.pass_seconds(60)
    sweep(world.ports)
    world.wake()
    (execution,) = world.pipelines.running(GROUP)
    assert replayed(world) == [], "it is going"
    execution.status = "Succeeded"
    ((_, detail),) = replayed(world)
    assert detail == execution.event()["detail"]


@pytest.mark.parametrize("failure", [refusal("not you"), KeyError("status")], ids=["refused", "unexpected"])
def test_a_check_that_fails_stops_no_other(
    world: SluiceWorld, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def refuse(*_: str) -> None:
        raise failure

    world.registry.add(GROUP, 1)
    world.ports.pending_inputs.add_file(
        "fraud", File(bucket="lake", key="data/fraud/a.csv", version_id="v1", etag="e", size=1), START
    )
    monkeypatch.setattr(world.registry, "newest", refuse)
    monkeypatch.setattr(world.registry, "approved", refuse)
    with pytest.raises(SweepIncompleteError, match="lost_approval of fraud"):
        sweep(world.ports)
    assert world.wakeups.booked == [("fraud", 0)]
    errors = [(message, fields) for level, message, fields in world.telemetry.lines if level == "ERROR"]
    assert errors == [
        ("sweep check failed", {"model": "fraud", "cause": cause, "error": type(failure).__name__})
        for cause in ("unannounced_version", "lost_approval")
    ]


def test_each_finding_is_one_line_and_one_data_point_by_its_cause(world: SluiceWorld) -> None:
    arn = world.registry.add(GROUP, 1)
    world.clock.pass_seconds(180)
    (finding,) = sweep(world.ports)["findings"]
    assert finding == f"{arn} is Approved"
    fields = {"model": "fraud", "cause": "lost_approval", "finding": finding}
    assert world.telemetry.lines == [("INFO", "sweep finding", fields)]
    assert world.telemetry.metrics == [("SweepFinding", 1, "fraud", "lost_approval")]


def test_an_approval_is_replayed_once_its_version_is_complete(world: SluiceWorld) -> None:
    arn = world.registry.register(GROUP, 1, "InProgress")
    world.clock.pass_seconds(180)
    assert replayed(world) == [], "it waits"
    world.registry.move_on(arn, "Completed")
    world.clock.pass_seconds(180)
    ((_, detail),) = replayed(world)
    assert open_rollout({"detail": detail}, world.ports) == {"rollout": ROLLOUT}


def test_a_failed_registration_that_nobody_was_told_of_is_replayed_until_it_is_told(world: SluiceWorld) -> None:
    world.registry.register(GROUP, 1, "Failed")
    world.clock.pass_seconds(180)
    ((_, detail),) = replayed(world)
    open_rollout({"detail": detail}, world.ports)
    world.clock.pass_seconds(180)
    assert replayed(world) == []


def test_an_approval_of_a_model_with_a_broken_spec_is_told_once_and_opened_when_it_is_mended(
    world: SluiceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_model: str) -> ModelSpec:
        raise SpecError([])

    world.registry.add(GROUP, 1)
    world.clock.pass_seconds(180)
    with monkeypatch.context() as patch:
        patch.setattr(world.specs, "get", refuse)
        ((_, detail),) = replayed(world)
        open_rollout({"detail": detail}, world.ports)
        assert replayed(world) == []
    ((_, detail),) = replayed(world)
    assert open_rollout({"detail": detail}, world.ports) == {"rollout": ROLLOUT}
