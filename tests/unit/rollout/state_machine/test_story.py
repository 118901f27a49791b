"""Whole rollouts on the real state machine with fake AWS: what ends how, and that the baseline always serves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sluice.aws.metric_data import Counts
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec

from functions.open_rollout.app import run as open_rollout
from tests.fakes.sluice_world import (
    ENDPOINT,
    GROUP,
    SPEC,
    SluiceWorld,
    approval_of,
    live_variants,
    outcome_of,
    sluice_world,
)


@pytest.fixture
def world() -> SluiceWorld:
    return sluice_world()


def test_the_first_approval_creates_the_endpoint(world: SluiceWorld) -> None:
    assert world.play(world.approve(1)) == "Promoted"
    assert live_variants(world) == {"v1": 100.0}
    assert world.events.kinds() == ["RolloutOpened", "RolloutPromoted"]


def test_a_healthy_canary_is_promoted_stage_by_stage(world: SluiceWorld) -> None:
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
    rollout = world.approve(2)
    assert world.play(rollout) == "Promoted"
    assert [weights["v2"] for weights in world.hosting.traffic if "v2" in weights][-1] == 100.0
    assert live_variants(world) == {"v2": 100.0}
    assert outcome_of(world, rollout)[0] == "promoted"
    assert world.metrics.alarms == {}, "alarms are removed"
    assert world.hosting.endpoints[ENDPOINT].variants[0].desired_count == 4, "the full fleet serves"


def test_capacity_comes_before_traffic(world: SluiceWorld) -> None:
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
    counts: dict[float, int] = {}

    def remember(_state: str) -> None:
        for each in world.hosting.endpoints[ENDPOINT].variants:
            if each.name == "v2" and each.weight > 0:
                counts.setdefault(each.weight, each.desired_count)

    world.play(world.approve(2), on_state=remember)
    assert counts == {10.0: 1, 50.0: 2, 100.0: 4}


def test_an_alarm_puts_the_baseline_back_and_rejects_the_version(world: SluiceWorld) -> None:
    world.live(1)
    rollout = world.approve(2)

    def ring_once(state: str) -> None:
        if state == "Bake" and "sluice-dev-fraud-2-1-errors" in world.metrics.alarms:
            world.hosting.settle()
            assert world.ring("sluice-dev-fraud-2-1-errors")["rollout"] == "fraud-2-1"

    assert world.play(rollout, on_state=ring_once) == "RolledBack"
    assert live_variants(world) == {"v1": 100.0}
    outcome, reason = outcome_of(world, rollout)
    assert outcome == "rolled_back"
    assert "sluice-dev-fraud-2-1-errors" in reason
    package = next(each for each in world.registry.packages.values() if each.version == 2)
    assert package.approval == "Rejected"
    assert "sluice-dev-fraud-2-1-errors" in package.description


def test_the_alarm_moves_the_weights_without_waiting_for_the_machine(world: SluiceWorld) -> None:
    world.live(1)
    rollout = world.approve(2)

    class StopHere(Exception):
        pass

    def stop(state: str) -> None:
        if state == "Bake":
            raise StopHere

    with pytest.raises(StopHere):
        world.play(rollout, on_state=stop)
    assert live_variants(world) == {"v1": 90.0, "v2": 10.0}
    assert world.ring("sluice-dev-fraud-2-1-latency") == {"rollout": rollout, "moved": "weights"}
    assert live_variants(world) == {"v1": 100.0, "v2": 0.0}


def test_the_judge_puts_the_baseline_back(world: SluiceWorld) -> None:
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1800, 9), "v2": Counts(200, 20)}
    rollout = world.approve(2)
    assert world.play(rollout) == "RolledBack"
    assert live_variants(world) == {"v1": 100.0}
    assert outcome_of(world, rollout)[1].startswith("errors: proven harm")


def test_silence_never_advances_and_never_waits_forever(world: SluiceWorld) -> None:
    world.live(1)
    world.metrics.per_period = {}
    rollout = world.approve(2)
    assert world.play(rollout) == "RolledBack"
    assert outcome_of(world, rollout)[1].startswith("in doubt for 600 s after the bake")


def test_a_missing_alarm_is_no_proof(world: SluiceWorld) -> None:
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}

    def delete(state: str) -> None:
        if state == "Bake":
            world.metrics.alarms.pop("sluice-dev-fraud-2-1-latency", None)

    rollout = world.approve(2)
    assert world.play(rollout, on_state=delete) == "RolledBack"
    assert "latency is missing" in outcome_of(world, rollout)[1]


def test_a_model_that_never_becomes_healthy_leaves_the_baseline_serving(world: SluiceWorld) -> None:
    world.live(1)
    world.hosting.unhealthy.add("sluice-dev-fraud-2-1-model")
    rollout = world.approve(2)
    assert world.play(rollout) == "RolledBack"
    assert live_variants(world) == {"v1": 100.0}
    assert "ping failed" in outcome_of(world, rollout)[1]


def test_a_first_version_that_never_becomes_healthy_leaves_no_endpoint(world: SluiceWorld) -> None:
    world.hosting.unhealthy.add("sluice-dev-fraud-1-1-model")
    assert world.play(world.approve(1)) == "RolledBack"
    assert world.hosting.endpoints == {}
    world.hosting.unhealthy.clear()
    world.live(2)


def test_an_endpoint_deleted_in_mid_rollout_ends_the_rollout(world: SluiceWorld) -> None:
    world.live(1)
    rollout = world.approve(2)

    def delete(state: str) -> None:
        if state == "Bake":
            world.hosting.endpoints.pop(ENDPOINT, None)

    assert world.play(rollout, on_state=delete) == "RolledBack"
    outcome, reason = outcome_of(world, rollout)
    assert outcome == "failed"
    assert "deleted" in reason


def test_an_endpoint_changed_by_hand_is_left_alone(world: SluiceWorld) -> None:
    world.live(1)
    rollout = world.approve(2)

    def change(state: str) -> None:
        if state == "Bake":
            now = world.hosting.endpoints[ENDPOINT]
            world.hosting.endpoints[ENDPOINT] = replace(now, config="by-hand")

    assert world.play(rollout, on_state=change) == "RolledBack"
    assert world.hosting.endpoints[ENDPOINT].config == "by-hand"
    assert "changed by hand" in outcome_of(world, rollout)[1]


def test_the_same_approval_twice_is_one_rollout(world: SluiceWorld) -> None:
    rollout = world.approve(1)
    arn = next(iter(world.registry.packages))
    assert open_rollout(approval_of(arn), world.ports) == {"rollout": rollout}
    assert world.executions.started == [rollout]
    world.play(rollout)
    world.clock.pass_seconds(3600)
    assert "ignored" in open_rollout(approval_of(arn), world.ports), "a late repetition"
    assert world.executions.started == [rollout]


def test_a_rejected_version_that_is_approved_again_is_tried_again(world: SluiceWorld) -> None:
    world.live(1)
    world.metrics.per_period = {}
    world.play(world.approve(2))
    arn = next(arn for arn, each in world.registry.packages.items() if each.version == 2)
    world.clock.pass_seconds(60)
    world.registry.approve(arn)
    assert open_rollout(approval_of(arn), world.ports) == {"rollout": "fraud-2-2"}


def test_our_own_note_on_a_live_version_starts_nothing(world: SluiceWorld) -> None:
    world.live(1)
    arn = next(iter(world.registry.packages))
    assert "ignored" in open_rollout(approval_of(arn, ("CustomerMetadataProperties",)), world.ports)
    assert "ignored" in open_rollout(approval_of(arn, None), world.ports)


def test_an_approval_without_a_spec_is_recorded_and_reported(world: SluiceWorld) -> None:
    world.specs.specs.clear()
    arn = world.registry.add(GROUP, 1)
    assert "no spec" in open_rollout(approval_of(arn), world.ports)["ignored"]
    assert world.events.published[0][0] == "ApprovalIgnored"
    assert world.executions.started == []


def test_a_newer_approval_takes_over(world: SluiceWorld) -> None:
    world.live(1)
    old = world.approve(2)
    newer: list[str] = []

    def approve_newer(state: str) -> None:
        if state == "Bake" and not newer:
            world.clock.pass_seconds(1)
            newer.append(world.approve(3))

    assert world.play(old, on_state=approve_newer) == "RolledBack"
    assert outcome_of(world, old) == ("superseded", "superseded by fraud/3")
    assert next(each for each in world.registry.packages.values() if each.version == 2).approval == "Approved"
    world.metrics.per_period = {"v1": Counts(1800, 2), "v3": Counts(1000, 0)}
    assert world.play(newer[0]) == "Promoted"


def test_an_older_approval_whose_event_comes_late_gives_way(world: SluiceWorld) -> None:
    world.live(1)
    late = world.registry.add(GROUP, 2)
    world.clock.pass_seconds(10)
    newer = world.approve(3)
    older = open_rollout(approval_of(late), world.ports)["rollout"]
    assert world.play(older) == "RolledBack"
    assert outcome_of(world, older) == ("superseded", "superseded by fraud/3")
    assert world.ports.store.get(RolloutId.required(newer)).may_advance


@pytest.mark.parametrize(
    ("policy", "second"), [pytest.param("queue", "Promoted", id="queue"), pytest.param("reject", "RolledBack", id="no")]
)
def test_two_approvals_at_once_follow_the_spec(policy: str, second: str) -> None:
    raw = SPEC.to_json()
    raw["rollout"]["on_new_version"] = policy
    world = sluice_world(ModelSpec.parse(raw))
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(1000, 0), "v3": Counts(1000, 0)}
    first, later = world.approve(2), world.approve(3)
    assert world.play(first) == "Promoted"
    world.metrics.per_period = {"v2": Counts(1800, 2), "v3": Counts(1000, 0)}
    assert world.play(later) == second


def test_a_withdrawn_approval_changes_nothing(world: SluiceWorld) -> None:
    world.live(1)
    rollout = world.approve(2)
    arn = next(arn for arn, each in world.registry.packages.items() if each.version == 2)
    world.registry.reject(arn, "changed my mind")
    assert world.play(rollout) == "RolledBack"
    assert outcome_of(world, rollout)[0] == "withdrawn"
    assert live_variants(world) == {"v1": 100.0}


def test_a_killed_execution_is_replaced_by_one_that_restores(world: SluiceWorld) -> None:
    world.live(1)
    rollout = world.approve(2)

    class KilledError(BaseException):
        pass

    def kill(state: str) -> None:
        if state == "Bake":
            raise KilledError

    with pytest.raises(KilledError):
        world.play(rollout, on_state=kill)
    assert world.end_execution(rollout, "ABORTED")["moved"] == "weights"
    assert world.executions.started[-1] == f"{rollout}-restore-1"
    assert world.play(rollout, mode="restore") == "RolledBack"
    assert live_variants(world) == {"v1": 100.0}
    assert "ignored" in world.end_execution(f"{rollout}-restore-1"), "it has ended, nothing more to do"


def test_an_unmodelled_answer_of_a_task_restores(world: SluiceWorld) -> None:
    world.live(1)
    world.specs.specs.clear()
    world.specs.specs["fraud"] = SPEC
    rollout = world.approve(2)
    world.specs.specs.clear()
    assert world.play(rollout) == "RolledBack"
    assert "no spec for model 'fraud'" in outcome_of(world, rollout)[1]
    assert live_variants(world) == {"v1": 100.0}
