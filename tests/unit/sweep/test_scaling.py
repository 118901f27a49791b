"""A spec whose scaling changed takes hold without a rollout; one that runs is left alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sluice.errors import SpecError
from sluice.rollout_id import RolloutId
from sluice.spec.scaling import Scaling
from sluice.sweep.scaling import reconcile_scaling

from tests.fakes.sluice_world import ENDPOINT, SluiceWorld, sluice_world


@pytest.fixture
def world() -> SluiceWorld:
    made = sluice_world()
    made.live(1)
    made.hosting.settle()
    return made


def apply(world: SluiceWorld, scaling: Scaling | None) -> None:
    spec = world.specs.specs["fraud"]
    world.specs.specs["fraud"] = replace(spec, endpoint=replace(spec.endpoint, scaling=scaling))


def sweep(world: SluiceWorld) -> list[str]:
    return list(reconcile_scaling("fraud", world.ports))


def test_a_spec_with_scaling_takes_hold_once(world: SluiceWorld) -> None:
    assert sweep(world) == []
    apply(world, Scaling(min=1, max=5))
    assert sweep(world) == [f"v1 of {ENDPOINT} is scaled as its spec says"]
    assert sweep(world) == []
    rules = world.scaling.targets[ENDPOINT, "v1"]
    assert (rules.least, rules.most, rules.target) == (1, 5, 70.0)
    apply(world, None)
    assert sweep(world) == [f"v1 of {ENDPOINT} is scaled no more: its spec has no scaling"]
    assert world.scaling.register == set()


def test_without_scaling_in_the_spec_what_was_set_up_by_hand_stays(world: SluiceWorld) -> None:
    world.scaling.by_hand[ENDPOINT, "v1"] = (1, 9)
    assert sweep(world) == []
    assert world.scaling.register == {(ENDPOINT, "v1")}


def test_a_rollout_under_way_is_left_alone(world: SluiceWorld) -> None:
    apply(world, Scaling(min=1, max=5))
    assert world.ports.locks.acquire(ENDPOINT, RolloutId.required("fraud-2-1"))
    assert sweep(world) == []
    assert world.scaling.register == set()


def test_an_endpoint_of_another_type_or_none_is_left_alone(world: SluiceWorld) -> None:
    apply(world, Scaling(min=1, max=5))
    spec = world.specs.specs["fraud"]
    world.specs.specs["fraud"] = replace(spec, endpoint=replace(spec.endpoint, type="async"))
    assert sweep(world) == []
    world.specs.specs["fraud"] = replace(spec, endpoint=replace(spec.endpoint, suffix="b"))
    assert sweep(world) == []


def test_a_spec_that_cannot_be_read_does_not_stop_the_sweep(
    world: SluiceWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_model: str) -> object:
        raise SpecError([])

    monkeypatch.setattr(world.specs, "get", unreadable)
    assert sweep(world) == []
