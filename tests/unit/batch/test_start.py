"""A request becomes one transform job over the files there were, however often and however badly it is delivered."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sluice.batch.events import BatchRequested
from sluice.batch.lost_runs import replay_lost_batch_events
from sluice.batch.run import BatchRun
from sluice.errors import RetryableError
from sluice.spec.model import ModelSpec

from functions.start_batch.app import run as start_batch
from tests.fakes.batch_world import BATCH_SPEC, JOB, batch_world, put_input, requested
from tests.fakes.sluice_world import SluiceWorld


@pytest.fixture
def world() -> SluiceWorld:
    world = batch_world()
    put_input(world)
    return world


def the_run(world: SluiceWorld) -> BatchRun:
    (run,) = world.ports.batches.runs("fraud")
    return run


def test_the_job_has_all_settings_of_the_spec(world: SluiceWorld) -> None:
    assert start_batch(requested(), world.ports) == {"job": JOB, "phase": "running", "reason": ""}
    request = world.transforms.requests[JOB]
    manifest = request["TransformInput"]["DataSource"]["S3DataSource"].pop("S3Uri")
    assert request == {
        "TransformJobName": JOB,
        "ModelName": "sluice-dev-fraud-1-1-model",
        "MaxConcurrentTransforms": 4,
        "MaxPayloadInMB": 20,
        "BatchStrategy": "MultiRecord",
        "ModelClientConfig": {"InvocationsTimeoutInSeconds": 600, "InvocationsMaxRetries": 3},
        "Environment": {"SAGEMAKER_MODEL_SERVER_TIMEOUT": "600"},
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "ManifestFile"}},
            "ContentType": "text/csv",
            "CompressionType": "None",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": f"s3://sluice-dev-data/batch/fraud/output/{JOB}/",
            "Accept": "text/csv",
            "AssembleWith": "Line",
        },
        "DataProcessing": {"InputFilter": "$[1:]", "OutputFilter": "$", "JoinSource": "Input"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 2},
    }
    assert json.loads(world.bucket.objects[manifest.removeprefix("s3://sluice-dev-data/")]) == [
        {"prefix": "s3://sluice-dev-data/batch/fraud/input/"},
        "a.csv",
        "märz 1/b.csv",
    ]
    announced = dict(world.events.published)["BatchStarted"]
    assert (announced["version"], announced["files"], announced["bytes"]) == (1, 2, 34)


def test_sagemaker_and_the_container_both_allow_a_mini_batch_the_time_of_the_spec(world: SluiceWorld) -> None:
    """Either would stop it: SageMaker after its default of ten minutes, the image's server after one."""
    raw = BATCH_SPEC.to_json()
    raw["endpoint"]["batch"] |= {"invocation_timeout": "1h", "max_retries": 0}
    world.specs.specs["fraud"] = ModelSpec.parse(raw)
    start_batch(requested(), world.ports)
    request = world.transforms.requests[JOB]
    assert request["ModelClientConfig"] == {"InvocationsTimeoutInSeconds": 3600, "InvocationsMaxRetries": 0}
    assert request["Environment"] == {"SAGEMAKER_MODEL_SERVER_TIMEOUT": "3600"}


def test_a_request_that_comes_twice_is_one_job_over_the_first_files(world: SluiceWorld) -> None:
    start_batch(requested(), world.ports)
    world.bucket.objects["batch/fraud/input/late.csv"] = b"9,1,2\n"
    start_batch(requested(), world.ports)
    assert list(world.transforms.jobs) == [JOB]
    assert the_run(world).files == 2
    assert [kind for kind, _ in world.events.published].count("BatchStarted") == 1


def test_another_request_is_another_job(world: SluiceWorld) -> None:
    first = start_batch(requested(), world.ports)
    others = [
        start_batch(requested(request="again"), world.ports),
        start_batch(requested(at="2026-03-11T02:00:00Z"), world.ports),
    ]
    assert len({first["job"], *(each["job"] for each in others)}) == 3


def test_another_folder_can_be_scored(world: SluiceWorld) -> None:
    world.bucket.objects["batch/fraud/backfill/2025/x.csv"] = b"1,2,3\n"
    start_batch(requested(input="s3://sluice-dev-data/batch/fraud/backfill"), world.ports)
    assert (the_run(world).folder, the_run(world).files) == ("batch/fraud/backfill/", 1)


SKIPPED: dict[str, tuple[dict[str, Any], str]] = {
    "no such model": ({"model": "ghost"}, "no spec for model 'ghost'"),
    "nothing there": (
        {"input": "s3://sluice-dev-data/batch/fraud/empty/"},
        "there is no file below s3://sluice-dev-data/batch/fraud/empty/",
    ),
    "another bucket": ({"input": "s3://elsewhere/x/"}, "is not below s3://sluice-dev-data/batch/fraud/"),
    "another model's files": ({"input": "s3://sluice-dev-data/batch/other/"}, "is not below"),
    "what Sluice wrote": ({"input": "s3://sluice-dev-data/batch/fraud/output/x"}, "where Sluice itself keeps output"),
    "everything": ({"input": "s3://sluice-dev-data/batch/fraud/"}, "is not below"),
}


@pytest.mark.parametrize("case", SKIPPED)
def test_what_cannot_be_scored_is_skipped_with_the_reason(world: SluiceWorld, case: str) -> None:
    change, reason = SKIPPED[case]
    for _ in range(2):
        found = start_batch(requested(**change), world.ports)
    assert found["phase"] == "skipped"
    assert reason in found["reason"]
    assert world.transforms.jobs == {}
    (announced,) = [detail for kind, detail in world.events.published if kind == "BatchSkipped"]
    assert announced["reason"] == found["reason"]


def test_a_request_is_told_to_be_skipped_only_once_it_is_kept(world: SluiceWorld) -> None:
    """A crash after any call: the next delivery finds files that have come meanwhile."""
    world.bucket.objects.clear()
    start_batch(requested(request="counted"), world.ports)
    calls = world.faults.seen
    for at in range(1, calls + 1):
        world = batch_world()
        world.faults.seen, world.faults.at, world.faults.after_effect = 0, at, True
        with suppress(RetryableError):
            start_batch(requested(), world.ports)
        world.faults.at = 0
        put_input(world)
        found = start_batch(requested(), world.ports)["phase"]
        told = "BatchSkipped" in world.events.kinds()
        assert told == (found == "skipped"), f"a crash after call {at}"
        assert ("BatchStarted" in world.events.kinds()) == (found == "running")


def test_empty_objects_and_folder_markers_hold_no_rows(world: SluiceWorld) -> None:
    world.bucket.objects |= {"batch/fraud/input/": b"", "batch/fraud/input/empty.csv": b""}
    start_batch(requested(), world.ports)
    assert the_run(world).files == 2


def test_a_model_with_an_endpoint_is_not_scored_in_batches(world: SluiceWorld) -> None:
    world.specs.specs["fraud"] = replace(BATCH_SPEC, endpoint=replace(BATCH_SPEC.endpoint, type="real-time"))
    assert start_batch(requested(), world.ports)["reason"] == "endpoint.type of fraud is real-time, not batch"


def test_without_a_version_nothing_is_scored() -> None:
    world = batch_world(live=0)
    put_input(world)
    assert "no version of fraud is approved and rolled out" in start_batch(requested(), world.ports)["reason"]


def test_a_version_that_was_rejected_scores_nothing_more(world: SluiceWorld) -> None:
    world.live(2)
    (arn,) = [arn for arn, package in world.registry.packages.items() if package.version == 2]
    world.registry.reject(arn, "wrong")
    start_batch(requested(), world.ports)
    assert the_run(world).version == 1


def test_a_model_that_is_gone_fails_the_run(world: SluiceWorld) -> None:
    world.hosting.models.clear()
    found = start_batch(requested(), world.ports)
    assert (found["phase"], found["reason"]) == ("failed", ""), "it is logged, and such a reason may quote a row"
    assert "Could not find model" in the_run(world).reason
    assert "Could not find model" in dict(world.events.published)["BatchFailed"]["reason"]


@pytest.mark.parametrize("after_effect", [False, True], ids=["lost call", "lost answer"])
def test_one_fault_anywhere_changes_nothing(after_effect: bool) -> None:
    def started(at: int) -> tuple[BatchRun, int]:
        world = batch_world()
        put_input(world)
        world.faults.seen, world.faults.at, world.faults.after_effect = 0, at, after_effect
        try:
            start_batch(requested(), world.ports)
        except RetryableError:
            if the_runs(world):  # what comes later is not its own
                world.bucket.objects["batch/fraud/input/late.csv"] = b"9,1,2\n"
            start_batch(requested(), world.ports)
        calls, world.faults.at = world.faults.seen, 0
        assert list(world.transforms.jobs) == [JOB]
        return the_run(world), calls

    expected, calls = started(0)
    assert calls > 8, "it has to touch AWS for this to mean anything"
    for at in range(1, calls + 1):
        assert started(at)[0] == expected, f"after a fault at call {at} of {calls}"


def the_runs(world: SluiceWorld) -> list[BatchRun]:
    return list(world.ports.batches.runs("fraud"))


def test_the_sweep_replays_the_request_of_a_job_that_was_never_started(
    world: SluiceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_capacity(_request: object) -> bool:
        raise RetryableError("ResourceLimitExceeded")

    world.clock.at = BatchRequested.parse(requested()).at
    with monkeypatch.context() as full:
        full.setattr(world.transforms, "create", no_capacity)
        with pytest.raises(RetryableError):
            start_batch(requested(), world.ports)
    assert list(replay_lost_batch_events("fraud", world.ports)) == [], "its own retries come first"
    world.clock.at += timedelta(minutes=5)
    assert list(replay_lost_batch_events("fraud", world.ports)) == [f"{JOB} was never started"]
    again = {"detail-type": "BatchRequested", "detail": dict(world.events.published)["BatchRequested"]}
    assert start_batch(again, world.ports) == {"job": JOB, "phase": "running", "reason": ""}
    assert list(replay_lost_batch_events("fraud", world.ports)) == []


@pytest.mark.parametrize(
    "odd",
    [
        {"model": ["fraud"]},
        {"model": "../fraud"},
        {"model": "x" * 70_000},
        {"request": ""},
        {"request": {"a": 1}},
        {"request": "x" * 70_000},
        {"input": 7},
        {"input": "\ud800"},
        {"at": "0001-01-01T00:00:00+14:00"},
        {"at": "9999-12-31T23:59:59-14:00"},
        {"at": 10**310},
    ],
)
def test_a_request_with_an_odd_field_is_refused_before_anything_is_kept(odd: dict[str, Any]) -> None:
    world = batch_world()
    event = requested()
    with pytest.raises((ValueError, TypeError)):
        start_batch({**event, "detail": {**event["detail"], **odd}}, world.ports)
    assert world.events.published == []
