"""A model moves to an endpoint of another name: the old one serves on, and everything follows the last promotion."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sluice.aws.metric_data import Counts
from sluice.rollout.model.live_version import live_version
from sluice.rollout_id import RolloutId

from functions.open_rollout.app import run as open_rollout
from tests.fakes.sluice_world import ENDPOINT, SluiceWorld, approval_of, sluice_world


def moved() -> SluiceWorld:
    """Version 1 is live; the spec has got a suffix since."""
    world = sluice_world()
    world.live(1)
    spec = world.specs.specs["fraud"]
    world.specs.specs["fraud"] = replace(spec, endpoint=replace(spec.endpoint, suffix="b"))
    return world


def serving(world: SluiceWorld) -> dict[str, list[str]]:
    world.hosting.settle()
    return {name: [each.name for each in state.variants] for name, state in world.hosting.endpoints.items()}


def test_the_old_endpoint_is_the_live_one_until_the_new_one_is_promoted() -> None:
    world = moved()
    rollout = world.approve(2)
    assert live_version("fraud", world.ports) == 1
    assert world.play(rollout) == "Promoted"
    assert serving(world) == {ENDPOINT: ["v1"], f"{ENDPOINT}-b": ["v2"]}
    assert live_version("fraud", world.ports) == 2


def test_the_last_good_version_comes_back_where_the_rejected_one_serves() -> None:
    world = moved()
    world.live(2)
    assert world.play(reject(world, 2)) == "Promoted"
    assert serving(world)[f"{ENDPOINT}-b"] == ["v1"]


def reject(world: SluiceWorld, version: int) -> str:
    """Reject a version, deliver the event; the rollout that it opens."""
    world.clock.pass_seconds(1)
    arn = next(arn for arn, each in world.registry.packages.items() if each.version == version)
    world.registry.reject(arn, "it insults customers")
    event = approval_of(arn)
    event["detail"]["ModelApprovalStatus"] = "Rejected"
    return str(open_rollout(event, world.ports)["rollout"])


@pytest.mark.parametrize("successor", [{"suffix": "b"}, {"suffix": "b", "type": "async"}, {"type": "serverless"}])
def test_the_last_good_version_comes_back_though_the_spec_describes_another_endpoint(
    successor: dict[str, Any],
) -> None:
    world = sluice_world()
    world.live(1)
    world.live(2)
    spec = world.specs.specs["fraud"]
    world.specs.specs["fraud"] = replace(spec, endpoint=replace(spec.endpoint, **successor))
    rollout = reject(world, 2)
    assert world.play(rollout) == "Promoted"
    assert serving(world) == {ENDPOINT: ["v1"]}
    assert world.ports.store.get(RolloutId.required(rollout)).planned().endpoint == ENDPOINT


def test_a_rollout_goes_on_where_it_was_opened_if_the_spec_gets_a_suffix_before_its_turn() -> None:
    world = sluice_world()
    world.live(1)
    rollout = world.approve(2)
    spec = world.specs.specs["fraud"]
    world.specs.specs["fraud"] = replace(spec, endpoint=replace(spec.endpoint, suffix="b"))
    world.metrics.per_period["v2"] = Counts(2000, 0)
    assert world.play(rollout) == "Promoted"
    assert serving(world) == {ENDPOINT: ["v2"]}
    assert world.ports.store.get(RolloutId.required(rollout)).planned().endpoint == ENDPOINT
