"""What a rollback says of itself: one line and its metrics, by whoever closes it, however often it is asked for."""

from __future__ import annotations

from typing import Any

import pytest
from sluice.aws.metric_data import Counts
from sluice.rollout_id import RolloutId

from functions.roll_back.app import run as roll_back
from tests.fakes.sluice_world import SluiceWorld, sluice_world, spec_with_rollout

ROLLOUT = "fraud-2-1"
ALARM = "sluice-dev-fraud-2-1-errors"


def world_in_a_canary() -> SluiceWorld:
    world = sluice_world(spec_with_rollout())
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(200, 0)}
    world.telemetry.lines.clear()
    world.telemetry.metrics.clear()
    assert world.approve(2) == ROLLOUT
    return world


def rolled_back_by_an_alarm() -> SluiceWorld:
    world = world_in_a_canary()

    def ring(state: str) -> None:
        if state == "AnalyzeStage":
            world.ring(ALARM)

    assert world.play(ROLLOUT, on_state=ring) == "RolledBack"
    return world


def ended(world: SluiceWorld) -> list[dict[str, Any]]:
    return [fields for _, message, fields in world.telemetry.lines if message == "rollback ended"]


def measured(world: SluiceWorld, *names: str) -> list[tuple[str, str, str]]:
    return [(name, model, cause) for name, _, model, cause in world.telemetry.metrics if name in names]


def seconds(world: SluiceWorld, metric: str) -> list[float]:
    return [value for name, value, _, _ in world.telemetry.metrics if name == metric]


def test_a_rollback_is_logged_with_its_cause_its_reason_and_how_long_it_took() -> None:
    world = rolled_back_by_an_alarm()
    record = world.ports.store.get(RolloutId.required(ROLLOUT))
    assert record.fence is not None
    assert record.closed_at is not None
    took = (record.closed_at - record.fence.at).total_seconds()
    (line,) = ended(world)
    expected = {
        "cause": "alarm",
        "outcome": "rolled_back",
        "reason": f"alarm {ALARM}: Threshold Crossed",
        "seconds_to_restore": took,
        "rollout": ROLLOUT,
        "model": "fraud",
        "version": "2",
        "endpoint": "sluice-dev-fraud",
    }
    assert line.items() >= expected.items()
    assert seconds(world, "TimeToRestore") == [took]
    assert seconds(world, "RolloutDuration") == [(record.closed_at - record.approved_at).total_seconds()]
    assert took > 0


def test_a_rollback_is_counted_by_its_cause() -> None:
    world = rolled_back_by_an_alarm()
    assert measured(world, "RolloutRolledBack", "RolloutFailed") == [("RolloutRolledBack", "fraud", "alarm")]


def test_a_rollback_that_is_asked_for_again_is_neither_logged_nor_counted_again() -> None:
    world = rolled_back_by_an_alarm()
    before = list(world.telemetry.lines), list(world.telemetry.metrics)
    assert roll_back({"rollout_id": ROLLOUT, "context": {}}, world.ports)["status"] == "READY"
    assert (world.telemetry.lines, world.telemetry.metrics) == before


def test_a_rollout_that_failed_is_counted_as_such() -> None:
    world = world_in_a_canary()
    context = {"failure": {"Error": "LookupError", "Cause": '{"errorMessage": "no such thing"}'}}
    roll_back({"rollout_id": ROLLOUT, "context": context}, world.ports)
    (line,) = ended(world)
    assert (line["cause"], line["outcome"]) == ("failed", "failed")
    assert line["reason"] == "an error inside Sluice, which the function's log has in full: no such thing"
    assert measured(world, "RolloutRolledBack", "RolloutFailed") == [("RolloutFailed", "fraud", "")]


@pytest.mark.parametrize(
    ("error", "cause", "reason"),
    [
        ("RetryableError", '{"errorMessage": "CreateModel was refused: no room"}', "CreateModel was refused: no room"),
        ("PlanError", '{"errorMessage": "endpoint x is Failed"}', "endpoint x is Failed"),
        ("States.Timeout", "", "a step did not end in time"),
        ("States.TaskFailed", "", "a step failed, and AWS gave no reason"),
    ],
)
def test_a_reason_names_no_class_of_an_exception(error: str, cause: str, reason: str) -> None:
    world = world_in_a_canary()
    roll_back({"rollout_id": ROLLOUT, "context": {"failure": {"Error": error, "Cause": cause}}}, world.ports)
    (line,) = ended(world)
    assert line["reason"] == reason
    told = world.events.published[-1][1]["reason"]
    assert reason in told
    assert "Error" not in told
    package = world.registry.packages[world.ports.store.get(RolloutId.required(ROLLOUT)).package_arn]
    assert package.approval == "Approved", "an error is nothing that is known against the version"


def test_where_nothing_was_planned_there_is_nothing_to_restore() -> None:
    world = world_in_a_canary()
    roll_back({"rollout_id": ROLLOUT, "context": {"step": {"reason": "no room"}}}, world.ports)
    assert seconds(world, "TimeToRestore") == []
    assert len(seconds(world, "RolloutDuration")) == 1


def test_a_baseline_that_could_not_be_restored_has_no_time_to_restore() -> None:
    world = world_in_a_canary()

    def take_over(state: str) -> None:
        if state == "AnalyzeStage":
            world.ring(ALARM)
            world.hosting.endpoints.clear()  # by hand: nothing is left to go back to
            world.hosting._pending.clear()

    world.play(ROLLOUT, on_state=take_over)
    (line,) = ended(world)
    assert line["outcome"] == "failed"
    assert "not restored" in line["reason"]
    assert line["seconds_to_restore"] is None
    assert seconds(world, "TimeToRestore") == []


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        ({"failure": {"Error": "PlanError", "Cause": '{"errorMessage": "no baseline"}'}}, "no baseline"),
        ({"failure": {"Error": "States.Timeout", "Cause": "it took long"}}, "a step did not end in time: it took long"),
        ({"failure": {"Error": "Lambda.Unknown"}}, "a step failed, and AWS gave no reason"),
        ({"step": {"reason": "the endpoint was changed by hand"}}, "the endpoint was changed by hand"),
        ({}, "the rollout failed"),
    ],
)
def test_the_reason_is_what_the_execution_knows(context: dict[str, Any], reason: str) -> None:
    world = world_in_a_canary()
    assert roll_back({"rollout_id": ROLLOUT, "context": context}, world.ports)["reason"] == reason
