"""A model moves to an endpoint of another name: the old one serves on, and everything follows the last promotion."""

from __future__ import annotations

from dataclasses import replace

from sluice.live import live_version

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
    world.clock.pass_seconds(1)
    arn = next(arn for arn, each in world.registry.packages.items() if each.version == 2)
    world.registry.reject(arn, "it insults customers")
    event = approval_of(arn)
    event["detail"]["ModelApprovalStatus"] = "Rejected"
    assert world.play(str(open_rollout(event, world.ports)["rollout"])) == "Promoted"
    assert serving(world)[f"{ENDPOINT}-b"] == ["v1"]
