"""A crash before or after any one AWS call of a rollout ends in the same state as no crash at all."""

from __future__ import annotations

import pytest
from sluice.metrics import Counts
from sluice.rollout import RolloutId

from tests.fakes.sluice_world import SluiceWorld, sluice_world

ENDPOINT = "sluice-dev-fraud"
GOOD = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
BAD = {"v1": Counts(1800, 2), "v2": Counts(200, 60)}


def end_state(world: SluiceWorld) -> dict[str, object]:
    world.hosting.settle()
    endpoint = world.hosting.endpoints[ENDPOINT]
    return {
        "variants": {each.name: (each.weight, each.desired_count) for each in endpoint.variants},
        "alarms": dict(world.metrics.alarms),
        "approvals": {each.version: each.approval for each in world.registry.packages.values()},
        "outcome": world.ports.store.get(RolloutId.required("fraud-2-1")).outcome,
        "lock": world.ports.store.lock_holder(ENDPOINT),
        "configs": sorted(world.hosting.configs),
    }


def rolled_out(counts: dict[str, Counts], at: int, *, after_effect: bool) -> tuple[dict[str, object], int]:
    """The end of a rollout whose ``at``-th call fails, and how many calls it took."""
    world = sluice_world()
    world.live(1)
    rollout = world.approve(2)
    world.metrics.per_period = counts
    world.faults.seen, world.faults.at, world.faults.after_effect = 0, at, after_effect
    world.play(rollout)
    calls, world.faults.at = world.faults.seen, 0
    served = [weights for weights in world.hosting.traffic if sum(weights.values()) <= 0]
    assert served == [], "weights never sum to zero"
    return end_state(world), calls


@pytest.mark.parametrize("after_effect", [False, True], ids=["lost call", "lost answer"])
@pytest.mark.parametrize("counts", [GOOD, BAD], ids=["promoted", "rolled back"])
def test_one_fault_anywhere_changes_nothing(counts: dict[str, Counts], after_effect: bool) -> None:
    expected, calls = rolled_out(counts, at=0, after_effect=after_effect)
    assert calls > 40, "the story has to touch AWS for this to mean anything"
    for at in range(1, calls + 1):
        found, _ = rolled_out(counts, at=at, after_effect=after_effect)
        assert found == expected, f"after a fault at call {at} of {calls}"
