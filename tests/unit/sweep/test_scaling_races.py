"""The sweep registers a variant while a rollout takes it out of scaling: SageMaker refuses the rollout's update."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sluice.aws.metric_data import Counts
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec
from sluice.spec.scaling import Scaling
from sluice.sweep.scaling import reconcile_scaling

from tests.fakes.sluice_world import ENDPOINT, SPEC, SluiceWorld, agree, outcome_of, sluice_world


def world_with_scaling(strategy: str) -> SluiceWorld:
    raw = SPEC.to_json()
    raw["endpoint"]["scaling"] = {"min": 2, "max": 20}
    raw["rollout"] |= {"strategy": strategy, "shadow": {"duration": "5m"}, "watch": "5m"}
    world = sluice_world(ModelSpec.parse(raw))
    world.live(1)
    world.hosting.settle()
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
    agree(world)
    return world


@pytest.mark.parametrize("strategy", ["canary", "all_at_once", "shadow"])
def test_a_variant_that_is_registered_just_before_the_update_costs_a_retry_and_no_rollout(strategy: str) -> None:
    """Whoever registers it: the sweep, whose check of the lock was a moment ago, or a person."""
    world = world_with_scaling(strategy)
    rollout = world.approve(2)
    deregister, times = world.scaling.deregister, 0

    def registered_again(endpoint: str, variants: Any) -> list[str]:
        nonlocal times
        names = list(variants)
        scaled = [name for name in names if world.scaling.is_scaled(endpoint, name)]
        rules = {name: world.scaling.targets[endpoint, name] for name in scaled}
        found = deregister(endpoint, names)
        times += 1
        if times <= 3:
            for name, each in rules.items():
                world.scaling.ensure(endpoint, name, each)
        return found

    world.scaling.deregister = registered_again  # type: ignore[method-assign]
    assert world.play(rollout) == "Promoted"
    assert times > 3
    assert outcome_of(world, rollout)[0] == "promoted"


def test_a_sweep_that_registers_beside_a_rollout_that_has_just_begun_undoes_it() -> None:
    world = world_with_scaling("canary")
    world.scaling.targets.clear()
    holder = RolloutId.required("fraud-2-1")

    def begin(ensure: Callable[..., bool]) -> Callable[..., bool]:
        def attempt(*given: Any) -> bool:
            assert world.ports.locks.acquire(ENDPOINT, holder)
            return ensure(*given)

        return attempt

    world.scaling.ensure = begin(world.scaling.ensure)  # type: ignore[method-assign]
    assert list(reconcile_scaling("fraud", world.ports)) == []
    assert world.scaling.register == set()


def test_a_sweep_that_corrects_what_was_registered_before_leaves_it_registered() -> None:
    """Its bounds are the rollout's from now on: it sets its floors, and deregisters it when that is due."""
    world = world_with_scaling("canary")
    spec = world.specs.specs["fraud"]
    world.specs.specs["fraud"] = replace(spec, endpoint=replace(spec.endpoint, scaling=Scaling(min=1, max=5)))
    holder = RolloutId.required("fraud-2-1")
    ensure = world.scaling.ensure

    def attempt(*given: Any) -> bool:
        assert world.ports.locks.acquire(ENDPOINT, holder)
        return ensure(*given)

    world.scaling.ensure = attempt  # type: ignore[method-assign,assignment]
    list(reconcile_scaling("fraud", world.ports))
    assert world.scaling.register == {(ENDPOINT, "v1")}
