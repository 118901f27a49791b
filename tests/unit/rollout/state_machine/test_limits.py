"""What AWS allows a rollout: history events, time per task, and who may go when."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError
from samtranslator.yaml_helper import yaml_parse
from sluice.aws.metric_data import Counts
from sluice.errors import RetryableError
from sluice.rollout.model.plan import PlanError
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec

from functions.open_rollout.app import run as open_rollout
from functions.plan_rollout.app import run as plan
from tests.builders.aws_clients import translating
from tests.fakes.sluice_world import MACHINE, SPEC, SluiceWorld, approval_of, sluice_world

ROOT = Path(__file__).parents[4]
ENDPOINT = "sluice-dev-fraud"
HISTORY_EVENTS = 25_000
EVENTS_OF = {"Task": 5, "Choice": 2, "Wait": 2, "Succeed": 2, "Fail": 2}
GOOD = {"v1": Counts(1800, 2), "v2": Counts(1000, 0), "v3": Counts(1000, 0)}


class Enough(BaseException):
    """The test has seen what it came for."""


def world_with(**rollout: Any) -> SluiceWorld:
    raw = SPEC.to_json()
    raw["rollout"].update(rollout)
    world = sluice_world(ModelSpec.parse(raw))
    world.live(1)
    world.metrics.per_period = dict(GOOD)
    return world


def record(world: SluiceWorld, rollout: str) -> Any:
    return world.ports.store.get(RolloutId.required(rollout))


def events_within(world: SluiceWorld, rollout: str, **time: int) -> int:
    """History events of an execution in the given time; it has to last that long."""
    events, end = 0, world.clock.at + timedelta(**time)

    def count(state: str) -> None:
        nonlocal events
        events += EVENTS_OF[MACHINE["States"][state]["Type"]]
        if world.clock.at >= end:
            raise Enough

    with pytest.raises(Enough):
        world.play(rollout, on_state=count, limit=HISTORY_EVENTS)
    return events


def test_a_queued_rollout_can_wait_for_two_weeks() -> None:
    world = world_with(on_new_version="queue")
    world.approve(2)
    plan({"rollout_id": "fraud-2-1"}, world.ports)  # holds the lock from here on
    world.clock.pass_seconds(60)
    assert events_within(world, world.approve(3), days=14) < HISTORY_EVENTS / 2


def test_a_paused_rollout_can_wait_for_days() -> None:
    world = world_with(on_doubt="pause", max_hold="10m")
    world.metrics.per_period = {}
    assert events_within(world, world.approve(2), days=2) < HISTORY_EVENTS / 10


def test_an_endpoint_that_changes_for_hours_does_not_use_up_the_history() -> None:
    world = world_with()
    rollout = world.approve(2)
    world.hosting.settle = lambda: None  # type: ignore[method-assign]
    assert events_within(world, rollout, hours=8) < HISTORY_EVENTS / 2


def test_queued_versions_go_live_in_the_order_of_their_approvals() -> None:
    world = world_with(on_new_version="queue")
    first = world.approve(2)
    world.clock.pass_seconds(60)
    second = world.approve(3)
    assert plan({"rollout_id": second}, world.ports)["status"] == "WAIT"
    assert plan({"rollout_id": first}, world.ports)["status"] == "READY"
    assert world.play(first) == "Promoted"
    assert plan({"rollout_id": second}, world.ports)["status"] == "READY"


def test_an_approval_while_its_version_is_taken_back_is_a_new_attempt() -> None:
    world = world_with()
    world.approve(2)
    world.clock.pass_seconds(60)
    world.approve(3)
    assert record(world, "fraud-2-1").fence.kind == "superseded"
    arn = record(world, "fraud-2-1").package_arn
    assert open_rollout(approval_of(arn), world.ports) == {"rollout": "fraud-2-1"}, "the same approval once more"
    world.clock.pass_seconds(60)
    world.registry.approve(arn)
    assert open_rollout(approval_of(arn), world.ports) == {"rollout": "fraud-2-2"}
    assert record(world, "fraud-3-1").fence.kind == "superseded"
    for rollout, end in (("fraud-2-1", "RolledBack"), ("fraud-3-1", "RolledBack"), ("fraud-2-2", "Promoted")):
        assert world.play(rollout) == end


def test_a_version_rejected_by_a_person_stops_in_mid_canary() -> None:
    world = world_with()
    rollout = world.approve(2)

    def reject(state: str) -> None:
        if state == "Bake":
            world.registry.reject(record(world, rollout).package_arn, "the auditors said no")

    assert world.play(rollout, on_state=reject) == "RolledBack"
    assert record(world, rollout).outcome == "withdrawn"
    assert next(each for each in world.registry.packages.values() if each.version == 2).description == (
        "the auditors said no"
    )


def test_alarms_are_made_only_when_the_fleet_stands_by() -> None:
    """An alarm may use data from before it was made, such as an earlier attempt's on the same variant."""
    world = world_with()
    seen: dict[str, bool] = {}

    def remember(state: str) -> None:
        seen.setdefault(state, bool(world.metrics.alarms))

    assert world.play(world.approve(2), on_state=remember) == "Promoted"
    assert seen["WaitForFleet"] is False
    assert seen["ShiftTraffic"] is True


def test_a_baseline_without_a_config_is_no_way_back() -> None:
    world = world_with()
    now = world.hosting.endpoints[ENDPOINT]
    bare = replace(now.variants[0], model="", instance_type="")
    world.hosting.endpoints[ENDPOINT] = replace(now, variants=(bare,))
    world.approve(2)
    with pytest.raises(PlanError, match="no way back"):
        plan({"rollout_id": "fraud-2-1"}, world.ports)


def test_a_task_outlives_its_function_and_is_tried_again_after_a_timeout() -> None:
    """A retry beside a first attempt that still runs would be two writers of one endpoint."""
    template = yaml_parse((ROOT / "template.yaml").read_text())
    longest = template["Globals"]["Function"]["Timeout"]
    for name, state in MACHINE["States"].items():
        if state["Type"] != "Task":
            continue
        function = template["Resources"][state["Parameters"]["FunctionName"].strip("${}").removesuffix("Arn")]
        assert state["TimeoutSeconds"] > function["Properties"].get("Timeout", longest), name
        retried = {error for retrier in state["Retry"] for error in retrier["ErrorEquals"]}
        assert {"States.Timeout", "Sandbox.Timedout", "Lambda.Unknown"} <= retried or "States.ALL" in retried, name
        assert {"RetryableError", "ThrottledError", "EndpointBusyError"} <= retried or "States.ALL" in retried, name


def test_the_machine_names_no_partition() -> None:
    assert "arn:aws" not in json.dumps(MACHINE)


def test_an_execution_started_by_hand_without_a_mode_restores() -> None:
    world = world_with()
    choice = MACHINE["States"]["ChooseMode"]
    assert choice["Choices"][0] == {"Variable": "$.mode", "IsPresent": False, "Next": "RollBack"}
    assert world.play(world.approve(2), mode="anything") == "RolledBack"


def test_a_network_that_fails_is_an_error_that_a_retry_helps() -> None:
    def hang(**_request: object) -> None:
        raise ReadTimeoutError(endpoint_url="https://api.sagemaker")

    with pytest.raises(RetryableError, match="Read timeout"):
        translating(SimpleNamespace(describe_endpoint=hang)).describe_endpoint(EndpointName=ENDPOINT)
