"""A run is recorded as SageMaker has it, whatever the order of its events, and its end is announced once."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from sluice.errors import RetryableError
from sluice.pipeline_runs.recorder import record_run, repeated_version
from sluice.pipeline_runs.run import PipelineRun

from tests.builders.run_examples import ARN, CODE, DATA, GATE, cached, package, refused, running, succeeded
from tests.fakes.aws_state import START
from tests.fakes.sluice_world import GROUP, SluiceWorld, sluice_world

REPORT = b'{"regression_metrics": {"mse": {"value": 4.5}}}'


@pytest.fixture
def world() -> SluiceWorld:
    world = sluice_world()
    world.bucket.objects["pipelines/fraud/one/evaluation/evaluation.json"] = REPORT
    for version in (7, 8):
        world.registry.add(GROUP, version, "PendingManualApproval")
    return world


def see(world: SluiceWorld, run: PipelineRun) -> PipelineRun | None:
    """SageMaker has the run like this, and an event says so."""
    world.run_reader.executions[run.execution] = run
    return record_run(run.execution, world.ports, record_end=True)


def kept(world: SluiceWorld) -> list[PipelineRun]:
    return list(world.ports.runs.runs("fraud"))


def test_a_run_is_kept_while_it_goes_and_announced_when_it_has_ended(world: SluiceWorld) -> None:
    see(world, running())
    assert [one.status for one in kept(world)] == ["Executing"]
    assert world.events.published == []
    see(world, succeeded())
    (run,) = kept(world)
    assert (run.status, run.version, run.metrics, run.input_data) == ("Succeeded", 7, {"mse": 4.5}, DATA)
    assert world.events.published == [
        (
            "PipelineSucceeded",
            {
                "model": "fraud",
                "execution": ARN + "one",
                "input_data": DATA,
                "metrics": {"mse": 4.5},
                "cache_hits": [],
                "seconds": 60.0,
                "version": 7,
                "package": package(7),
                "same_model_as": None,
            },
        )
    ]


def test_the_version_learns_where_it_comes_from_once(world: SluiceWorld) -> None:
    see(world, succeeded())
    assert world.registry.properties[package(7)] == {
        "sluice.execution": "one",
        "sluice.data": DATA,
        "sluice.contract": "s3://sluice-dev-data/contracts/fraud/1.json",
        "sluice.code": CODE,
        "sluice.artifact": "fe2dbffd447a970c1a42dac39791f114 7",
    }
    world.registry.properties.clear()
    see(world, succeeded())
    assert world.registry.properties == {}


def test_a_missed_gate_is_reported_in_the_words_of_the_step_that_failed(world: SluiceWorld) -> None:
    see(world, refused())
    ((kind, detail),) = world.events.published
    assert (kind, detail["status"], detail["reason"]) == ("PipelineFailed", "Failed", f"FailPipeline: {GATE}")
    assert detail["metrics"] == {"mse": 4.5}
    assert world.registry.properties == {}


def test_a_missed_gate_tells_what_was_measured_and_which_rules_failed(world: SluiceWorld) -> None:
    """No document shows a Fail step that reads JSON, so that its message cannot; the report is read instead."""
    verdict = "mae is 5.2, above the maximum of 5"
    report = {"regression_metrics": {"mse": {"value": 7.1}}, "gate": {"failed_rules": 1, "verdict": verdict}}
    world.bucket.objects["pipelines/fraud/one/evaluation/evaluation.json"] = json.dumps(report).encode()
    see(world, refused())
    ((_, detail),) = world.events.published
    assert detail["reason"] == f"FailPipeline: {GATE}; mse is 7.1; gate of the spec: {verdict}"
    assert kept(world)[0].reason == detail["reason"]


def test_reports_that_are_larger_than_an_item_or_an_event_hold_up_no_end_and_no_digest(world: SluiceWorld) -> None:
    """A job's container writes them. Else the run would go on for ever, and its artifact be compared with nothing."""
    uris = tuple(f"s3://sluice-dev-data/pipelines/fraud/one/{number}.json" for number in range(20))
    for number, uri in enumerate(uris):
        report = {f"{number}-{each}-" + "x" * 90: {"value": each} for each in range(5_000)}
        world.bucket.objects[uri.removeprefix("s3://sluice-dev-data/")] = json.dumps(report).encode()
    see(world, replace(succeeded(), reports=uris))
    ((kind, detail),) = world.events.published
    assert kind == "PipelineSucceeded"
    assert len(json.dumps(detail, default=str)) < 100_000
    assert len(json.dumps(kept(world)[0].to_json(), default=str)) < 100_000
    assert "sluice.artifact" in world.registry.properties[package(7)]


def test_a_stopped_run_is_a_failed_one_with_its_status(world: SluiceWorld) -> None:
    see(world, replace(running(), status="Stopped"))
    ((kind, detail),) = world.events.published
    assert (kind, detail["status"], detail["reason"]) == ("PipelineFailed", "Stopped", "the run was stopped")


def test_repeated_and_late_events_change_nothing(world: SluiceWorld) -> None:
    see(world, succeeded())
    before = kept(world)
    for _ in range(3):
        record_run(ARN + "one", world.ports, record_end=True)
    assert kept(world) == before
    assert world.events.kinds() == ["PipelineSucceeded"]
    assert len(world.events.published) == 1


def test_what_was_read_earlier_never_overwrites_what_was_read_later() -> None:
    train_done = replace(running(), steps=(*running().steps[:1], succeeded().steps[1]))
    for order in permutations([running(), train_done, succeeded()]):
        world = sluice_world()
        for seen in order:
            world.ports.runs.save(seen)
        assert [one.status for one in kept(world)] == ["Succeeded"], order


def test_a_failed_run_that_is_retried_ends_a_second_time(world: SluiceWorld) -> None:
    see(world, refused())
    later = START + timedelta(hours=1)
    see(world, replace(running(), modified_at=later))
    assert [one.status for one in kept(world)] == ["Executing"]
    done = succeeded()
    steps = (*done.steps[:-1], replace(done.steps[-1], ended_at=later + timedelta(seconds=5)))
    see(world, replace(done, modified_at=later + timedelta(seconds=5), steps=steps))
    assert world.events.kinds() == ["PipelineFailed", "PipelineSucceeded"]


def test_a_run_taken_from_the_cache_says_which_version_it_repeats(world: SluiceWorld) -> None:
    see(world, succeeded())
    run = see(world, cached())
    assert run is not None
    assert (run.version, run.is_all_cached, run.cache_hits) == (8, True, 3)
    assert world.events.published[-1][1]["same_model_as"] == 7
    assert world.events.published[-1][1]["cache_hits"] == ["PreprocessData", "TrainModel", "EvaluateModel"]


def test_a_run_that_trained_repeats_no_version(world: SluiceWorld) -> None:
    see(world, succeeded())
    half = cached()
    steps = tuple(replace(step, cached_from="") if step.name == "TrainModel" else step for step in half.steps)
    run = see(world, replace(half, steps=steps))
    assert run is not None
    assert repeated_version(run, world.ports) is None


def test_the_pipelines_of_others_are_left_alone(world: SluiceWorld) -> None:
    for arn in (ARN.replace("sluice-dev-fraud", "churn") + "one", "arn:aws:sagemaker:::training-job/x"):
        assert record_run(arn, world.ports, record_end=True) is None
    assert kept(world) == []


@pytest.mark.parametrize("after_effect", [False, True])
@pytest.mark.parametrize("at", range(1, 12))
def test_a_crash_anywhere_is_repaired_by_the_next_delivery(at: int, after_effect: bool) -> None:
    world = sluice_world()
    world.registry.add(GROUP, 7)
    world.run_reader.executions[ARN + "one"] = succeeded()
    world.faults.at, world.faults.after_effect = world.faults.seen + at, after_effect
    for _ in range(2):
        try:
            record_run(ARN + "one", world.ports, record_end=True)
        except RetryableError:
            continue
    assert [one.status for one in kept(world)] == ["Succeeded"]
    assert world.events.kinds() == ["PipelineSucceeded"]
    assert world.registry.properties[package(7)]["sluice.data"] == DATA
    record_run(ARN + "one", world.ports, record_end=True)
    assert len(world.events.published) <= 2


@pytest.mark.parametrize("run", [running(), succeeded(), cached(), refused()], ids=lambda run: run.status)
def test_a_run_survives_being_written_and_read(run: PipelineRun) -> None:
    assert PipelineRun.parse(run.to_json()) == run


def test_a_run_that_failed_without_a_failed_step_gives_the_executions_reason() -> None:
    run = replace(running(), status="Failed", execution_reason="the role cannot be assumed")
    assert run.reason == "the role cannot be assumed"
    assert succeeded().reason == running().reason == ""


def test_a_run_whose_pipeline_is_deleted_ends_with_it(world: SluiceWorld) -> None:
    see(world, running())
    world.run_reader.executions.clear()
    for _ in range(2):
        record_run(ARN + "one", world.ports, record_end=True)
        world.clock.pass_seconds(60)
    assert [(one.status, one.reason) for one in kept(world)] == [("Stopped", "the pipeline was deleted while it ran")]
    assert [kind for kind, _ in world.events.published] == ["PipelineFailed"]


def test_a_run_that_ended_before_its_pipeline_was_deleted_stays_as_it_was(world: SluiceWorld) -> None:
    see(world, succeeded())
    world.run_reader.executions.clear()
    record_run(ARN + "one", world.ports, record_end=True)
    record_run(ARN + "never-seen", world.ports, record_end=True)
    assert [one.status for one in kept(world)] == ["Succeeded"]
    assert world.events.kinds() == ["PipelineSucceeded"]


def test_the_last_steps_event_leaves_the_end_to_the_executions(world: SluiceWorld) -> None:
    see(world, running())
    world.run_reader.executions[ARN + "one"] = succeeded()
    record_run(ARN + "one", world.ports, record_end=False)
    assert ([one.status for one in kept(world)], world.events.published) == (["Executing"], [])
    record_run(ARN + "one", world.ports, record_end=True)
    assert ([one.status for one in kept(world)], world.events.kinds()) == (["Succeeded"], ["PipelineSucceeded"])


def test_an_end_is_logged_and_counted_once_without_the_reason(world: SluiceWorld) -> None:
    for _ in range(3):
        see(world, refused())
    assert world.telemetry.metrics == [("PipelineRunEnded", 1, "fraud", "Failed")]
    fields = {"status": "Failed", "version": None, "failed_step": "FailPipeline"}
    assert world.telemetry.lines == [("INFO", "pipeline run ended", fields)]


def test_a_run_that_goes_on_is_not_counted(world: SluiceWorld) -> None:
    see(world, running())
    record_run(ARN + "one", world.ports, record_end=True)
    assert (world.telemetry.metrics, world.telemetry.lines) == ([], [])
