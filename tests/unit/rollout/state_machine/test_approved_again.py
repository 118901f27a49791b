"""The version that is live is approved once more, and that comes to nothing: it stays live, and approved."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sluice.rollout.model.live_version import live_version
from sluice.rollout_id import RolloutId

from functions.open_rollout.app import run as open_rollout
from tests.fakes.batch_world import batch_world
from tests.fakes.sluice_world import ENDPOINT, GROUP, SluiceWorld, approval_of, live_variants, sluice_world

ARN = f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{GROUP}/2"
AGAIN = "fraud-2-2"


def with_a_way_back() -> SluiceWorld:
    """Version 2 is live, and version 1 was before: were 2 rejected, 1 would come back."""
    world = sluice_world()
    world.live(1)
    world.live(2)
    return world


def approve_again(world: SluiceWorld) -> None:
    world.clock.pass_seconds(60)
    world.registry.approve(ARN)
    assert open_rollout(approval_of(ARN), world.ports) == {"rollout": AGAIN}


def stop(world: SluiceWorld) -> None:
    world.ports.store.fence(RolloutId.required(AGAIN), "aborted", "on second thoughts", world.clock.now())


def assert_it_stays(world: SluiceWorld) -> None:
    assert world.registry.packages[ARN].approval == "Approved"
    assert live_version("fraud", world.ports) == 2


@pytest.mark.parametrize("stopped_at", ["PlanRollout", "ProvisionCandidate", "PromoteCandidate"])
def test_a_rollout_of_the_live_version_that_is_stopped_leaves_it_live(stopped_at: str) -> None:
    world = with_a_way_back()
    approve_again(world)
    assert world.play(AGAIN, on_state=lambda name: stop(world) if name == stopped_at else None) == "RolledBack"
    assert_it_stays(world)
    assert live_variants(world) == {"v2": 100.0}


def test_the_late_event_of_a_completion_does_not_roll_a_promoted_version_out_again() -> None:
    """A person has noted something on the version since, so it was modified after its rollout had closed."""
    world = with_a_way_back()
    world.clock.pass_seconds(600)
    world.registry.annotate(ARN, {"team": "risk"})
    found = open_rollout(approval_of(ARN, ("ModelPackageStatus",)), world.ports)
    assert found == {"ignored": "fraud/2 has been rolled out: promoted"}


def test_a_live_version_that_fails_on_a_new_endpoint_stays_live_on_the_old_one() -> None:
    world = with_a_way_back()
    spec = world.specs.specs["fraud"]
    world.specs.specs["fraud"] = replace(spec, endpoint=replace(spec.endpoint, suffix="b"))
    world.hosting.unhealthy.add(f"sluice-dev-{AGAIN}-model")
    approve_again(world)
    assert world.play(AGAIN) == "RolledBack"
    assert_it_stays(world)
    assert list(world.hosting.endpoints) == [ENDPOINT], "the one that failed is gone"


def test_a_batch_version_whose_second_rollout_is_stopped_scores_on() -> None:
    world = batch_world()
    world.clock.pass_seconds(60)
    world.live(2)
    approve_again(world)
    assert (
        world.play(AGAIN, on_state=lambda name: stop(world) if name == "ProvisionCandidate" else None) == "RolledBack"
    )
    assert_it_stays(world)
