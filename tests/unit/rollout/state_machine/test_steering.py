"""Other ways forward and back on the real state machine with fake AWS: steps, at once, watched, steered, rejected."""

from __future__ import annotations

from datetime import datetime

import pytest
from sluice.aws.metric_data import Counts
from sluice.rollout.model.record import Command, CommandKind
from sluice.rollout_id import RolloutId

from functions.open_rollout.app import run as open_rollout
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


@pytest.fixture
def world() -> SluiceWorld:
    return sluice_world()


def test_linear_steps_are_equal_and_reach_the_end() -> None:
    world = sluice_world(spec_with_rollout(strategy="linear", step={"weight": 25, "bake": "5m"}))
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1500, 2), "v2": Counts(500, 0)}
    assert world.play(world.approve(2)) == "Promoted"
    shifted = [detail["weight"] for kind, detail in world.events.published if kind == "RolloutShifted"]
    assert shifted == [25, 50, 75]
    assert live_variants(world) == {"v2": 100.0}


def test_all_at_once_replaces_the_fleet_and_keeps_the_old_config() -> None:
    world = sluice_world(spec_with_rollout(strategy="all_at_once"))
    world.live(1)
    before = world.hosting.endpoints[ENDPOINT].config
    assert world.play(world.approve(2)) == "Promoted"
    assert live_variants(world) == {"v2": 100.0}
    assert before in world.hosting.configs, "the way back"


@pytest.mark.parametrize("strategy", ["canary", "all_at_once"])
def test_an_alarm_in_the_watch_puts_the_old_version_back(strategy: str) -> None:
    world = sluice_world(spec_with_rollout(strategy=strategy, watch="10m"))
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
    rollout = world.approve(2)

    def ring_when_alone(state: str) -> None:
        world.hosting.settle()
        alone = [each.name for each in world.hosting.endpoints[ENDPOINT].variants] == ["v2"]
        if state == "WaitForPromotion" and alone and world.metrics.alarms:
            world.ring("sluice-dev-fraud-2-1-errors")

    assert world.play(rollout, on_state=ring_when_alone) == "RolledBack"
    assert live_variants(world) == {"v1": 100.0}
    assert outcome_of(world, rollout)[0] == "rolled_back"


def test_a_quiet_watch_ends_as_promoted_after_its_time() -> None:
    world = sluice_world(spec_with_rollout(strategy="all_at_once", watch="10m"))
    world.live(1)
    started = world.clock.now()
    rollout = world.approve(2)
    assert world.play(rollout) == "Promoted"
    assert (world.clock.now() - started).total_seconds() >= 600
    assert outcome_of(world, rollout)[0] == "promoted"
    assert world.metrics.alarms == {}


def test_a_newer_approval_ends_a_watch_and_does_not_undo_it() -> None:
    world = sluice_world(spec_with_rollout(strategy="all_at_once", watch="10m"))
    world.live(1)
    newer: list[str] = []
    rollout = world.approve(2)

    def approve_newer(state: str) -> None:
        if state == "WaitForPromotion" and world.ports.store.get(RolloutId.required(rollout)).watching_since:
            world.clock.pass_seconds(1)
            newer.extend([] if newer else [world.approve(3)])

    assert world.play(rollout, on_state=approve_newer) == "Promoted"
    assert world.play(newer[0]) == "Promoted"
    assert live_variants(world) == {"v3": 100.0}


def reject(world: SluiceWorld, version: int) -> dict[str, str]:
    arn = next(arn for arn, each in world.registry.packages.items() if each.version == version)
    world.clock.pass_seconds(1)
    world.registry.reject(arn, "it insults customers")
    event = approval_of(arn)
    event["detail"]["ModelApprovalStatus"] = "Rejected"
    return open_rollout(event, world.ports)


def test_rejecting_the_live_version_brings_the_last_good_one_back_at_once(world: SluiceWorld) -> None:
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
    world.live(2)
    answer = reject(world, 2)
    assert answer == {"rollout": "fraud-1-2"}
    assert reject(world, 2) == answer, "a repetition is the same rollout"
    assert world.play("fraud-1-2") == "Promoted"
    assert live_variants(world) == {"v1": 100.0}
    assert "ignored" in reject(world, 2), "it does not serve any more"


def test_rejecting_the_only_good_version_leaves_it_serving_and_says_so(world: SluiceWorld) -> None:
    world.live(1)
    assert "serves on" in str(reject(world, 1)["ignored"])
    assert world.events.kinds()[-1] == "NoWayBack"
    assert live_variants(world) == {"v1": 100.0}


def test_rejecting_a_version_that_does_not_serve_changes_nothing(world: SluiceWorld) -> None:
    world.live(1)
    world.registry.add(GROUP, 2)
    assert "does not serve" in str(reject(world, 2)["ignored"])


def say(world: SluiceWorld, rollout: str, kind: CommandKind) -> None:
    command = Command(kind=kind, by="arn:aws:iam::1:user/ada", reason="launch day", at=world.clock.now())
    assert world.ports.store.set_command(RolloutId.required(rollout), command)


def test_a_paused_rollout_waits_for_a_person_and_then_goes_on(world: SluiceWorld) -> None:
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
    rollout = world.approve(2)
    bakes: list[datetime] = []

    def pause_then_resume(state: str) -> None:
        if state == "Bake":
            bakes.append(world.clock.now())
            if len(bakes) == 1:
                say(world, rollout, "pause")
            elif (world.clock.now() - bakes[0]).total_seconds() > 24 * 3600:
                say(world, rollout, "resume")

    assert world.play(rollout, on_state=pause_then_resume) == "Promoted"
    assert (world.clock.now() - bakes[0]).total_seconds() > 24 * 3600
    history = [line["text"] for line in world.ports.history.entries(RolloutId.required(rollout))]
    assert any(text.startswith("pause: by arn:aws:iam::1:user/ada: launch day") for text in history)


def test_a_pause_does_not_keep_harm_in_traffic(world: SluiceWorld) -> None:
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(200, 60)}
    rollout = world.approve(2)
    said: list[str] = []

    def pause(state: str) -> None:
        if state == "Bake" and not said:
            said.append(state)
            say(world, rollout, "pause")

    assert world.play(rollout, on_state=pause) == "RolledBack"
    assert live_variants(world) == {"v1": 100.0}


def test_a_person_can_promote_without_proof_but_not_against_an_alarm(world: SluiceWorld) -> None:
    world.live(1)
    world.metrics.per_period = {}
    rollout = world.approve(2)
    said: list[str] = []

    def promote(state: str) -> None:
        if state == "Bake" and not said:
            said.append(state)
            say(world, rollout, "promote")

    assert world.play(rollout, on_state=promote) == "Promoted"
    assert live_variants(world) == {"v2": 100.0}
    later = world.approve(3)

    def promote_a_ringing_one(state: str) -> None:
        if state == "Bake":
            say(world, later, "promote")
            world.metrics.alarms["sluice-dev-fraud-3-1-errors"] = "ALARM"

    assert world.play(later, on_state=promote_a_ringing_one) == "RolledBack"
    assert live_variants(world) == {"v2": 100.0}


@pytest.mark.parametrize("policy", ["supersede", "queue", "reject"])
def test_taking_a_rejected_version_out_of_service_waits_for_nobody(policy: str) -> None:
    world = sluice_world(spec_with_rollout(on_new_version=policy))
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
    world.live(2)
    world.clock.pass_seconds(5)
    canary = world.approve(3)
    assert reject(world, 2) == {"rollout": "fraud-1-2"}
    assert world.play(canary) == "RolledBack"
    assert outcome_of(world, canary)[0] == "superseded"
    assert world.play("fraud-1-2") == "Promoted"
    assert live_variants(world) == {"v1": 100.0}


def test_a_new_approval_does_not_take_the_place_of_the_way_back(world: SluiceWorld) -> None:
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
    world.live(2)
    reject(world, 2)
    world.clock.pass_seconds(5)
    world.approve(3)
    assert world.play("fraud-1-2") == "Promoted"
    assert live_variants(world) == {"v1": 100.0}


@pytest.mark.parametrize("strategy", ["canary", "all_at_once", "blue_green", "shadow"])
def test_a_pause_is_obeyed_although_the_version_is_being_provisioned(strategy: str) -> None:
    world = sluice_world(spec_with_rollout(strategy=strategy, shadow={"duration": "5m"}))
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
    agree(world)
    rollout = RolloutId.required(world.approve(2))
    before = world.hosting.endpoints[ENDPOINT].config
    held: list[datetime] = []

    def steer(state: str) -> None:
        record = world.ports.store.get(rollout)
        if state == "ProvisionCandidate" and not held:
            say(world, str(rollout), "pause")
        if state == "WaitForFleet":
            held.append(world.clock.now())
            assert world.hosting.endpoints[ENDPOINT].config == before or len(held) > 5
        if state == "WaitForFleet" and len(held) == 5:
            assert record.held_by is not None
            assert record.held_by.by == "pause"
            say(world, str(rollout), "resume")

    assert world.play(str(rollout), on_state=steer) == "Promoted"
    assert len(held) > 5


def test_a_pause_while_the_canary_is_made_keeps_it_from_its_first_traffic(world: SluiceWorld) -> None:
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
    rollout = RolloutId.required(world.approve(2))
    held = 0

    def steer(state: str) -> None:
        nonlocal held
        if state == "WaitForFleet":
            held += 1
            if held == 1:
                say(world, str(rollout), "pause")
            if held == 9:
                say(world, str(rollout), "resume")
        if state == "ShiftTraffic":
            assert held >= 9

    assert world.play(str(rollout), on_state=steer) == "Promoted"
