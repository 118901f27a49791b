"""Decisions of people at any moment of a rollout: a rejection is obeyed, an approval stands, a note is a note."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sluice.aws.metric_data import Counts
from sluice.rollout.model.live_version import live_version
from sluice.rollout_id import RolloutId

from functions.open_rollout.app import run as open_rollout
from tests.fakes.batch_world import batch_world
from tests.fakes.decisions import change_of, decide, deliver, sweep_and_deliver
from tests.fakes.sluice_world import (
    ENDPOINT,
    GROUP,
    SluiceWorld,
    agree,
    approval_of,
    live_variants,
    outcome_of,
    sluice_world,
    spec_with_rollout,
)

V1, V2, V3 = (f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{GROUP}/{version}" for version in (1, 2, 3))
ROLLOUT = "fraud-2-1"
AGAIN = "fraud-2-2"
PROVISIONED = ("PlanRollout", "ProvisionCandidate", "WaitForFleet")
STAGED = (*PROVISIONED, "ShiftTraffic", "AnalyzeStage", "PromoteCandidate", "WaitForPromotion")
MOMENTS = {
    "canary": STAGED,
    "shadow": STAGED,
    "blue_green": (*PROVISIONED, "PromoteCandidate"),
    "all_at_once": (*PROVISIONED, "PromoteCandidate"),
}


def rolling_out(strategy: str = "canary", **settings: object) -> SluiceWorld:
    shadow = {"duration": "5m", "min_requests": 50, "min_agreement_percent": 80}
    world = sluice_world(spec_with_rollout(strategy=strategy, shadow=shadow, **settings))
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
    agree(world, answers=50)
    assert world.approve(2) == ROLLOUT
    return world


def play(world: SluiceWorld, at: str, act: Callable[[], object], when: Callable[[], bool] = lambda: True) -> str:
    """Play the rollout of version 2, with ``act`` the first time that it comes to a state."""
    done: list[str] = []

    def once(state: str) -> None:
        if state == at and not done and when():
            done.append(state)
            world.clock.pass_seconds(1)
            act()

    last = world.play(ROLLOUT, on_state=once)
    assert done, f"{at} was never reached"
    return last


def is_watching(world: SluiceWorld) -> bool:
    return world.ports.store.get(RolloutId.required(ROLLOUT)).watching_since is not None


@pytest.mark.parametrize(("strategy", "state"), [(name, state) for name, states in MOMENTS.items() for state in states])
@pytest.mark.parametrize("approval", ["Rejected", "PendingManualApproval"])
def test_a_decision_taken_back_at_any_state_puts_the_old_version_back_though_its_event_is_lost(
    strategy: str, approval: str, state: str
) -> None:
    world = rolling_out(strategy)
    assert play(world, state, lambda: world.registry.decide(V2, approval)) == "RolledBack"
    assert live_variants(world) == {"v1": 100.0}
    assert outcome_of(world, ROLLOUT) == ("withdrawn", "the version is no longer Approved")
    assert world.registry.packages[V2].approval == approval, "what the person said stands"
    assert world.ports.locks.holder(ENDPOINT) is None


FORWARD = {"create_model", "create_config", "create_endpoint", "set_capacity"}


def forward_calls(world: SluiceWorld, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of SageMaker from now on that moves version 2 forward."""
    found: list[str] = []

    def noted(name: str, call: Callable[..., object]) -> Callable[..., object]:
        def attempt(*given: object, **named: object) -> object:
            moves_back = "-1-1-" in str(given) if name == "update_endpoint" else "'v2': 0.0" in str(given)
            if name in FORWARD or not moves_back:
                found.append(f"{name} {given}")
            return call(*given, **named)

        return attempt

    for name in (*FORWARD, "update_endpoint", "set_weights"):
        monkeypatch.setattr(world.hosting, name, noted(name, getattr(world.hosting, name)))
    return found


@pytest.mark.parametrize(
    ("strategy", "state"),
    [
        ("canary", "ProvisionCandidate"),
        ("canary", "ShiftTraffic"),
        ("canary", "PromoteCandidate"),
        ("shadow", "ShiftTraffic"),
    ],
)
def test_no_task_moves_a_version_forward_after_its_rejection_though_the_event_is_lost(
    strategy: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = rolling_out(strategy)
    calls: list[list[str]] = []

    def reject() -> None:
        world.registry.decide(V2, "Rejected")
        calls.append(forward_calls(world, monkeypatch))

    assert play(world, state, reject) == "RolledBack"
    assert calls == [[]]


def test_a_rejected_version_that_a_gate_holds_goes_at_the_next_look_though_the_event_is_lost() -> None:
    world = rolling_out(stages=[{"weight": 10, "bake": "5m", "gate": "human"}])

    def is_held() -> bool:
        return world.ports.store.get(RolloutId.required(ROLLOUT)).held_by is not None

    assert play(world, "AnalyzeStage", lambda: world.registry.decide(V2, "Rejected"), is_held) == "RolledBack"
    assert live_variants(world) == {"v1": 100.0}


def test_a_rejected_version_that_waits_for_another_goes_though_its_event_is_lost() -> None:
    """While the other is under way: it would be ahead of those that were approved after it."""
    world = rolling_out(on_new_version="queue")
    ended: list[str] = []

    def while_it_bakes() -> None:
        waiting = world.approve(3)
        world.registry.decide(V3, "Rejected")
        ended.append(world.play(waiting))

    assert play(world, "AnalyzeStage", while_it_bakes) == "Promoted"
    assert ended == ["RolledBack"]


@pytest.mark.parametrize("strategy", ["canary", "all_at_once"])
@pytest.mark.parametrize("is_lost", [False, True], ids=["told", "event lost"])
def test_a_rejection_in_the_watch_is_a_rollback_and_no_promotion(strategy: str, is_lost: bool) -> None:
    world = rolling_out(strategy, watch="10m")

    def reject() -> None:
        if is_lost:
            world.registry.decide(V2, "Rejected")
        else:
            assert decide(world, V2, "Rejected") == {"rollout": ROLLOUT}

    assert play(world, "WaitForPromotion", reject, lambda: is_watching(world)) == "RolledBack"
    assert live_variants(world) == {"v1": 100.0}
    assert outcome_of(world, ROLLOUT)[0] == "withdrawn"
    assert [detail["version"] for kind, detail in world.events.published if kind == "RolloutPromoted"] == [1]
    assert "fraud-1-2" not in world.executions.started, "it is its own way back"


def test_a_rejection_after_a_newer_approval_has_ended_the_watch_is_a_rollback_too() -> None:
    world = rolling_out("all_at_once", watch="10m")

    def approve_newer_then_reject() -> None:
        world.approve(3)
        world.clock.pass_seconds(1)
        world.registry.decide(V2, "Rejected")

    last = play(world, "WaitForPromotion", approve_newer_then_reject, lambda: is_watching(world))
    assert last == "RolledBack"
    assert live_variants(world) == {"v1": 100.0}
    assert world.play("fraud-3-1") == "Promoted"


def test_a_rejection_between_any_two_calls_of_a_rollout_leaves_no_rejected_version_in_service() -> None:
    """The event is delivered at once; what comes after the close is another rollout."""

    def rejected_at(call: int, strategy: str) -> int:
        world = rolling_out(strategy, watch="2m")
        around, calls, within = world.faults.around, 0, False

        def interrupted(effect: Callable[[], object]) -> object:
            nonlocal calls, within
            calls += not within
            if calls == call and not within:
                within = True
                world.clock.pass_seconds(1)
                decide(world, V2, "Rejected")
                within = False
            return around(effect)

        world.faults.around = interrupted  # type: ignore[method-assign]
        world.play(ROLLOUT)
        within = True
        for way_back in world.executions.started[2:]:
            world.play(way_back, mode="restore" if "restore" in way_back else "roll_out")
        if call:
            assert live_variants(world) == {"v1": 100.0}, f"rejected at call {call}"
            assert world.ports.locks.holder(ENDPOINT) is None
            assert world.ports.store.open_rollouts("fraud") == []
        return calls

    for strategy in ("canary", "all_at_once"):
        for call in range(1, rejected_at(0, strategy) + 1):
            rejected_at(call, strategy)


def test_the_rejection_of_a_live_version_that_was_opened_again_takes_both_back() -> None:
    world = rolling_out()
    assert world.play(ROLLOUT) == "Promoted"
    for approval in ("PendingManualApproval", "Approved"):
        world.clock.pass_seconds(60)
        answer = decide(world, V2, approval)
    assert answer == {"rollout": "fraud-2-2"}
    world.clock.pass_seconds(60)
    assert decide(world, V2, "Rejected") == {"rollout": "fraud-1-2"}
    assert world.play("fraud-2-2") == "RolledBack"
    assert world.play("fraud-1-2") == "Promoted"
    assert live_variants(world) == {"v1": 100.0}


def test_a_first_version_that_is_rejected_as_it_serves_has_no_way_back_and_people_are_told() -> None:
    world = sluice_world(spec_with_rollout(watch="10m"))
    rollout = world.approve(1)

    def at_provision(state: str) -> None:
        if state == "WaitForFleet" and "NoWayBack" not in world.events.kinds():
            world.hosting.settle()
            world.clock.pass_seconds(1)
            decide(world, V1, "Rejected")

    assert world.play(rollout, on_state=at_provision) == "RolledBack"
    assert world.events.kinds().count("NoWayBack") == 1
    assert outcome_of(world, rollout)[0] == "withdrawn"


def test_a_batch_version_that_is_rejected_as_it_is_promoted_scores_nothing() -> None:
    world = batch_world()
    rollout = world.approve(2)

    def reject(state: str) -> None:
        if state == "PromoteCandidate":
            world.registry.decide(V2, "Rejected")

    assert world.play(rollout, on_state=reject) == "RolledBack"
    assert outcome_of(world, rollout)[0] == "withdrawn"


def restored_while_approved_again(approve: Callable[[SluiceWorld], object]) -> SluiceWorld:
    """Version 2 fails, and is approved again by a person before the old version has all the traffic."""
    world = rolling_out()
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(200, 60)}
    assert play(world, "WaitForBaseline", lambda: approve(world)) == "RolledBack"
    return world


def test_an_approval_during_the_way_back_is_not_overwritten_and_is_tried_again() -> None:
    world = restored_while_approved_again(lambda world: decide(world, V2, "Approved"))
    assert world.registry.packages[V2].approval == "Approved"
    assert outcome_of(world, ROLLOUT)[0] == "rolled_back"
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
    assert world.play("fraud-2-2") == "Promoted"


def test_an_approval_during_the_way_back_whose_event_comes_after_it_is_tried_again() -> None:
    world = restored_while_approved_again(lambda world: world.registry.decide(V2, "Approved"))
    event = change_of(world, V2)
    world.clock.pass_seconds(600)
    assert deliver(world, event) == {"rollout": "fraud-2-2"}
    assert deliver(world, event) == {"rollout": "fraud-2-2"}, "a repetition is the same"


def test_a_note_during_the_way_back_leaves_the_version_approved_and_rolls_nothing_out() -> None:
    world = restored_while_approved_again(lambda world: world.registry.note(V2))
    for _ in range(3):
        world.clock.pass_seconds(600)
        assert sweep_and_deliver(world) == []
    assert world.executions.started == ["fraud-1-1", ROLLOUT]


def approved_within_the_rejection(world: SluiceWorld, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Version 2 fails, and a person approves it after its rollback has read it and before that marks it Rejected."""
    events: list[dict[str, Any]] = []
    reject = world.registry._reject

    def late(arn: str, reason: str) -> None:
        world.clock.pass_seconds(1)
        world.registry.decide(arn, "Approved")
        events.append(change_of(world, arn))
        world.clock.pass_seconds(1)
        reject(arn, reason)
        events.append(change_of(world, arn))

    monkeypatch.setattr(world.registry, "_reject", late)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(200, 60)}
    assert world.play(ROLLOUT) == "RolledBack"
    monkeypatch.setattr(world.registry, "_reject", reject)
    return events


def ignored(world: SluiceWorld) -> list[str]:
    return [detail["reason"] for kind, detail in world.events.published if kind == "ApprovalIgnored"]


@pytest.mark.parametrize("order", ["as they came", "late", "twice"])
def test_an_approval_that_the_rejection_overwrites_is_told(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = rolling_out()
    first = change_of(world, V2)
    events = approved_within_the_rejection(world, monkeypatch)
    assert world.registry.packages[V2].approval == "Rejected", "nothing of ours may set it Approved"
    if order == "late":
        world.clock.pass_seconds(3600)
        events.reverse()
    for event in (first, *events, *(events if order == "twice" else ())):
        assert "rollout" not in deliver(world, event)
    (reason,) = ignored(world)
    assert "fraud-2-1 marked it Rejected" in reason
    assert "approve it again" in reason
    world.clock.pass_seconds(60)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
    assert decide(world, V2, "Approved") == {"rollout": AGAIN}
    assert world.play(AGAIN) == "Promoted"


@pytest.mark.parametrize("who", ["a hint", "another field", "a person rejected it", "before the fence"])
def test_no_other_event_of_a_rejected_version_is_told(who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = rolling_out()
    approved, _ = approved_within_the_rejection(world, monkeypatch)
    match who:
        case "a hint":
            approved["source"] = "sluice"
        case "another field":
            approved["detail"]["UpdatedModelPackageFields"] = ["ApprovalDescription"]
        case "a person rejected it":
            world.registry.decide(V2, "Rejected", "it insults customers")
        case _:
            began = world.ports.store.get(RolloutId.required(ROLLOUT)).opened_at
            approved["detail"]["LastModifiedTime"] = (began + timedelta(seconds=30)).isoformat()
    assert "rollout" not in deliver(world, approved)
    assert ignored(world) == []


def test_a_person_who_leaves_the_description_as_it_is_rejects_as_any_other() -> None:
    """The description is still the rollback's, as Studio may leave it; the approval came after the close."""
    world = restored_while_approved_again(lambda world: None)
    world.clock.pass_seconds(60)
    world.registry.decide(V2, "Approved")
    event = change_of(world, V2)
    world.clock.pass_seconds(60)
    world.registry.decide(V2, "Rejected")
    assert "rollout" not in deliver(world, event)
    assert ignored(world) == []


def with_a_way_back() -> SluiceWorld:
    """Version 2 is live, and version 1 was before: were 2 rejected, 1 would come back."""
    world = sluice_world()
    world.live(1)
    world.live(2)
    return world


def approve_again(world: SluiceWorld) -> None:
    world.clock.pass_seconds(60)
    assert "ignored" in decide(world, V2, "PendingManualApproval")
    world.clock.pass_seconds(60)
    assert decide(world, V2, "Approved") == {"rollout": AGAIN}


def stop(world: SluiceWorld) -> None:
    world.ports.store.fence(RolloutId.required(AGAIN), "aborted", "on second thoughts", world.clock.now())


def assert_it_stays(world: SluiceWorld) -> None:
    assert world.registry.packages[V2].approval == "Approved"
    assert live_version("fraud", world.ports) == 2


@pytest.mark.parametrize("stopped_at", ["PlanRollout", "ProvisionCandidate", "PromoteCandidate"])
def test_a_rollout_of_the_live_version_that_is_stopped_leaves_it_live(stopped_at: str) -> None:
    world = with_a_way_back()
    approve_again(world)
    assert world.play(AGAIN, on_state=lambda name: stop(world) if name == stopped_at else None) == "RolledBack"
    assert_it_stays(world)
    assert live_variants(world) == {"v2": 100.0}


def test_the_late_event_of_a_completion_does_not_roll_a_promoted_version_out_again() -> None:
    """A person has noted something on the version since, so it was modified after its rollout had closed."""
    world = with_a_way_back()
    world.clock.pass_seconds(600)
    world.registry.annotate(V2, {"team": "risk"})
    found = open_rollout(approval_of(V2, ("ModelPackageStatus",)), world.ports)
    assert found == {"ignored": "fraud/2 has been rolled out: promoted"}


def test_a_live_version_that_fails_on_a_new_endpoint_stays_live_on_the_old_one() -> None:
    world = with_a_way_back()
    spec = world.specs.specs["fraud"]
    world.specs.specs["fraud"] = replace(spec, endpoint=replace(spec.endpoint, suffix="b"))
    world.hosting.unhealthy.add(f"sluice-dev-{AGAIN}-model")
    approve_again(world)
    assert world.play(AGAIN) == "RolledBack"
    assert_it_stays(world)
    assert list(world.hosting.endpoints) == [ENDPOINT], "the one that failed is gone"


def test_a_batch_version_whose_second_rollout_is_stopped_scores_on() -> None:
    world = batch_world()
    world.clock.pass_seconds(60)
    world.live(2)
    approve_again(world)
    assert (
        world.play(AGAIN, on_state=lambda name: stop(world) if name == "ProvisionCandidate" else None) == "RolledBack"
    )
    assert_it_stays(world)
