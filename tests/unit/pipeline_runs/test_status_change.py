"""A status change frees the run slot before the run is recorded, and names what every further line is searched by."""

from __future__ import annotations

import pytest
from sluice.errors import RetryableError
from sluice.events import PipelineStatusChanged
from sluice.pipeline_runs.status_change import apply_status_change

from tests.builders.run_examples import ARN, running, succeeded
from tests.fakes.sluice_world import GROUP, SluiceWorld, sluice_world


@pytest.fixture
def world() -> SluiceWorld:
    world = sluice_world()
    world.registry.add(GROUP, 7)
    return world


def changed(status: str, pipeline: str = GROUP) -> PipelineStatusChanged:
    return PipelineStatusChanged(execution=ARN + "one", pipeline=pipeline, display_name="data-1", status=status)


def test_the_keys_of_a_run_are_known_before_anything_can_fail(world: SluiceWorld) -> None:
    world.faults.at = 1
    with pytest.raises(RetryableError):
        apply_status_change(changed("Executing"), world.ports)
    assert world.telemetry.keys == {"execution": ARN + "one", "run": "data-1", "model": "fraud"}


def test_a_run_that_does_not_hold_the_slot_frees_nothing_and_is_recorded(world: SluiceWorld) -> None:
    world.run_reader.executions[ARN + "one"] = succeeded()
    result = apply_status_change(changed("Succeeded"), world.ports)
    assert result == {"execution": ARN + "one", "freed": False, "status": "Succeeded"}
    assert world.wakeups.booked == []


def test_a_run_is_recorded_and_told_although_its_queue_cannot_be_woken(
    world: SluiceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep wakes the queue; nothing but this would tell of the run once another one has its slot."""
    world.run_reader.executions[ARN + "one"] = succeeded()

    def out(*_request: object) -> bool:
        raise RetryableError("the table does not answer")

    monkeypatch.setattr(world.ports.run_slots, "mark_ended", out)
    with pytest.raises(RetryableError):
        apply_status_change(changed("Succeeded"), world.ports)
    assert world.events.kinds() == ["PipelineSucceeded"]


def test_the_event_of_a_step_records_and_frees_nothing(world: SluiceWorld) -> None:
    world.run_reader.executions[ARN + "one"] = running()
    result = apply_status_change(changed(""), world.ports)
    assert result == {"execution": ARN + "one", "freed": False, "status": "Executing"}


def test_the_pipeline_of_somebody_else_has_no_model(world: SluiceWorld) -> None:
    other = PipelineStatusChanged(
        execution=ARN.replace(GROUP, "churn") + "one", pipeline="churn", display_name="x", status="Succeeded"
    )
    assert apply_status_change(other, world.ports)["status"] is None
    assert "model" not in world.telemetry.keys
