"""A way back never gives up, waits for no execution that sleeps, and starts again as often as it is asked to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sluice.aws.metric_data import Counts
from sluice.errors import AwsRefusedError
from sluice.rollout.tasks.abort_rollout import abort_rollout
from sluice.rollout_id import RolloutId
from sluice.sweep.sweep import sweep

from functions.open_rollout.app import run as open_rollout
from functions.provision_candidate.app import run as provision
from functions.roll_back.app import run as restore
from tests.builders.aws_clients import refusal
from tests.fakes.sluice_world import (
    ENDPOINT,
    SluiceWorld,
    live_variants,
    outcome_of,
    rejection_of,
    sluice_world,
    spec_with_rollout,
)

ROLLOUT = "fraud-2-1"
ALARM = f"{ENDPOINT}-2-1-errors"
ID = RolloutId.required(ROLLOUT)
SEEN = {name: Counts(1800, 2) for name in ("v1", "v2", "v3")}
ABORT = {"detail-type": "RolloutAbortRequested", "detail": {"rollout": ROLLOUT}}
GATED = {"stages": [{"weight": 50, "bake": "5m", "gate": "human"}], "max_hold": "10m"}


class Reached(Exception):
    """The rollout has come as far as the test wants it."""


def world_at(state: str, **rollout: object) -> SluiceWorld:
    """Version 1 is live, and the execution that rolls version 2 out is about to enter a state."""
    world = sluice_world(spec_with_rollout(**rollout))
    world.live(1)
    world.metrics.per_period = dict(SEEN)
    assert world.approve(2) == ROLLOUT

    def stop(name: str) -> None:
        if name == state:
            raise Reached

    with pytest.raises(Reached):
        world.play(ROLLOUT, on_state=stop)
    world.hosting.settle()
    return world


def world_held_at_a_gate(days: float) -> SluiceWorld:
    """Version 2 has had half of the traffic for days; its execution sleeps, as nobody opens the gate."""
    world = world_at("AnalyzeStage", **GATED)

    def stop(name: str) -> None:
        if name == "Bake" and world.ports.store.get(ID).held_by is not None:
            raise Reached

    with pytest.raises(Reached):
        world.play(ROLLOUT, on_state=stop)
    world.clock.pass_seconds(days * 86_400)
    assert live_variants(world) == {"v1": 50.0, "v2": 50.0}
    return world


def refuse_changes(world: SluiceWorld, hours: float) -> None:
    """SageMaker refuses every change of an endpoint for so long, as when a quota is used up."""
    until = world.clock.now() + timedelta(hours=hours)
    error = refusal("UpdateEndpoint", "ResourceLimitExceeded", "The account-level service limit is 4 Instances.")

    def refusing(call: Callable[..., None]) -> Callable[..., None]:
        def attempt(*given: Any, **named: Any) -> None:
            if world.clock.now() < until:
                raise error
            call(*given, **named)

        return attempt

    for name in ("set_weights", "set_capacity", "update_endpoint"):
        setattr(world.hosting, name, refusing(getattr(world.hosting, name)))


def assert_restored(world: SluiceWorld) -> None:
    assert live_variants(world) == {"v1": 100.0}
    assert world.ports.store.get(ID).is_closed
    assert world.ports.locks.holder(ENDPOINT) is None


def told(world: SluiceWorld, kind: str = "RolloutStuck") -> int:
    return sum(published == kind for published, _ in world.events.published)


# Never stop


@pytest.mark.parametrize("hours", [2, 30, 24 * 20])
def test_a_way_back_that_sagemaker_refuses_for_days_ends_when_it_does_no_more(hours: float) -> None:
    world = world_at("AnalyzeStage")
    refuse_changes(world, hours)
    with pytest.raises(AwsRefusedError):
        world.ring(ALARM)
    began = world.clock.now()
    assert world.play(ROLLOUT) == "RolledBack"
    assert_restored(world)
    assert world.clock.now() - began < timedelta(hours=hours) + timedelta(minutes=30), "it waits no longer than it must"


def test_an_endpoint_that_goes_out_of_service_is_restored_when_it_is_back() -> None:
    """Whether SageMaker takes an update of it meanwhile is not documented: here it does not, for two hours."""
    world = world_at("AnalyzeStage")
    refuse_changes(world, 2)
    until = world.clock.now() + timedelta(hours=2)
    world.hosting.endpoints[ENDPOINT] = replace(world.hosting.endpoints[ENDPOINT], status="OutOfService")
    world.ports.store.fence(ID, "alarm", "alarm rang", world.clock.now())

    def come_back(_state: str) -> None:
        now = world.hosting.endpoints[ENDPOINT]
        if world.clock.now() >= until and now.status == "OutOfService":
            world.hosting.endpoints[ENDPOINT] = replace(now, status="InService")

    assert world.play(ROLLOUT, on_state=come_back) == "RolledBack"
    assert outcome_of(world, ROLLOUT) == ("rolled_back", "alarm rang")
    assert list(live_variants(world)) == ["v1"]
    assert world.ports.locks.holder(ENDPOINT) is None


def test_an_execution_that_takes_longer_than_step_functions_lets_it_is_followed_by_another() -> None:
    world = world_at("AnalyzeStage")
    refuse_changes(world, 24 * 40)
    with pytest.raises(AwsRefusedError):
        world.ring(ALARM)
    assert world.play(ROLLOUT) == "TimedOut"
    with pytest.raises(AwsRefusedError):
        world.end_execution(ROLLOUT, "TIMED_OUT")
    assert world.play(ROLLOUT, mode="restore") == "RolledBack"
    assert_restored(world)


def die(world: SluiceWorld, executions: int) -> str:
    """That many executions that restore have died; the name of the last."""
    names = [ROLLOUT, *(f"{ROLLOUT}-restore-{number}" for number in range(1, executions + 1))]
    world.executions.started = list(names)
    world.executions.ended = dict.fromkeys(names, "FAILED")
    world.ports.store.fence(ID, "failed", "execution FAILED", world.clock.now())
    world.ports.store.note_restore(ID, executions)
    world.clock.pass_seconds(3600)
    return names[-1]


def swept(world: SluiceWorld) -> None:
    """A sweep comes, and what it replays is delivered."""
    before = len(world.events.published)
    sweep(world.ports)
    for kind, detail in world.events.published[before:]:
        if kind in ("Step Functions Execution Status Change", "RolloutAbortRequested"):
            abort_rollout({"source": "sluice", "detail-type": kind, "detail": detail}, world.ports)
    world.hosting.settle()


@pytest.mark.parametrize("executions", [1, 10, 11, 500])
def test_the_sweep_tries_and_restores_again_however_many_executions_died(executions: int) -> None:
    world = world_at("AnalyzeStage")
    die(world, executions)
    swept(world)
    assert live_variants(world)["v2"] == 0.0
    assert world.executions.started[-1] == f"{ROLLOUT}-restore-{executions + 1}"
    assert world.play(ROLLOUT, mode="restore") == "RolledBack"
    assert_restored(world)


@pytest.mark.parametrize("executions", [10, 11])
def test_a_person_can_begin_again_however_many_executions_died(executions: int) -> None:
    world = world_at("AnalyzeStage")
    die(world, executions)
    assert abort_rollout(ABORT, world.ports) == {"rollout": ROLLOUT, "moved": "weights"}
    assert world.executions.started[-1] == f"{ROLLOUT}-restore-{executions + 1}"


def test_executions_that_die_at_once_follow_each_other_at_the_pace_of_the_sweep() -> None:
    """Each death is an event: one that is certain must not start the next within a second, for ever."""
    world = world_at("AnalyzeStage")
    last = die(world, 10)
    detail = {"name": last, "status": "FAILED"}
    event = {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}
    assert abort_rollout(event, world.ports)["moved"] == "weights", "what can be done at once is done"
    assert world.executions.started[-1] == last
    swept(world)
    assert world.executions.started[-1] == f"{ROLLOUT}-restore-11"


def test_people_are_told_after_an_hour_and_then_once_a_day() -> None:
    world = world_at("AnalyzeStage")
    world.ports.store.fence(ID, "alarm", "too many errors", world.clock.now())
    world.ports.store.begin_restoring(ID)
    world.clock.pass_seconds(50 * 60)
    swept(world)
    assert told(world) == 0
    for _ in range(3 * 24 * 12):
        world.clock.pass_seconds(300)
        swept(world)
    assert told(world) == 3
    (reason, *_) = [detail["reason"] for kind, detail in world.events.published if kind == "RolloutStuck"]
    assert "too many errors" in reason


def test_a_way_back_that_sagemaker_rolls_back_each_time_is_told_once_a_day() -> None:
    world = world_at("AnalyzeStage")
    until = world.clock.now() + timedelta(hours=30)

    def no_capacity(_state: str) -> None:
        model = world.ports.store.get(ID).planned().baseline
        assert model is not None
        (world.hosting.unhealthy.add if world.clock.now() < until else world.hosting.unhealthy.discard)(model.model)

    no_capacity("")
    world.ring(ALARM)
    assert world.play(ROLLOUT, on_state=no_capacity) == "RolledBack"
    assert told(world) == 2
    world.metrics.alarms.clear()
    assert_restored(world)


# Wait for no execution that sleeps

FENCES: dict[str, Callable[[SluiceWorld], object]] = {
    "an alarm": lambda world: world.ring(ALARM),
    "a person": lambda world: abort_rollout(ABORT, world.ports),
    "a newer approval": lambda world: world.approve(3),
    "its rejection": lambda world: open_rollout(rejection_of(world, 2), world.ports),
}


@pytest.mark.parametrize("fence", FENCES.values(), ids=FENCES)
@pytest.mark.parametrize("days", [5, 25])
def test_a_rollout_that_is_held_for_days_goes_back_within_minutes(
    fence: Callable[[SluiceWorld], object], days: float
) -> None:
    world = world_held_at_a_gate(days)
    began = world.clock.now()
    fence(world)
    assert f"{ROLLOUT}-restore-1" in world.executions.started
    assert world.play(ROLLOUT, mode="restore") == "RolledBack"
    assert world.clock.now() - began < timedelta(minutes=5)
    assert_restored(world)
    assert world.play(ROLLOUT) == "RolledBack", "the one that slept finds the record closed"
    assert told(world, "RolloutRolledBack") == 1


def test_what_follows_a_rollout_that_is_held_for_days_begins_within_minutes() -> None:
    world = world_held_at_a_gate(25)
    began = world.clock.now()
    follower = world.approve(3)
    world.play(ROLLOUT, mode="restore")

    def stop(state: str) -> None:
        if state == "ProvisionCandidate":
            raise Reached

    with pytest.raises(Reached):
        world.play(follower, on_state=stop)
    assert world.clock.now() - began < timedelta(minutes=5)


def test_a_fence_whose_event_was_lost_is_found_by_the_sweep() -> None:
    world = world_held_at_a_gate(5)
    world.ports.store.fence(ID, "aborted", "aborted by ada", world.clock.now())  # as the command does, first of all
    swept(world)
    assert world.executions.started[-1] == ROLLOUT, "its event may still be on its way"
    world.clock.pass_seconds(180)
    swept(world)
    assert live_variants(world)["v2"] == 0.0
    assert world.executions.started[-1] == f"{ROLLOUT}-restore-1"


# What restores beside a task that is still at work

LONGEST_TASK_SECONDS = 90


@pytest.mark.parametrize("strategy", ["canary", "all_at_once", "blue_green", "shadow"])
def test_a_task_at_work_when_the_rollout_is_fenced_cannot_take_the_version_live_afterwards(strategy: str) -> None:
    """It read the record before the fence, and changes the endpoint as late as a function can."""
    world = world_at("ProvisionCandidate", strategy=strategy, shadow={"duration": "5m"})
    update = world.hosting.update_endpoint
    fenced: list[datetime] = []

    def late(*given: Any, **named: Any) -> None:
        """What restores beside it comes again and again meanwhile."""
        if not fenced:
            fenced.append(world.clock.now())
            abort_rollout(ABORT, world.ports)
            for _ in range(LONGEST_TASK_SECONDS // 10):
                restore({"rollout_id": ROLLOUT, "execution": f"{ROLLOUT}-restore-1", "context": {}}, world.ports)
                world.clock.pass_seconds(10)
        update(*given, **named)

    world.hosting.update_endpoint = late  # type: ignore[method-assign]
    provision({"rollout_id": ROLLOUT}, world.ports)
    assert world.play(ROLLOUT, mode="restore") == "RolledBack"
    world.hosting.settle()
    assert_restored(world)
    assert outcome_of(world, ROLLOUT)[0] == "rolled_back"
