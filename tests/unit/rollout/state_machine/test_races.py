"""Alarms, newer approvals, stopped executions and people, each coming between any two calls of a rollout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sluice.aws.metric_data import Counts
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec

from tests.fakes.sluice_world import SPEC, SluiceWorld, agree, sluice_world

ENDPOINT = "sluice-dev-fraud"
ANSWERS = 50  # every look of hundreds of rollouts reads them all
PROVEN_BY_FEW = {"min_requests": ANSWERS, "min_agreement_percent": 80}
GOOD = {"v1": Counts(1800, 2), "v2": Counts(1000, 0), "v3": Counts(1000, 0)}
ROLLOUT = "fraud-2-1"

Act = Callable[[SluiceWorld], Any]


STRATEGIES = pytest.mark.parametrize("strategy", ["canary", "shadow", "blue_green", "all_at_once"])


class ExecutionStopped(BaseException):
    """Someone stopped the execution: no Catch runs."""


def spec_of(strategy: str) -> ModelSpec:
    raw = SPEC.to_json()
    raw["rollout"] |= {"strategy": strategy, "shadow": {"duration": "5m", **PROVEN_BY_FEW}, "watch": "2m"}
    return ModelSpec.parse(raw)


def roll_out(act: Act, at: int, strategy: str = "canary") -> tuple[SluiceWorld, int, str]:
    """Roll version 2 out, with ``act`` before the ``at``-th call; the world, the number of calls, the last state."""
    world = sluice_world(spec_of(strategy))
    world.live(1)
    world.metrics.per_period = dict(GOOD)
    agree(world, answers=ANSWERS)
    rollout = world.approve(2)
    calls, within = 0, False
    around = world.faults.around

    def interrupted(effect: Callable[[], Any]) -> Any:
        nonlocal calls, within
        if within:
            return around(effect)
        calls += 1
        if calls == at:
            within = True
            try:
                act(world)
            finally:
                within = False
        return around(effect)

    world.faults.around = interrupted  # type: ignore[method-assign]
    try:
        last = world.play(rollout)
    except ExecutionStopped:
        last = "stopped"
    within = True
    return world, calls, last


def assert_settled(world: SluiceWorld, rollout: str = ROLLOUT) -> None:
    """One variant serves everything, nothing is held or left over, and the record tells the truth."""
    world.hosting.settle()
    (only,) = world.hosting.endpoints[ENDPOINT].variants
    record = world.ports.store.get(RolloutId.required(rollout))
    assert record.is_closed
    served = world.ports.names.version_served(only.name, only.model)
    assert (served, only.weight) == (2 if record.outcome == "promoted" else 1, 100.0)
    assert world.hosting.endpoints[ENDPOINT].shadows == ()
    assert world.ports.locks.holder(ENDPOINT) is None
    assert world.metrics.alarms == {}
    assert all(sum(weights.values()) > 0 for weights in world.hosting.traffic)


def ring(world: SluiceWorld) -> None:
    world.ring(f"{ENDPOINT}-2-1-errors")
    world.metrics.alarms.pop(f"{ENDPOINT}-2-1-errors")


def stop(_world: SluiceWorld) -> None:
    raise ExecutionStopped


def calls_of(act: Act, strategy: str) -> int:
    return roll_out(act, 0, strategy)[1]


@STRATEGIES
def test_an_alarm_between_any_two_calls_ends_with_one_variant_and_no_lock(strategy: str) -> None:
    total = calls_of(ring, strategy)
    assert total > 40
    outcomes = set()
    for at in range(1, total + 1):
        world, _, last = roll_out(ring, at, strategy)
        assert last in ("Promoted", "RolledBack"), f"at call {at}"
        assert_settled(world)
        outcomes.add(world.ports.store.get(RolloutId.required(ROLLOUT)).outcome)
    assert outcomes == {"rolled_back", "promoted"}, "the last calls come after the end"


@STRATEGIES
def test_an_execution_stopped_between_any_two_calls_is_restored_by_another(strategy: str) -> None:
    for at in range(1, calls_of(stop, strategy) + 1):
        world, _, last = roll_out(stop, at, strategy)
        assert last == "stopped"
        world.end_execution(ROLLOUT, "ABORTED")
        if f"{ROLLOUT}-restore-1" in world.executions.started:
            ended = world.play(ROLLOUT, mode="restore")
            is_promoted = world.ports.store.get(RolloutId.required(ROLLOUT)).outcome == "promoted"
            assert ended == ("Promoted" if is_promoted else "RolledBack"), f"at call {at}"
        follower = world.approve(3)
        assert world.play(follower) == "Promoted", f"the endpoint is free again after a stop at call {at}"


@STRATEGIES
def test_a_newer_approval_between_any_two_calls_takes_over(strategy: str) -> None:
    def approve_newer(world: SluiceWorld) -> None:
        world.clock.pass_seconds(1)
        assert world.approve(3) == "fraud-3-1"

    for at in range(1, calls_of(approve_newer, strategy) + 1):
        world, _, last = roll_out(approve_newer, at, strategy)
        assert last in ("Promoted", "RolledBack"), f"at call {at}"
        agree(world, answers=ANSWERS)
        world.metrics.per_period = {name: Counts(1800, 2) for name in ("v1", "v2", "v3")}
        assert world.play("fraud-3-1") == "Promoted", f"at call {at}"
        world.hosting.settle()
        assert [each.model for each in world.hosting.endpoints[ENDPOINT].variants] == [f"{ENDPOINT}-3-1-model"]
        assert world.ports.locks.holder(ENDPOINT) is None


@pytest.mark.parametrize("act", [ring, stop], ids=["alarm", "stop"])
def test_restoring_executions_side_by_side_do_no_harm(act: Act) -> None:
    """The same event twice, or a replay, starts restores beside the execution that is restoring already."""

    def at_bake(world: SluiceWorld) -> SluiceWorld:
        rollout = world.approve(2)

        def once(state: str) -> None:
            if state == "Bake":
                act(world)
            if state == "WaitForBaseline":
                world.play(rollout, mode="restore")

        try:
            world.play(rollout, on_state=once)
        except ExecutionStopped:
            world.play(rollout, mode="restore", on_state=once)
        return world

    world = sluice_world()
    world.live(1)
    assert_settled(at_bake(world))


def test_a_dead_execution_is_replaced_even_if_the_quick_attempt_fails() -> None:
    world, _, _ = roll_out(stop, at=60)
    world.hosting.settle()

    def refuse(endpoint: str) -> None:
        raise PermissionError(f"AccessDeniedException: {endpoint}")

    world.hosting.describe = refuse  # type: ignore[method-assign]
    with pytest.raises(PermissionError):
        world.end_execution(ROLLOUT, "ABORTED")
    assert world.executions.started[-1] == f"{ROLLOUT}-restore-1"


def test_a_rollback_that_sagemaker_rolls_back_is_reported_and_tried_again() -> None:
    world = sluice_world()
    world.live(1)
    rollout = world.approve(2)
    tries = 0

    def out_of_capacity(state: str) -> None:
        nonlocal tries
        if state == "Bake":
            world.ring(f"{ENDPOINT}-2-1-errors")
        tries += state == "WaitForBaseline"
        model = world.hosting.endpoints[ENDPOINT].variants[0].model
        (world.hosting.unhealthy.add if tries < 12 else world.hosting.unhealthy.discard)(model)

    def once_the_canary_bakes(state: str) -> None:
        if state == "Bake" or tries or "RolloutShifted" in world.events.kinds():
            out_of_capacity(state)

    assert world.play(rollout, on_state=once_the_canary_bakes) == "RolledBack"
    stuck = [detail for kind, detail in world.events.published if kind == "RolloutStuck"]
    assert stuck
    assert all(detail["rollout"] == rollout and "ping failed" in detail["reason"] for detail in stuck)
    world.metrics.alarms.pop(f"{ENDPOINT}-2-1-errors", None)
    assert_settled(world)
