"""Events that are repeated, late, out of order or only of a note, and approvals that are taken back."""

from __future__ import annotations

from contextlib import suppress
from itertools import permutations
from typing import Any

import pytest
from sluice.aws.metric_data import Counts
from sluice.errors import RetryableError
from sluice.rollout.model.live_version import live_version
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout_id import RolloutId

from functions.open_rollout.app import run as open_rollout
from tests.fakes.decisions import change_of, decide, deliver, sweep_and_deliver
from tests.fakes.sluice_world import (
    GROUP,
    SluiceWorld,
    live_variants,
    outcome_of,
    sluice_world,
    spec_with_rollout,
)

POLICIES = ("supersede", "queue", "reject")
HEALTHY = {"v1": Counts(1800, 2), "v2": Counts(1000, 0), "v3": Counts(1000, 0), "v4": Counts(1000, 0)}


def arn_of(version: int) -> str:
    return f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{GROUP}/{version}"


def world_with(policy: str, live: int = 1) -> SluiceWorld:
    """A world in which these versions were promoted, one after the other."""
    world = sluice_world(spec_with_rollout(on_new_version=policy))
    for version in range(1, live + 1):
        register(world, version)
        assert world.play(decide(world, arn_of(version), "Approved")["rollout"]) == "Promoted"
        world.metrics.per_period = dict(HEALTHY)
        world.clock.pass_seconds(60)
    return world


def register(world: SluiceWorld, version: int) -> str:
    """A version as a pipeline registers it, whose event is delivered."""
    arn = world.registry.add(GROUP, version, "PendingManualApproval")
    detail = {"ModelPackageArn": arn, "ModelPackageGroupName": GROUP, "ModelApprovalStatus": "PendingManualApproval"}
    deliver(world, {"detail": {**detail, "CreationTime": world.clock.now().isoformat()}})
    world.clock.pass_seconds(60)
    return arn


def open_ids(world: SluiceWorld) -> list[str]:
    return sorted(str(each.id) for each in world.ports.store.open_rollouts("fraud") if each.fence is None)


def assert_untouched(world: SluiceWorld, running: str) -> None:
    assert world.ports.store.get(RolloutId.required(running)).may_advance
    assert open_ids(world) == [running]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("approval", ["Rejected", "PendingManualApproval"])
@pytest.mark.parametrize("found_by", ["its own event", "the next approval", "the sweep"])
def test_a_rollout_that_was_only_kept_and_whose_approval_is_gone_blocks_nobody(
    monkeypatch: pytest.MonkeyPatch, policy: str, approval: str, found_by: str
) -> None:
    """Opening failed after the record was stored, and the retry finds the approval taken back."""
    world = world_with(policy)
    arn = register(world, 2)
    world.registry.decide(arn, "Approved")
    event = change_of(world, arn)

    def fail(_id: RolloutId) -> bool:
        raise RetryableError("503")

    with monkeypatch.context() as patch:
        patch.setattr(world.executions, "start", fail)
        with pytest.raises(RetryableError):
            open_rollout(event, world.ports)
    assert open_ids(world) == ["fraud-2-1"]
    world.clock.pass_seconds(30)
    world.registry.decide(arn, approval)  # of which no event arrives
    if found_by == "its own event":
        deliver(world, event)
    world.clock.pass_seconds(300)
    if found_by == "the sweep":
        sweep_and_deliver(world)
    if found_by == "the next approval":
        decide(world, register(world, 3), "Approved")
    assert world.play("fraud-2-1", mode="restore") == "RolledBack"
    assert "fraud-2-1-restore-1" in world.executions.started
    assert outcome_of(world, "fraud-2-1")[0] == "withdrawn"
    if found_by != "the next approval":
        decide(world, register(world, 3), "Approved")
    assert world.play("fraud-3-1") == "Promoted"


TOUCHES = {"noted": lambda world: world.registry.note(arn_of(2)), "untouched": lambda _world: None}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("touch", TOUCHES.values(), ids=TOUCHES)
def test_a_repeated_approval_of_a_replaced_version_does_not_roll_it_out_over_the_newer_one(
    policy: str, touch: Any
) -> None:
    world = world_with(policy)
    decide(world, register(world, 2), "Approved")
    event = change_of(world, arn_of(2))
    assert world.play("fraud-2-1") == "Promoted"
    world.clock.pass_seconds(60)
    assert world.play(decide(world, register(world, 3), "Approved")["rollout"]) == "Promoted"
    world.clock.pass_seconds(3600)
    touch(world)
    assert deliver(world, event) == {"ignored": "fraud/2 has been rolled out: promoted"}
    assert open_ids(world) == []
    assert live_variants(world) == {"v3": 100.0}


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("touch", TOUCHES.values(), ids=TOUCHES)
def test_a_repeated_approval_of_an_ended_rollout_does_not_touch_the_one_under_way(policy: str, touch: Any) -> None:
    world = world_with(policy, live=2)
    event = {**change_of(world, arn_of(2)), "id": "again"}
    event["detail"]["LastModifiedTime"] = world.ports.store.get(RolloutId.required("fraud-2-1")).approved_at.isoformat()
    running = decide(world, register(world, 3), "Approved")["rollout"]
    world.clock.pass_seconds(60)
    touch(world)
    assert "ignored" in deliver(world, event)
    assert_untouched(world, running)


@pytest.mark.parametrize("is_promoted", [False, True], ids=["the newer one runs", "the newer one was promoted"])
def test_the_first_event_of_an_older_approval_that_comes_late_changes_nothing(is_promoted: bool) -> None:
    """It was approved at ten, its event comes at noon; a newer approval has been rolled out meanwhile."""
    world = world_with("supersede")
    arn = register(world, 2)
    world.registry.decide(arn, "Approved")
    event = change_of(world, arn)
    world.clock.pass_seconds(60)
    newer = decide(world, register(world, 3), "Approved")["rollout"]
    if is_promoted:
        assert world.play(newer) == "Promoted"
    world.clock.pass_seconds(7200)
    world.registry.note(arn)
    for _ in range(2):
        answer = deliver(world, event)
    if is_promoted:
        reason = "fraud/2 was approved before fraud-3-1, which has been promoted since"
        assert answer == {"ignored": reason}
        told = [detail for kind, detail in world.events.published if kind == "ApprovalIgnored"]
        assert told == [{"package": arn, "reason": reason}], "people are told once"
        assert live_variants(world) == {"v3": 100.0}
    else:
        assert_untouched(world, newer)


NOTES: dict[str, tuple[str, ...]] = {
    "status and description, as Studio saves them": ("ModelApprovalStatus", "ApprovalDescription"),
    "the status alone": ("ModelApprovalStatus",),
    "a description": ("ApprovalDescription",),
    "a property": ("CustomerMetadataProperties",),
}


@pytest.mark.parametrize("fields", NOTES.values(), ids=NOTES)
@pytest.mark.parametrize("policy", POLICIES)
def test_a_note_on_the_live_version_leaves_the_canary_of_the_next_alone(policy: str, fields: tuple[str, ...]) -> None:
    world = world_with(policy)
    running = decide(world, register(world, 2), "Approved")["rollout"]
    noted: list[str] = []

    def note(state: str) -> None:
        if state in ("Bake", "WaitForPromotion"):
            world.clock.pass_seconds(1)
            noted.append(state)
            world.registry.decide(arn_of(1), "Approved", "still the best one")
            assert "ignored" in deliver(world, change_of(world, arn_of(1), fields))

    assert world.play(running, on_state=note) == "Promoted"
    assert {"Bake", "WaitForPromotion"} <= {*noted}
    assert world.executions.started == ["fraud-1-1", "fraud-2-1"]
    assert live_variants(world) == {"v2": 100.0}


def test_a_note_on_a_version_that_was_live_when_it_was_written_is_none_of_the_next_ones_business() -> None:
    """Its event comes after the next version was promoted."""
    world = world_with("supersede")
    running = decide(world, register(world, 2), "Approved")["rollout"]
    world.clock.pass_seconds(5)
    world.registry.decide(arn_of(1), "Approved", "still the best one")
    event = change_of(world, arn_of(1))
    assert world.play(running) == "Promoted"
    assert "ignored" in deliver(world, event)
    assert live_variants(world) == {"v2": 100.0}


def test_a_note_on_the_live_version_with_nothing_under_way_opens_nothing() -> None:
    world = world_with("supersede", live=2)
    assert "ignored" in decide(world, arn_of(2), "Approved", "seen by the board")
    assert world.executions.started == ["fraud-1-1", "fraud-2-1"]


def test_approving_an_older_version_once_more_is_the_planned_way_back() -> None:
    world = world_with("supersede", live=2)
    world.clock.pass_seconds(60)
    world.metrics.per_period = {"v1": Counts(1000, 0), "v2": Counts(1800, 2)}
    assert decide(world, arn_of(1), "Approved", "back to it") == {"rollout": "fraud-1-2"}
    assert world.play("fraud-1-2") == "Promoted"
    assert live_version("fraud", world.ports) == 1


def hint_of(world: SluiceWorld, arn: str) -> dict[str, Any]:
    """What anybody may send who may put events on the bus; ``sluice retry`` does."""
    hint = {**change_of(world, arn), "source": "sluice"}
    hint["detail"]["LastModifiedTime"] = "2999-01-01T00:00:00+00:00"
    return hint


def test_a_hint_has_a_version_tried_again_that_gave_way() -> None:
    world = world_with("supersede")
    rollout = decide(world, register(world, 2), "Approved")["rollout"]
    newer = decide(world, register(world, 3), "Approved")["rollout"]
    assert world.play(rollout) == "RolledBack"
    assert world.play(newer) == "Promoted"
    assert "ignored" in deliver(world, hint_of(world, arn_of(2))), "nobody has approved it again"
    world.clock.pass_seconds(60)
    world.registry.decide(arn_of(2), "Approved", "retry")
    assert deliver(world, hint_of(world, arn_of(2))) == {"rollout": "fraud-2-2"}


def test_a_hint_alone_rolls_out_no_version_that_was_replaced() -> None:
    world = world_with("supersede", live=2)
    world.registry.note(arn_of(1))
    world.clock.pass_seconds(60)
    assert "ignored" in deliver(world, hint_of(world, arn_of(1)))
    assert live_version("fraud", world.ports) == 2


def test_an_event_without_the_fraction_of_a_second_is_the_approval_that_was_read_with_it() -> None:
    world = world_with("supersede")
    arn = register(world, 2)
    world.clock.pass_seconds(0.123)
    world.registry.decide(arn, "Approved")
    first, second = change_of(world, arn), change_of(world, arn)
    second["detail"]["LastModifiedTime"] = world.clock.now().replace(microsecond=0).isoformat()
    assert deliver(world, second) == deliver(world, first) == {"rollout": "fraud-2-1"}
    assert world.play("fraud-2-1") == "Promoted"
    assert "ignored" in deliver(world, first)


def keep_only(world: SluiceWorld, event: dict[str, Any], patch: pytest.MonkeyPatch) -> None:
    """Deliver the event to an invocation that has stored its record, and not yet looked at the others."""

    def not_yet(_model: str) -> list[RolloutRecord]:
        raise RetryableError("503")

    patch.setattr(world.ports.store, "open_rollouts", not_yet)
    with suppress(RetryableError):
        open_rollout(event, world.ports)
    patch.undo()


@pytest.mark.parametrize("order", list(permutations((2, 3, 4))), ids=str)
def test_of_approvals_at_the_same_moment_reject_leaves_exactly_one(
    monkeypatch: pytest.MonkeyPatch, order: tuple[int, ...]
) -> None:
    """Three invocations keep their records and see each other's before one of them is stopped."""
    world = world_with("reject")
    for version in order:
        register(world, version)
    for version in order:
        world.registry.decide(arn_of(version), "Approved")
    events = {version: change_of(world, arn_of(version)) for version in order}
    for version in order:
        keep_only(world, events[version], monkeypatch)
        world.clock.pass_seconds(0.001)
    seen = world.ports.store.open_rollouts("fraud")
    assert len(seen) == 3
    with monkeypatch.context() as patch:
        patch.setattr(world.ports.store, "open_rollouts", lambda _model: list(seen))
        for version in order:
            open_rollout(events[version], world.ports)
    for version in (*reversed(order), *order):
        open_rollout(events[version], world.ports)
    assert open_ids(world) == [f"fraud-{order[0]}-1"], "the one that was opened first"
    for version in order:
        assert world.play(f"fraud-{version}-1") == ("Promoted" if version == order[0] else "RolledBack")


def test_a_repeated_event_of_the_rollout_under_way_does_not_withdraw_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world = world_with("reject")
    running = decide(world, register(world, 2), "Approved")["rollout"]
    event = change_of(world, arn_of(2))
    world.registry.decide(register(world, 3), "Approved")
    newer = change_of(world, arn_of(3))
    keep_only(world, newer, monkeypatch)
    assert deliver(world, event) == {"rollout": running}
    deliver(world, newer)
    assert_untouched(world, running)


def test_a_version_put_back_to_pending_and_approved_is_rolled_out_again() -> None:
    world = world_with("supersede")
    world.clock.pass_seconds(60)
    assert "ignored" in decide(world, arn_of(1), "PendingManualApproval")
    assert live_version("fraud", world.ports) == 1, "it serves on"
    world.clock.pass_seconds(60)
    assert decide(world, arn_of(1), "Approved") == {"rollout": "fraud-1-2"}


@pytest.mark.parametrize("after_effect", [False, True], ids=["lost call", "lost answer"])
@pytest.mark.parametrize("approval", ["Approved", "Rejected"])
def test_a_crash_at_any_call_of_a_decision_leads_to_the_same_rollout(approval: str, after_effect: bool) -> None:
    """A new approval while a canary runs; the rejection of what serves."""

    def decided(call: int) -> tuple[object, ...]:
        world = world_with("supersede", live=2)
        decide(world, register(world, 3), "Approved")
        arn = register(world, 4) if approval == "Approved" else arn_of(2)
        world.registry.decide(arn, approval)
        event = change_of(world, arn)
        world.faults.seen, world.faults.at, world.faults.after_effect = 0, call, after_effect
        with suppress(RetryableError):
            open_rollout(event, world.ports)
        calls, world.faults.at = world.faults.seen, 0
        answer = open_rollout(event, world.ports)
        fences = {str(each.id): each.fence and each.fence.kind for each in world.ports.store.open_rollouts("fraud")}
        statuses = [(version, each.approval) for version, each in world.ports.approvals.all("fraud")]
        return calls, answer, fences, world.executions.started, statuses

    calls, *expected = decided(0)
    assert isinstance(calls, int)
    for call in range(1, calls + 1):
        assert list(decided(call))[1:] == expected, f"after a fault at call {call} of {calls}"
