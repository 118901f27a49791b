"""SageMaker maintains an endpoint's hosts (SystemUpdating) in the middle of a rollout or of a way back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sluice.aws.metric_data import Counts
from sluice.rollout_id import RolloutId

from tests.fakes.sluice_world import (
    ENDPOINT,
    SluiceWorld,
    live_variants,
    outcome_of,
    sluice_world,
    spec_with_rollout,
)

GOOD = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
BAD = {"v1": Counts(1800, 2), "v2": Counts(200, 60)}
STATES = ("PlanRollout", "ProvisionCandidate", "ShiftTraffic", "AnalyzeStage", "PromoteCandidate", "RollBack")


def maintaining(world: SluiceWorld, times: int, settles: int = 4) -> Callable[[str], None]:
    """Maintenance begins at the n-th state in which the endpoint is in service."""
    seen = 0

    def look(state: str) -> None:
        nonlocal seen
        now = world.hosting.endpoints.get(ENDPOINT)
        if state not in STATES or now is None or not now.is_settled:
            return
        seen += 1
        if seen == times:
            world.hosting.maintain(ENDPOINT, settles)

    return look


def ended(strategy: str, seen: dict[str, Counts], times: int) -> tuple[object, ...]:
    world = sluice_world(spec_with_rollout(strategy=strategy))
    world.live(1)
    rollout = world.approve(2)
    world.metrics.per_period = seen
    world.play(rollout, on_state=maintaining(world, times))
    world.hosting.settle()
    capacity = {each.name: each.desired_count for each in world.hosting.endpoints[ENDPOINT].variants}
    return outcome_of(world, rollout)[0], live_variants(world), capacity


@pytest.mark.parametrize(("strategy", "seen"), [("canary", GOOD), ("canary", BAD), ("all_at_once", GOOD)])
def test_maintenance_at_any_moment_changes_no_outcome(strategy: str, seen: dict[str, Counts]) -> None:
    expected = ended(strategy, seen, 0)
    for times in range(1, 16):
        assert ended(strategy, seen, times) == expected, f"maintained at look {times}"


def test_nothing_is_judged_during_maintenance_and_no_deadline_passes() -> None:
    world = sluice_world()
    world.live(1)
    rollout = RolloutId.required(world.approve(2))
    judged_under_maintenance: list[bool] = []

    def look(state: str) -> None:
        if state != "AnalyzeStage":
            return
        if not judged_under_maintenance:
            world.hosting.maintain(ENDPOINT, 40)
        maintained = world.hosting.endpoints[ENDPOINT].is_maintained
        # Instances that go take requests along; the first look after that sees nothing yet.
        proven = not maintained and not judged_under_maintenance[-1]
        world.metrics.per_period = BAD if maintained else GOOD if proven else {}
        judged_under_maintenance.append(maintained)

    started = world.clock.now()
    assert world.play(str(rollout), on_state=look) == "Promoted"
    assert (world.clock.now() - started).total_seconds() > 3600, "longer than a stage may be in doubt"
    looks = [line for line in world.ports.history.entries(rollout) if line["key"].startswith("look-")]
    assert len(looks) == judged_under_maintenance.count(False)


def test_an_alarm_during_maintenance_restores_the_baseline_when_the_endpoint_accepts_it() -> None:
    world = sluice_world()
    world.live(1)
    rollout = world.approve(2)
    world.metrics.per_period = GOOD

    def ring(state: str) -> None:
        if state == "AnalyzeStage" and world.hosting.endpoints[ENDPOINT].is_settled:
            world.hosting.maintain(ENDPOINT, 5)
            world.ring(f"sluice-dev-{rollout}-errors")

    assert world.play(rollout, on_state=ring) == "RolledBack"
    assert outcome_of(world, rollout)[0] == "rolled_back"
    assert live_variants(world) == {"v1": 100.0}
