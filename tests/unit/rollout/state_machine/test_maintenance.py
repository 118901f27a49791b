"""SageMaker maintains an endpoint's hosts (SystemUpdating) in the middle of a rollout or of a way back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sluice.aws.metric_data import Counts
from sluice.rollout.model.maintenance import maintained_for
from sluice.rollout_id import RolloutId

from tests.fakes.ab_world import ROLLOUT, ab_world, findings
from tests.fakes.cloudwatch import Stretch
from tests.fakes.sluice_world import (
    ENDPOINT,
    TASKS,
    SluiceWorld,
    live_variants,
    outcome_of,
    sluice_world,
    spec_with_rollout,
)

GOOD = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
BAD = {"v1": Counts(1800, 2), "v2": Counts(200, 60)}
STATES = ("PlanRollout", "ProvisionCandidate", "ShiftTraffic", "AnalyzeStage", "PromoteCandidate", "RollBack")


def fails_meanwhile(world: SluiceWorld, already_seconds: int = 0) -> None:
    """Requests to the candidate fail while SageMaker maintains, which CloudWatch keeps; called again and again."""
    state = world.hosting.endpoints.get(ENDPOINT)
    is_maintained = state is not None and state.is_maintained
    past, now = world.metrics.past, world.clock.now()
    is_open = bool(past) and past[-1].until is None
    if is_maintained and not is_open:
        past.append(Stretch(now - timedelta(seconds=already_seconds), None, BAD))
    if is_open and not is_maintained:
        past[-1].until = now


def maintaining(world: SluiceWorld, times: int, settles: int = 4) -> Callable[[str], None]:
    """Maintenance begins at the n-th state in which the endpoint is in service."""
    seen = 0

    def look(state: str) -> None:
        begin(state)
        fails_meanwhile(world)

    def begin(state: str) -> None:
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
        fails_meanwhile(world)  # instances that go take requests along
        judged_under_maintenance.append(world.hosting.endpoints[ENDPOINT].is_maintained)

    world.metrics.per_period = GOOD
    started = world.clock.now()
    assert world.play(str(rollout), on_state=look) == "Promoted"
    assert (world.clock.now() - started).total_seconds() > 3600, "longer than a stage may be in doubt"
    looks = [line for line in world.ports.history.entries(rollout) if line["key"].startswith("look-")]
    assert len(looks) == judged_under_maintenance.count(False)


def test_what_failed_during_maintenance_is_no_harm_once_it_is_over() -> None:
    """It began up to an analysis before it was seen."""
    world = sluice_world()
    world.live(1)
    rollout = world.approve(2)
    world.metrics.per_period = GOOD
    looks = 0

    def look(state: str) -> None:
        nonlocal looks
        if state != "AnalyzeStage":
            return
        looks += 1
        if looks in (4, 20):
            world.hosting.maintain(ENDPOINT, 8)
        fails_meanwhile(world, already_seconds=55)

    assert world.play(rollout, on_state=look) == "Promoted"
    assert len(world.metrics.past) == 2


def test_an_ab_test_does_not_compare_what_happened_during_maintenance() -> None:
    world = ab_world(metric="errors", better="lower")
    world.metrics.per_period = {"v6": Counts(1300, 40), "v7": Counts(700, 20)}
    looks = 0

    def look(state: str) -> None:
        nonlocal looks
        looks += state == "AnalyzeStage"
        if state == "AnalyzeStage" and looks == 10:
            world.hosting.maintain(ENDPOINT, 4)
            world.metrics.past.append(Stretch(world.clock.now(), None, {"v7": Counts(700, 700)}))
        if world.metrics.past and not world.hosting.endpoints[ENDPOINT].is_maintained:
            world.metrics.past[0].until = world.metrics.past[0].until or world.clock.now()

    world.play(ROLLOUT, on_state=look)
    compared = findings(world)[-1]["numbers"]["candidate"]
    assert compared["total"] / compared["count"] == pytest.approx(20 / 700)


def test_harm_outside_of_maintenance_is_still_harm() -> None:
    world = sluice_world()
    world.live(1)
    rollout = world.approve(2)
    world.metrics.per_period = BAD
    looks = 0

    def look(state: str) -> None:
        nonlocal looks
        looks += state == "AnalyzeStage"
        if looks == 1 and world.hosting.endpoints[ENDPOINT].is_settled:
            world.hosting.maintain(ENDPOINT, 3)

    assert world.play(rollout, on_state=look) == "RolledBack"
    assert outcome_of(world, rollout)[1].startswith("errors"), outcome_of(world, rollout)


def test_the_time_between_two_maintenances_counts_for_the_bake() -> None:
    world = sluice_world()
    world.live(1)
    rollout = RolloutId.required(world.approve(2))
    world.metrics.per_period = {}  # no proof: the stage lasts as long as it may
    begun: list[datetime] = []

    def look(state: str) -> None:
        if state == "AnalyzeStage":
            begun.append(world.clock.now())
            if len(begun) in (2, 9):
                world.hosting.maintain(ENDPOINT, 2)

    assert world.play(str(rollout), on_state=look) == "RolledBack"
    spans = world.ports.store.get(rollout).maintenance[0]
    assert [(span.since in begun, span.until in begun, span.is_over) for span in spans] == [(True, True, True)] * 2
    assert spans[0].until < spans[1].since
    lasted = begun[-1] - begun[0]
    assert lasted - maintained_for(spans) < timedelta(minutes=5 + 10 + 2), "the bake, and as long as it may be in doubt"


def test_maintenance_that_does_not_end_is_shown_and_published_once_after_an_hour() -> None:
    world = sluice_world()
    world.live(1)
    rollout = RolloutId.required(world.approve(2))
    world.metrics.per_period = GOOD
    seen: list[tuple[bool, int]] = []

    def look(state: str) -> None:
        if state == "AnalyzeStage" and not seen:
            world.hosting.maintain(ENDPOINT, 10**6)
        if state == "AnalyzeStage":
            hold = world.ports.store.get(rollout).held_by
            seen.append((hold is not None and hold.by == "maintenance", told(world)))

    assert world.play(str(rollout), on_state=look) == "TimedOut"
    assert seen[0] == (False, 0)
    assert all(is_held for is_held, _ in seen[1:])
    assert (seen[5][1], seen[-1][1]) == (0, 1)
    world.hosting._maintained[ENDPOINT] = 1
    world.hosting.settle()
    TASKS["AnalyzeStage"]({"stage": 0, "rollout_id": str(rollout)}, world.ports)
    assert world.ports.store.get(rollout).held_by is None


def told(world: SluiceWorld) -> int:
    return sum(
        kind == "RolloutStuck" and "maintains the endpoint's hosts" in detail["reason"]
        for kind, detail in world.events.published
    )


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
