"""Events of source ``sluice`` that anybody may have put on the bus: SageMaker is asked before one is acted upon."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from functions.announce_pending_version.app import run as announce_pending_version
from functions.record_pipeline_run.app import run as record_pipeline_run
from functions.start_pipeline.app import run as start_pipeline
from tests.builders.run_examples import running, succeeded
from tests.fakes.aws_state import FakeExecution
from tests.fakes.sluice_world import GROUP, SluiceWorld, sluice_world


@pytest.fixture
def world() -> SluiceWorld:
    """A run of fraud is going."""
    world = sluice_world()
    world.registry.add(GROUP, 7)
    world.bucket.objects["data/fraud/a.csv"] = b"age,risk\n30,1\n"
    found = {"key": "data/fraud/a.csv", "size": 14, "etag": "e", "version-id": "v1", "sequencer": "0A"}
    body = json.dumps({"detail": {"bucket": {"name": world.bucket.name}, "object": found}})
    start_pipeline({"Records": [{"messageId": "m", "body": body}]}, world.ports)
    world.wake()
    world.run_reader.executions[going(world).arn] = replace(running(), execution=going(world).arn)
    return world


def going(world: SluiceWorld) -> FakeExecution:
    (execution,) = world.pipelines.running(GROUP)
    return execution


def told(world: SluiceWorld, **changes: str) -> dict[str, Any]:
    """The event that the sweep replays when the run has ended."""
    detail = {**going(world).event()["detail"], "currentPipelineExecutionStatus": "Succeeded", **changes}
    return {
        "source": "sluice",
        "detail-type": "SageMaker Model Building Pipeline Execution Status Change",
        "detail": detail,
    }


def ended(world: SluiceWorld) -> str:
    slot = world.ports.run_slots.get("fraud")
    assert slot is not None
    return slot.end_status


def test_a_forged_end_of_a_run_does_not_free_its_slot(world: SluiceWorld) -> None:
    assert record_pipeline_run(told(world), world.ports)["freed"] is False
    assert ended(world) == ""
    assert world.wakeups.booked == []


def test_an_execution_of_another_pipeline_ends_no_run_of_this_one(world: SluiceWorld) -> None:
    """Who starts it chooses its display name."""
    other = FakeExecution(pipeline="sluice-dev-houses", run=going(world).run, parameters={}, status="Stopped")
    world.pipelines.started["other"] = other
    assert record_pipeline_run(told(world, pipelineExecutionArn=other.arn), world.ports)["freed"] is False
    assert ended(world) == ""


def test_the_end_of_another_run_under_this_ones_name_does_not_free_its_slot(world: SluiceWorld) -> None:
    other = FakeExecution(pipeline=GROUP, run="other", parameters={}, status="Succeeded")
    world.pipelines.started["other"] = other
    world.run_reader.executions[other.arn] = replace(succeeded(), execution=other.arn)
    assert record_pipeline_run(told(world, pipelineExecutionArn=other.arn), world.ports)["freed"] is False
    assert ended(world) == ""


def test_an_execution_that_never_was_frees_no_slot(world: SluiceWorld) -> None:
    arn = going(world).arn.rpartition("/")[0] + "/never-was"
    assert record_pipeline_run(told(world, pipelineExecutionArn=arn), world.ports)["freed"] is False
    assert ended(world) == ""


def test_an_end_that_is_so_frees_the_slot_whoever_tells_it(world: SluiceWorld) -> None:
    event = told(world)
    going(world).status = "Failed"
    assert record_pipeline_run(event, world.ports)["freed"] is True
    assert ended(world) == "Failed", "as SageMaker says, not as the event does"


def test_a_forged_wait_is_announced_no_second_time() -> None:
    world = sluice_world()
    arn = world.registry.add(GROUP, 7, "PendingManualApproval")
    for year in (2090, 2091, 2092):
        detail = {
            "ModelPackageArn": arn,
            "ModelApprovalStatus": "PendingManualApproval",
            "UpdatedModelPackageFields": ["ModelApprovalStatus"],
            "LastModifiedTime": f"{year}-01-01T00:00:00Z",
        }
        announce_pending_version({"source": "sluice", "detail": detail}, world.ports)
    assert [kind for kind, _ in world.events.published] == ["ModelPending"]


def test_a_forged_wait_of_a_version_that_was_decided_on_is_not_announced() -> None:
    world = sluice_world()
    arn = world.registry.add(GROUP, 7, "Approved")
    detail = {"ModelPackageArn": arn, "ModelApprovalStatus": "PendingManualApproval"}
    announce_pending_version({"source": "sluice", "detail": detail}, world.ports)
    assert world.events.published == []
