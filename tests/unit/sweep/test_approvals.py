"""The sweep finds every decision that no event reported, of whatever version, and takes no note for one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sluice.aws.metric_data import Counts
from sluice.aws.model_registry import PackagedContainer
from sluice.errors import RetryableError
from sluice.pipeline_runs.approval_request import REGISTERED
from sluice.rollout.model.live_version import live_version
from sluice.rollout_id import RolloutId
from sluice.sweep.sweep import sweep

from tests.fakes.decisions import change_of, decide, deliver, sweep_and_deliver
from tests.fakes.sluice_world import (
    ENDPOINT,
    GROUP,
    SluiceWorld,
    live_variants,
    outcome_of,
    sluice_world,
    spec_with_rollout,
)
from tests.fakes.table import FakeTable

CHANGED = "SageMaker Model Package State Change"


def arn_of(version: int) -> str:
    return f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{GROUP}/{version}"


def register(world: SluiceWorld, version: int) -> str:
    arn = world.registry.add(GROUP, version, "PendingManualApproval")
    deliver(world, change_of(world, arn, ("ModelPackageStatus",)))
    world.ports.runs.mark_wait_announced(arn, REGISTERED)
    world.clock.pass_seconds(60)
    return arn


def promoted(*versions: int) -> SluiceWorld:
    world = sluice_world()
    for version in versions:
        register(world, version)
        world.metrics.per_period = {f"v{each}": Counts(1800 if each < version else 1000, 0) for each in versions}
        assert world.play(decide(world, arn_of(version), "Approved")["rollout"]) == "Promoted"
        world.clock.pass_seconds(600)
    return world


def without_record_of(world: SluiceWorld) -> SluiceWorld:
    """As an earlier release has left the table: it kept no decisions."""
    table = world.ports.store._table
    assert isinstance(table, FakeTable)
    for key in [key for key in table._items if key[1].startswith("APPROVAL#")]:
        del table._items[key]
    return world


def assert_nothing_more(world: SluiceWorld) -> None:
    for _ in range(3):
        world.clock.pass_seconds(600)
        assert sweep_and_deliver(world) == []


def test_a_rejection_of_the_live_version_whose_event_is_lost_brings_the_last_good_one_back() -> None:
    world = promoted(1, 2)
    world.registry.decide(arn_of(2), "Rejected")
    assert sweep_and_deliver(world) == [], "its event may be on its way"
    world.clock.pass_seconds(180)
    assert CHANGED in sweep_and_deliver(world)
    assert world.executions.started[-1] == "fraud-1-2"
    world.clock.pass_seconds(180)
    assert sweep_and_deliver(world) == [], "it is under way"
    assert world.play("fraud-1-2") == "Promoted"
    assert live_version("fraud", world.ports) == 1
    assert_nothing_more(world)


def test_a_rejected_version_in_a_mixed_fleet_is_replaced_too() -> None:
    """UpdateRollbackFailed: it is in service, and only another update repairs it."""
    world = promoted(1, 2)
    mixed = replace(world.hosting.endpoints[ENDPOINT], status="UpdateRollbackFailed")
    world.hosting.endpoints[ENDPOINT] = mixed
    assert decide(world, arn_of(2), "Rejected") == {"rollout": "fraud-1-2"}
    assert world.play("fraud-1-2") == "Promoted"
    assert live_version("fraud", world.ports) == 1


def test_a_rejected_version_whose_way_back_failed_is_replaced_by_a_later_sweep() -> None:
    world = promoted(1, 2)
    decide(world, arn_of(2), "Rejected")
    world.ports.store.fence(RolloutId.required("fraud-1-2"), "aborted", "stopped by hand", world.clock.now())
    assert world.play("fraud-1-2") == "RolledBack"
    assert live_version("fraud", world.ports) == 2
    world.clock.pass_seconds(3900)  # what failed is tried again after an hour
    sweep_and_deliver(world)
    assert world.play("fraud-1-3") == "Promoted"
    assert live_version("fraud", world.ports) == 1


def test_a_lost_rejection_without_a_way_back_is_told_once_a_day() -> None:
    world = promoted(1)
    world.registry.decide(arn_of(1), "Rejected")
    for _ in range(2 * 24 * 2):
        world.clock.pass_seconds(1800)
        sweep_and_deliver(world)
    told = [kind for kind, _ in world.events.published if kind == "NoWayBack"]
    assert len(told) == 2
    assert live_variants(world) == {"v1": 100.0}


def test_an_older_version_approved_again_after_its_rejection_is_found_though_the_event_is_lost() -> None:
    world = promoted(1, 2)
    decide(world, arn_of(1), "Rejected")
    world.clock.pass_seconds(3600)
    world.registry.decide(arn_of(1), "Approved")
    world.clock.pass_seconds(180)
    assert CHANGED in sweep_and_deliver(world)
    assert world.executions.started[-1] == "fraud-1-2"
    world.metrics.per_period = {"v2": Counts(1800, 0), "v1": Counts(1000, 0)}
    assert world.play("fraud-1-2") == "Promoted"
    assert_nothing_more(world)


def test_a_version_that_was_rolled_back_and_approved_again_is_found_though_the_event_is_lost() -> None:
    world = promoted(1)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(200, 60)}
    register(world, 2)
    assert world.play(decide(world, arn_of(2), "Approved")["rollout"]) == "RolledBack"
    assert_nothing_more(world)
    world.registry.decide(arn_of(2), "Approved", "the data was wrong")
    world.clock.pass_seconds(180)
    sweep_and_deliver(world)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
    assert world.play("fraud-2-2") == "Promoted"


def test_an_older_version_that_was_never_rolled_out_is_found_when_it_is_approved() -> None:
    world = sluice_world()
    register(world, 1)
    register(world, 2)
    assert world.play(decide(world, arn_of(2), "Approved")["rollout"]) == "Promoted"
    world.clock.pass_seconds(3600)
    world.registry.decide(arn_of(1), "Approved")
    world.clock.pass_seconds(180)
    sweep_and_deliver(world)
    assert world.executions.started[-1] == "fraud-1-1"
    assert_nothing_more(world)


@pytest.mark.parametrize("status", ["Rejected", "PendingManualApproval"])
def test_an_approval_taken_back_while_the_rollout_waits_for_a_person_is_obeyed_at_once(status: str) -> None:
    """Its execution looks every two hours; the event is lost."""
    world = promoted(1)
    register(world, 2)
    rollout = decide(world, arn_of(2), "Approved")["rollout"]
    world.registry.decide(arn_of(2), status)
    world.clock.pass_seconds(180)
    sweep_and_deliver(world)
    fence = world.ports.store.get(RolloutId.required(rollout)).fence
    assert fence is not None
    assert fence.kind == "withdrawn"
    assert f"{rollout}-restore-1" in world.executions.started
    assert world.play(rollout) == "RolledBack"
    assert_nothing_more(world)


@pytest.mark.parametrize("newer", [False, True], ids=["none is approved", "a newer one waits"])
@pytest.mark.parametrize("status", ["Rejected", "PendingManualApproval"])
def test_an_approval_taken_back_is_found_whatever_else_is_approved(status: str, newer: bool) -> None:
    """Events of it are lost; its execution may look once in hours."""
    world = promoted(1)
    world.specs.specs["fraud"] = spec_with_rollout(on_new_version="queue")
    decide(world, arn_of(1), "PendingManualApproval")
    world.clock.pass_seconds(60)
    register(world, 2)
    rollout = decide(world, arn_of(2), "Approved")["rollout"]
    if newer:
        world.clock.pass_seconds(60)
        register(world, 3)
        decide(world, arn_of(3), "Approved")
    world.registry.decide(arn_of(2), status)
    world.clock.pass_seconds(180)
    assert CHANGED in sweep_and_deliver(world)
    fence = world.ports.store.get(RolloutId.required(rollout)).fence
    assert fence is not None
    assert fence.kind == "withdrawn"


def test_versions_that_were_deleted_do_not_hide_one_that_was_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sluice.sweep.approvals.MAX_VERSIONS_CHECKED", 1)
    world = promoted(1, 2, 3)
    world.clock.pass_seconds(3600)
    for version in (2, 3):
        world.registry.delete(arn_of(version))
    world.registry.decide(arn_of(1), "Rejected")
    world.clock.pass_seconds(180)
    assert [sweep_and_deliver(world).count(CHANGED) for _ in range(4)] == [0, 0, 1, 0]
    assert dict(world.ports.approvals.all("fraud"))[1].approval == "Rejected"


@pytest.mark.parametrize("versions", [(1, 2), (1, 2, 3)])
def test_notes_on_approved_versions_are_no_findings(versions: tuple[int, ...]) -> None:
    world = promoted(*versions)
    for version in versions:
        world.registry.note(arn_of(version))
        world.clock.pass_seconds(5)
        world.registry.decide(arn_of(version), "Approved", "seen by the board")
    assert_nothing_more(world)


def test_a_superseded_version_that_is_noted_on_is_not_tried_again() -> None:
    world = promoted(1)
    register(world, 2)
    rollout = decide(world, arn_of(2), "Approved")["rollout"]
    decide(world, register(world, 3), "Approved")
    assert world.play(rollout) == "RolledBack"
    assert outcome_of(world, rollout)[0] == "superseded"
    world.metrics.per_period = {"v1": Counts(1800, 0), "v3": Counts(1000, 0)}
    assert world.play("fraud-3-1") == "Promoted"
    world.registry.note(arn_of(2))
    assert_nothing_more(world)


def test_after_the_table_is_lost_only_the_last_approval_is_rolled_out_and_decisions_from_then_on() -> None:
    """The order in which versions were approved, not their numbers, says which was meant to serve."""
    world = sluice_world()
    for version in (1, 3, 2):
        world.registry.add(GROUP, version)
        world.clock.pass_seconds(600)
    assert sweep_and_deliver(world).count(CHANGED) == 1
    assert world.executions.started == ["fraud-2-1"]
    assert world.play("fraud-2-1") == "Promoted"
    assert_nothing_more(world)
    world.registry.decide(arn_of(1), "Rejected")
    world.clock.pass_seconds(600)
    assert_nothing_more(world)


def test_what_an_earlier_release_rolled_out_is_no_finding_and_a_later_decision_is() -> None:
    world = without_record_of(promoted(1, 2))
    world.registry.note(arn_of(1))
    assert_nothing_more(world)
    assert dict(world.ports.approvals.all("fraud")).keys() == {1, 2}
    world.registry.decide(arn_of(2), "Rejected")
    world.clock.pass_seconds(180)
    sweep_and_deliver(world)
    assert world.executions.started[-1] == "fraud-1-2"


def test_a_rolled_back_version_of_an_earlier_release_that_was_approved_again_is_found() -> None:
    world = promoted(1)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(200, 60)}
    register(world, 2)
    assert world.play(decide(world, arn_of(2), "Approved")["rollout"]) == "RolledBack"
    without_record_of(world)
    world.clock.pass_seconds(60)
    world.registry.decide(arn_of(2), "Approved")
    world.clock.pass_seconds(180)
    sweep_and_deliver(world)
    assert world.executions.started[-1] == "fraud-2-2"


def test_a_deleted_version_stops_no_check() -> None:
    world = promoted(1, 2, 3)
    del world.registry.packages[arn_of(2)]
    assert_nothing_more(world)
    del world.registry.packages[arn_of(3)]
    assert_nothing_more(world)


def by_hand(world: SluiceWorld, config: str) -> None:
    state = world.hosting.endpoints[ENDPOINT]
    world.hosting.endpoints[ENDPOINT] = replace(state, config=config)


def test_an_endpoint_with_another_config_is_told_once_for_each() -> None:
    world = promoted(1, 2)
    for config in ("by-hand", "by-hand-2"):
        by_hand(world, config)
        assert sweep_and_deliver(world) == ["EndpointChanged"]
        _, detail = world.events.published[-1]
        assert (detail["model"], detail["endpoint"], detail["config"]) == ("fraud", ENDPOINT, config)
        assert "fraud-2-1 was promoted last" in detail["reason"]
        assert_nothing_more(world)
    del world.hosting.endpoints[ENDPOINT]
    assert sweep_and_deliver(world) == ["EndpointChanged"]
    assert "is gone" in world.events.published[-1][1]["reason"]
    assert_nothing_more(world)


def test_an_endpoint_on_which_a_rollout_is_under_way_is_left_to_that() -> None:
    world = promoted(1)
    decide(world, register(world, 2), "Approved")
    by_hand(world, "of-the-rollout")
    world.clock.pass_seconds(600)
    assert sweep_and_deliver(world) == []


def test_an_approval_of_what_may_not_serve_is_settled_once_it_was_told() -> None:
    world = promoted(1)
    arn = register(world, 2)
    evil = PackagedContainer(image="docker.io/library/python:3", artifacts=())
    world.registry.packages[arn] = replace(world.registry.packages[arn], containers=(evil,))
    assert "may not serve" in decide(world, arn, "Approved")["ignored"]
    assert_nothing_more(world)


def test_an_approval_of_what_may_not_serve_is_told_once_eventbridge_answers_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = promoted(1)
    arn = register(world, 2)
    evil = PackagedContainer(image="docker.io/library/python:3", artifacts=())
    world.registry.packages[arn] = replace(world.registry.packages[arn], containers=(evil,))

    def refuse(_kind: str, **_detail: object) -> None:
        raise RetryableError("events does not answer")

    with monkeypatch.context() as out:
        out.setattr(world.events, "publish", refuse)
        with pytest.raises(RetryableError):
            decide(world, arn, "Approved")
    world.clock.pass_seconds(600)
    sweep_and_deliver(world)
    assert [detail["package"] for kind, detail in world.events.published if kind == "ApprovalIgnored"] == [arn]
    assert_nothing_more(world)


def test_the_config_of_a_version_that_was_rolled_out_where_it_served_already_is_the_recorded_one() -> None:
    world = promoted(1)
    decide(world, arn_of(1), "PendingManualApproval")
    world.clock.pass_seconds(60)
    assert world.play(decide(world, arn_of(1), "Approved")["rollout"]) == "Promoted"
    assert_nothing_more(world)


def test_a_crash_before_it_is_noted_that_people_were_told_of_an_endpoint_has_them_told_once_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = promoted(1)
    by_hand(world, "by-hand")

    def crash(*_: object) -> None:
        raise KeyError("crash")

    with monkeypatch.context() as patch:
        patch.setattr(world.ports.sweep_progress, "note_told", crash)
        with pytest.raises(Exception, match="live_version of fraud"):
            sweep(world.ports)
    assert sweep_and_deliver(world) == ["EndpointChanged"]
    assert_nothing_more(world)
