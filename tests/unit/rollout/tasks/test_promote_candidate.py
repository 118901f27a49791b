"""What a promotion measures: once, where the record was closed."""

from __future__ import annotations

import pytest
from sluice.rollout.tasks.promote_candidate import promote_candidate
from sluice.rollout_id import RolloutId

from tests.fakes.sluice_world import SluiceWorld, sluice_world

ID = RolloutId(model="fraud", version=1, attempt=1)


@pytest.fixture
def world() -> SluiceWorld:
    return sluice_world()


def measured(world: SluiceWorld) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for name, value, model, cause in world.telemetry.metrics:
        assert (model, cause) == ("fraud", "")
        found.setdefault(name, []).append(value)
    return found


def test_a_promotion_is_measured_with_the_seconds_since_its_approval(world: SluiceWorld) -> None:
    rollout = world.approve(1)
    world.clock.pass_seconds(60)
    assert world.play(rollout) == "Promoted"
    record = world.ports.store.get(ID)
    assert record.closed_at is not None
    seconds = (record.closed_at - record.approved_at).total_seconds()
    assert seconds >= 60
    assert measured(world) == {"RolloutOpened": [1], "RolloutPromoted": [1], "RolloutDuration": [seconds]}


def test_a_repeated_promotion_announces_again_and_measures_nothing(world: SluiceWorld) -> None:
    assert world.play(world.approve(1)) == "Promoted"
    before = list(world.telemetry.metrics)
    assert promote_candidate(ID, world.ports)["status"] == "READY"
    assert world.telemetry.metrics == before


def test_the_lines_name_the_rollout_and_its_endpoint(world: SluiceWorld) -> None:
    world.play(world.approve(1))
    world.telemetry.keys.clear()
    promote_candidate(ID, world.ports)
    assert world.telemetry.keys == {
        "rollout": "fraud-1-1",
        "model": "fraud",
        "version": "1",
        "endpoint": "sluice-dev-fraud",
    }
