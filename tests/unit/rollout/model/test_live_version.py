"""Which version is live."""

from __future__ import annotations

from dataclasses import replace

from sluice.rollout.model.live_version import live_package, live_version

from tests.fakes.sluice_world import GROUP, SluiceWorld, sluice_world

ENDPOINT = "sluice-dev-fraud"


class Reached(Exception):
    """The rollout stands where the test wants it."""


def stop_at(world: SluiceWorld, state: str, version: int) -> None:
    def stop(name: str) -> None:
        if name == state:
            raise Reached

    try:
        world.play(world.approve(version), on_state=stop)
    except Reached:
        world.hosting.settle()


def serve(world: SluiceWorld, name: str, model: str) -> None:
    state = world.hosting.endpoints[ENDPOINT]
    world.hosting.endpoints[ENDPOINT] = replace(state, variants=(replace(state.variants[0], name=name, model=model),))


def test_nothing_is_live_before_the_first_promotion() -> None:
    world = sluice_world()
    assert live_version("fraud", world.ports) is None
    assert live_package("fraud", world.ports) is None


def test_what_was_promoted_is_live() -> None:
    world = sluice_world()
    world.live(6)
    assert live_version("fraud", world.ports) == 6
    package = live_package("fraud", world.ports)
    assert package is not None
    assert (package.group, package.version) == (GROUP, 6)


def test_while_a_canary_runs_its_baseline_is_live_even_when_it_is_the_newer_version() -> None:
    world = sluice_world()
    world.live(6)
    stop_at(world, "AnalyzeStage", 5)
    assert {each.name for each in world.hosting.endpoints[ENDPOINT].variants} == {"v5", "v6"}
    assert live_version("fraud", world.ports) == 6


def test_a_version_that_serves_alone_is_live_before_its_promotion_is_recorded() -> None:
    world = sluice_world()
    world.live(6)
    serve(world, name="v7", model="sluice-dev-fraud-7-1-model")
    assert live_version("fraud", world.ports) == 7


def test_the_model_tells_the_version_as_a_deployment_keeps_the_variants_name() -> None:
    world = sluice_world()
    world.live(6)
    serve(world, name="v6", model="sluice-dev-fraud-7-1-model")
    assert live_version("fraud", world.ports) == 7


def test_an_endpoint_that_does_not_serve_has_no_live_version() -> None:
    world = sluice_world()
    world.live(6)
    world.hosting.endpoints[ENDPOINT] = replace(world.hosting.endpoints[ENDPOINT], status="Failed")
    assert live_version("fraud", world.ports) is None


def test_a_variant_that_is_not_ours_is_no_version() -> None:
    world = sluice_world()
    world.live(6)
    serve(world, name="AllTraffic", model="made-by-hand")
    assert live_version("fraud", world.ports) is None
