"""What is logged when a rollout is aborted from outside: why, and what was moved at once."""

from __future__ import annotations

from typing import Any

import pytest
from sluice.aws.metric_data import Counts
from sluice.errors import RetryableError
from sluice.rollout.tasks.abort_rollout import abort_rollout
from sluice.rollout_id import RolloutId

from tests.fakes.sluice_world import SluiceWorld, live_variants, sluice_world, spec_with_rollout

ROLLOUT = "fraud-2-1"
ALARM = "sluice-dev-fraud-2-1-errors"


class Reached(Exception):
    """The rollout has its first share of the traffic."""


def world_in_a_canary() -> SluiceWorld:
    world = sluice_world(spec_with_rollout())
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(200, 0)}
    world.approve(2)

    def stop(state: str) -> None:
        if state == "AnalyzeStage":
            raise Reached

    with pytest.raises(Reached):
        world.play(ROLLOUT, on_state=stop)
    world.telemetry.lines.clear()
    return world


def aborted(world: SluiceWorld) -> list[dict[str, Any]]:
    return [fields for _, message, fields in world.telemetry.lines if message == "rollout aborted"]


def test_an_alarm_is_logged_with_what_was_moved() -> None:
    world = world_in_a_canary()
    assert world.ring(ALARM) == {"rollout": ROLLOUT, "moved": "weights"}
    (line,) = aborted(world)
    expected = {
        "cause": "alarm",
        "reason": f"alarm {ALARM}: Threshold Crossed",
        "moved": "weights",
        "rollout": ROLLOUT,
        "model": "fraud",
        "version": "2",
        "endpoint": "sluice-dev-fraud",
    }
    assert line.items() >= expected.items()


def test_a_persons_abort_stands_although_step_functions_does_not_answer() -> None:
    world = world_in_a_canary()
    request = {"detail-type": "RolloutAbortRequested", "detail": {"rollout": ROLLOUT, "by": "ada", "reason": "no"}}

    def throttled(rollout_id: RolloutId, attempt: int) -> bool:
        raise RetryableError(f"ThrottlingException: {rollout_id}, {attempt}")

    answer = world.executions.start_restore
    world.executions.start_restore = throttled  # type: ignore[method-assign]
    with pytest.raises(RetryableError):
        abort_rollout(request, world.ports)
    fence = world.ports.store.get(RolloutId.required(ROLLOUT)).fence
    assert fence is not None
    assert fence.kind == "aborted"
    world.hosting.settle()
    assert live_variants(world) == {"v1": 100.0, "v2": 0.0}, "the traffic does not wait for it"
    world.executions.start_restore = answer  # type: ignore[method-assign]
    assert abort_rollout(request, world.ports) == {"rollout": ROLLOUT, "moved": ""}
    assert world.executions.started[-1] == f"{ROLLOUT}-restore-1"


def test_an_execution_that_ended_is_logged_with_its_name() -> None:
    world = world_in_a_canary()
    world.end_execution(ROLLOUT)
    (line,) = aborted(world)
    assert line.items() >= {"cause": "failed", "execution": ROLLOUT, "moved": "weights"}.items()


def test_a_later_reason_does_not_replace_the_cause() -> None:
    world = world_in_a_canary()
    world.ring(ALARM)
    world.end_execution(ROLLOUT)
    assert [line["cause"] for line in aborted(world)] == ["alarm", "alarm"]


def test_what_is_ignored_is_no_abort() -> None:
    world = world_in_a_canary()
    assert "ignored" in world.ring("sluice-dev-fraud-9-1-errors")
    assert "ignored" in world.ring("somebody-elses")
    assert aborted(world) == []


def test_a_name_of_a_restoring_execution_that_is_taken_is_passed_over() -> None:
    world = world_in_a_canary()
    world.executions.ended |= {f"{ROLLOUT}-restore-1": "FAILED", f"{ROLLOUT}-restore-2": "SUCCEEDED"}
    world.end_execution(ROLLOUT)
    assert world.executions.started[-1] == f"{ROLLOUT}-restore-3"


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED", "FAILED"])
def test_a_rollout_that_a_person_stops_is_restored_even_if_its_execution_sleeps_or_is_gone(status: str) -> None:
    world = world_in_a_canary()
    if status != "RUNNING":
        world.executions.ended[ROLLOUT] = status
    abort_rollout({"detail-type": "RolloutAbortRequested", "detail": {"rollout": ROLLOUT}}, world.ports)
    assert f"{ROLLOUT}-restore-1" in world.executions.started
