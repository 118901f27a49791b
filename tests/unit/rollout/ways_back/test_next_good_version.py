"""A version was rejected while it serves: the last good one comes back, or the one before it, or people are told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from sluice.aws.metric_data import Counts
from sluice.rollout_id import RolloutId

from functions.open_rollout.app import run as open_rollout
from functions.roll_back.app import run as restore
from tests.fakes.sluice_world import (
    ENDPOINT,
    SluiceWorld,
    live_variants,
    outcome_of,
    rejection_of,
    sluice_world,
    spec_with_rollout,
)

NO_CAPACITY = "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error"
PACKAGE_CHANGE = "SageMaker Model Package State Change"
SEEN = {f"v{version}": Counts(1800, 2) for version in range(1, 5)}


class Stopped(BaseException):
    """Somebody stopped the execution: no Catch runs."""


@pytest.fixture
def world() -> SluiceWorld:
    """Versions 1, 2 and 3 went live one after the other."""
    made = sluice_world(spec_with_rollout(watch="10m"))
    for version in (1, 2, 3):
        made.live(version)
        made.clock.pass_seconds(60)
        made.metrics.per_period = dict(SEEN)
    return made


def delivered(world: SluiceWorld) -> list[str]:
    """Deliver what was told of versions since; the rollouts that it opens."""
    found = [detail for kind, detail in world.events.published if kind == PACKAGE_CHANGE]
    world.events.published = [each for each in world.events.published if each[0] != PACKAGE_CHANGE]
    answers = [open_rollout({"detail": detail}, world.ports) for detail in found]
    return [answer["rollout"] for answer in answers if "rollout" in answer]


def without_capacity(world: SluiceWorld, rollout: str) -> None:
    world.hosting.why_unhealthy = NO_CAPACITY
    world.hosting.unhealthy = {f"sluice-dev-{rollout}-model"}
    assert world.play(rollout) == "RolledBack"
    world.hosting.unhealthy = set()


def stopped_by_hand(world: SluiceWorld, rollout: str) -> None:
    def stop(state: str) -> None:
        if state == "WaitForFleet":
            raise Stopped

    with pytest.raises(Stopped):
        world.play(rollout, on_state=stop)
    world.end_execution(rollout, "ABORTED")
    assert world.play(rollout, mode="restore") == "RolledBack"


def rung_in_its_watch(world: SluiceWorld, rollout: str) -> None:
    def ring(state: str) -> None:
        if state == "WaitForPromotion" and world.ports.store.get(RolloutId.required(rollout)).watching_since:
            world.metrics.alarms[f"sluice-dev-{rollout}-errors"] = "ALARM"

    assert world.play(rollout, on_state=ring) == "RolledBack"


FAILURES = {"no capacity": without_capacity, "stopped by hand": stopped_by_hand, "an alarm": rung_in_its_watch}


def approvals(world: SluiceWorld) -> dict[int, str]:
    return {each.version: each.approval for each in world.registry.packages.values()}


@pytest.mark.parametrize("fail", FAILURES.values(), ids=FAILURES)
def test_a_way_back_that_fails_blames_no_good_version_and_the_one_before_comes_back(
    world: SluiceWorld, fail: Callable[[SluiceWorld, str], None]
) -> None:
    assert open_rollout(rejection_of(world, 3), world.ports) == {"rollout": "fraud-2-2"}
    fail(world, "fraud-2-2")
    assert approvals(world) == {1: "Approved", 2: "Approved", 3: "Rejected"}
    assert set(delivered(world)) == {"fraud-1-2"}
    assert world.play("fraud-1-2") == "Promoted"
    assert live_variants(world) == {"v1": 100.0}
    assert "NoWayBack" not in world.events.kinds()
    assert world.ports.locks.holder(ENDPOINT) is None


def test_when_none_comes_back_people_are_told_once_and_it_is_tried_again(world: SluiceWorld) -> None:
    rejection = rejection_of(world, 3)
    open_rollout(rejection, world.ports)
    without_capacity(world, "fraud-2-2")
    assert set(delivered(world)) == {"fraud-1-2"}
    without_capacity(world, "fraud-1-2")
    assert delivered(world) == []
    for _ in range(3):  # each sweep finds it again
        world.clock.pass_seconds(200)
        assert "fraud/2" in open_rollout(rejection, world.ports)["ignored"]
    (told,) = [detail["reason"] for kind, detail in world.events.published if kind == "NoWayBack"]
    assert "fraud/2" in told
    assert "fraud/1" in told
    assert live_variants(world) == {"v3": 100.0}
    assert approvals(world) == {1: "Approved", 2: "Approved", 3: "Rejected"}
    assert world.ports.locks.holder(ENDPOINT) is None
    world.clock.pass_seconds(300)
    again = open_rollout(rejection, world.ports)
    assert again == {"rollout": "fraud-2-3"}
    assert world.play("fraud-2-3") == "Promoted"
    assert live_variants(world) == {"v2": 100.0}


def test_a_way_back_is_tried_again_after_a_quarter_of_an_hour_and_at_last_every_hour(world: SluiceWorld) -> None:
    rejection = rejection_of(world, 3)
    open_rollout(rejection, world.ports)
    ended: dict[int, datetime] = {}
    waited: dict[int, list[float]] = {1: [], 2: []}
    tried = ["fraud-2-2"]
    for _ in range(16):
        while tried:
            version = RolloutId.required(tried[0]).version
            if version in ended:
                waited[version].append((world.clock.now() - ended[version]).total_seconds() / 60)
            without_capacity(world, tried.pop(0))
            ended[version] = world.clock.now()
            tried += delivered(world)
        while "rollout" not in (answer := open_rollout(rejection, world.ports)):
            world.clock.pass_seconds(60)
        tried = [answer["rollout"]]
    for each in waited.values():
        assert each == sorted(each)
        assert 10 < each[0] <= 17
        assert 50 < each[-1] <= 63, "an hour, and while the other version is tried"


def test_a_crash_after_the_close_loses_no_way_back(world: SluiceWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    open_rollout(rejection_of(world, 3), world.ports)
    world.ports.store.fence(RolloutId.required("fraud-2-2"), "aborted", "by ada", world.clock.now())

    def crash(_endpoint: str, _rollout: RolloutId) -> None:
        raise Stopped

    event = {"rollout_id": "fraud-2-2", "context": {}}
    with monkeypatch.context() as patch:
        patch.setattr(type(world.ports.locks), "release", lambda _self, *args: crash(*args))
        with pytest.raises(Stopped):
            restore(event, world.ports)
    world.events.published.clear()
    restore(event, world.ports)
    assert delivered(world) == ["fraud-1-2"]


def test_a_rollout_that_fails_for_itself_is_no_way_back(world: SluiceWorld) -> None:
    without_capacity(world, world.approve(4))
    assert [kind for kind, _ in world.events.published if kind == PACKAGE_CHANGE] == []


# Its urgency


def test_a_way_back_stays_urgent_although_the_good_version_is_being_rolled_out(world: SluiceWorld) -> None:
    """In stages, with gates and windows; it was approved again while all was well."""
    ordinary = world.approve(2)

    def stop(state: str) -> None:
        if state == "AnalyzeStage":
            raise Stopped

    with pytest.raises(Stopped):
        world.play(ordinary, on_state=stop)
    world.hosting.settle()
    urgent = open_rollout(rejection_of(world, 3), world.ports)["rollout"]
    assert urgent == "fraud-2-3"
    assert world.ports.store.get(RolloutId.required(urgent)).urgent
    assert open_rollout(rejection_of(world, 3), world.ports)["rollout"] == urgent, "a repetition is the same rollout"
    assert world.play(ordinary, mode="restore") == "RolledBack"
    began = world.clock.now()
    assert world.play(urgent) == "Promoted"
    assert (world.clock.now() - began).total_seconds() < 3600, "its bakes are passed over"
    assert outcome_of(world, ordinary)[0] == "superseded"
    assert live_variants(world) == {"v2": 100.0}


def test_a_way_back_is_not_superseded_by_an_approval_that_came_after_the_rejection(world: SluiceWorld) -> None:
    """The rejection's event was late, or lost and found by the sweep."""
    rejection = rejection_of(world, 3)
    world.clock.pass_seconds(60)
    newer = world.approve(4)
    urgent = open_rollout(rejection, world.ports)["rollout"]
    assert world.ports.store.get(RolloutId.required(urgent)).fence is None
    fence = world.ports.store.get(RolloutId.required(newer)).fence
    assert fence is not None
    assert fence.kind == "superseded"
