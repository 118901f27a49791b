"""Somebody deletes versions in the Model Registry: one that is deleted is not Approved, and stops nothing."""

from __future__ import annotations

import pytest
from sluice.aws.metric_data import Counts
from sluice.rollout_id import RolloutId

from functions.open_rollout.app import run as open_rollout
from tests.fakes.sluice_world import (
    ENDPOINT,
    GROUP,
    SluiceWorld,
    agree,
    live_variants,
    outcome_of,
    rejection_of,
    sluice_world,
    spec_with_rollout,
)

SEEN = {f"v{version}": Counts(1800, 2) for version in range(1, 6)}
ARN = f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{GROUP}"


def world_with_live(*versions: int, **rollout: object) -> SluiceWorld:
    world = sluice_world(spec_with_rollout(**rollout))
    for version in versions:
        world.live(version)
        world.clock.pass_seconds(60)
        world.metrics.per_period = dict(SEEN)
        agree(world)
    return world


@pytest.mark.parametrize("strategy", ["canary", "all_at_once", "blue_green", "shadow"])
@pytest.mark.parametrize("at", ["PlanRollout", "ProvisionCandidate", "AnalyzeStage", "PromoteCandidate", "RollBack"])
def test_a_version_that_is_deleted_in_mid_rollout_leaves_the_good_one_and_no_lock(strategy: str, at: str) -> None:
    world = world_with_live(1, strategy=strategy, shadow={"duration": "5m"}, watch="5m")
    rollout = world.approve(2)
    seen: list[str] = []

    def delete(state: str) -> None:
        if state == at and not seen:
            world.registry.delete(f"{ARN}/2")
            seen.append(state)
        if at == "RollBack" and state == "WaitForTraffic":
            world.ports.store.fence(RolloutId.required(rollout), "alarm", "it rang", world.clock.now())

    last = world.play(rollout, on_state=delete)
    assert world.ports.store.get(RolloutId.required(rollout)).is_closed
    assert world.ports.locks.holder(ENDPOINT) is None
    assert last == ("RolledBack" if outcome_of(world, rollout)[0] != "promoted" else "Promoted")
    assert world.play(world.approve(3)) == "Promoted", "the endpoint is free"


def test_the_way_back_passes_a_deleted_version_over() -> None:
    world = world_with_live(1, 2, 3)
    world.registry.delete(f"{ARN}/2")
    back = open_rollout(rejection_of(world, 3), world.ports)
    assert back == {"rollout": "fraud-1-2"}
    assert world.play(back["rollout"]) == "Promoted"
    assert live_variants(world) == {"v1": 100.0}


def test_without_any_version_left_nobody_is_promised_a_way_back() -> None:
    world = world_with_live(1, 2)
    world.registry.delete(f"{ARN}/1")
    assert "no other promoted version" in open_rollout(rejection_of(world, 2), world.ports)["ignored"]
    assert world.events.kinds()[-1] == "NoWayBack"


def test_a_lock_whose_holder_the_table_does_not_know_holds_up_nothing() -> None:
    """As after the table was restored from a backup."""
    world = world_with_live(1)
    assert world.ports.locks.acquire(ENDPOINT, RolloutId.required("fraud-9-1"))
    assert world.play(world.approve(2)) == "Promoted"
