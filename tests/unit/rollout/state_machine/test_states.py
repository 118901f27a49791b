"""Every state of the machine is reached, by rollouts that end well and badly."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sluice.aws.metric_data import Counts

from tests.fakes.sluice_world import MACHINE, SluiceWorld, sluice_world

GOOD = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
BAD = {"v1": Counts(1800, 2), "v2": Counts(200, 60)}


def good(_world: SluiceWorld) -> None:
    pass


def bad(world: SluiceWorld) -> None:
    world.metrics.per_period = dict(BAD)


def hard_to_repair(world: SluiceWorld) -> None:
    """Harm, and then AWS refuses what restoring takes for hours."""
    bad(world)
    reject, until = world.registry.reject, world.clock.now() + timedelta(hours=9)

    def refuse(arn: str, reason: str, *, unless_approved_since: datetime | None = None) -> bool:
        if world.clock.now() < until:
            raise PermissionError(f"AccessDeniedException: {arn}: {reason}")
        return reject(arn, reason, unless_approved_since=unless_approved_since)

    world.registry.reject = refuse  # type: ignore[method-assign]


ENDS: dict[str, tuple[Callable[[SluiceWorld], None], str]] = {
    "promoted": (good, "Promoted"),
    "rolled back": (bad, "RolledBack"),
    "never given up": (hard_to_repair, "RolledBack"),
}


def visited(prepare: Callable[[SluiceWorld], None], wanted: str) -> set[str]:
    world = sluice_world()
    world.live(1)
    world.metrics.per_period = dict(GOOD)
    rollout = world.approve(2)
    states: set[str] = set()
    prepare(world)
    assert world.play(rollout, on_state=states.add) == wanted
    return states


@pytest.mark.parametrize(("prepare", "wanted"), ENDS.values(), ids=ENDS)
def test_a_rollout_ends_in_the_state_that_tells_how(prepare: Callable[[SluiceWorld], None], wanted: str) -> None:
    assert wanted in visited(prepare, wanted)


def test_no_state_is_without_a_way_to_it() -> None:
    reached = set().union(*(visited(prepare, wanted) for prepare, wanted in ENDS.values()))
    assert reached | waiting_for_its_turn() == MACHINE["States"].keys()


def waiting_for_its_turn() -> set[str]:
    """A rollout that finds the endpoint changing waits before it plans."""
    world = sluice_world()
    world.live(1)
    world.metrics.per_period = dict(GOOD)
    rollout = world.approve(2)
    state = world.hosting.endpoints["sluice-dev-fraud"]
    world.hosting.set_capacity("sluice-dev-fraud", state.variants[0].name, 4)
    states: set[str] = set()
    assert world.play(rollout, on_state=states.add) == "Promoted"
    return states
