"""Events of source ``sluice`` that anybody may have put on the bus: none of them moves what is not so."""

from __future__ import annotations

from typing import Any

import pytest
from sluice.aws.metric_data import Counts
from sluice.rollout_id import RolloutId

from functions.abort_rollout.app import run as abort_rollout
from functions.open_rollout.app import run as open_rollout
from tests.fakes.aws_state import START
from tests.fakes.sluice_world import GROUP, SluiceWorld, live_variants, sluice_world, spec_with_rollout

ROLLOUT = "fraud-2-1"
ID = RolloutId.required(ROLLOUT)


class Reached(Exception):
    """The rollout has its first share of the traffic."""


@pytest.fixture
def canary() -> SluiceWorld:
    world = sluice_world(spec_with_rollout())
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(200, 0)}
    world.approve(2)

    def stop(state: str) -> None:
        if state == "AnalyzeStage":
            raise Reached

    with pytest.raises(Reached):
        world.play(ROLLOUT, on_state=stop)
    return world


def forged(detail_type: str, **detail: Any) -> dict[str, Any]:
    return {"source": "sluice", "detail-type": detail_type, "detail": detail}


def execution_ended(name: str, status: str = "FAILED") -> dict[str, Any]:
    return forged("Step Functions Execution Status Change", name=name, status=status)


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(forged("RolloutAbortRequested", rollout=ROLLOUT), id="an abort that nobody asked for"),
        pytest.param(execution_ended(ROLLOUT), id="the end of an execution that runs"),
        pytest.param(execution_ended(f"{ROLLOUT}-restore-1", "TIMED_OUT"), id="the end of an execution that never was"),
    ],
)
def test_a_forged_event_stops_no_rollout(canary: SluiceWorld, event: dict[str, Any]) -> None:
    before, weights = list(canary.executions.started), live_variants(canary)
    assert "ignored" in abort_rollout(event, canary.ports)
    assert canary.ports.store.get(ID).fence is None
    assert canary.executions.started == before
    assert live_variants(canary) == weights
    assert canary.ports.store.get(ID).may_advance


def test_what_is_so_is_obeyed_whoever_tells_it(canary: SluiceWorld) -> None:
    canary.executions.ended[ROLLOUT] = "ABORTED"
    assert abort_rollout(execution_ended(ROLLOUT, "ABORTED"), canary.ports)["rollout"] == ROLLOUT
    assert f"{ROLLOUT}-restore-1" in canary.executions.started


@pytest.mark.parametrize("number", ["7", "9" * 60], ids=["not yet made", "of a name that has no room for the next"])
def test_a_forged_end_of_a_restore_does_not_decide_how_the_next_one_is_called(canary: SluiceWorld, number: str) -> None:
    """Step Functions takes 80 characters of a name, and DynamoDB 38 digits: then nothing would ever restore."""
    canary.ports.store.fence(ID, "aborted", "aborted by ada", START)
    assert "ignored" in abort_rollout(execution_ended(f"{ROLLOUT}-restore-{number}"), canary.ports)
    assert canary.ports.store.get(ID).restores == 0
    assert not [each for each in canary.executions.started if number in each]


def test_the_end_of_a_restore_that_was_started_before_a_crash_is_obeyed(canary: SluiceWorld) -> None:
    """Its number was not noted."""
    canary.ports.store.fence(ID, "aborted", "aborted by ada", START)
    canary.executions.started.append(f"{ROLLOUT}-restore-1")
    canary.executions.ended[f"{ROLLOUT}-restore-1"] = "FAILED"
    abort_rollout(execution_ended(f"{ROLLOUT}-restore-1"), canary.ports)
    assert f"{ROLLOUT}-restore-2" in canary.executions.started


def test_an_abort_that_a_person_has_asked_for_is_obeyed(canary: SluiceWorld) -> None:
    canary.ports.store.fence(ID, "aborted", "aborted by ada", START)
    event = forged("RolloutAbortRequested", rollout=ROLLOUT)
    assert abort_rollout(event, canary.ports) == {"rollout": ROLLOUT, "moved": "weights"}


@pytest.mark.parametrize("approval", ["Approved", "Rejected"])
def test_a_forged_decision_on_a_version_opens_nothing(canary: SluiceWorld, approval: str) -> None:
    waiting = canary.registry.add(GROUP, 3, "PendingManualApproval")
    for arn in canary.registry.packages:
        if arn == waiting or approval == "Rejected":
            event = forged(
                "SageMaker Model Package State Change",
                ModelPackageArn=arn,
                ModelApprovalStatus=approval,
                UpdatedModelPackageFields=["ModelApprovalStatus"],
                LastModifiedTime="2099-01-01T00:00:00Z",
            )
            assert "ignored" in open_rollout(event, canary.ports)
    assert [str(each.id) for each in canary.ports.store.open_rollouts("fraud")] == [ROLLOUT]


def test_a_forged_approval_of_a_version_that_served_once_does_not_bring_it_back() -> None:
    world = sluice_world(spec_with_rollout())
    world.live(1)
    world.live(2)
    (first, _) = world.registry.packages
    event = forged(
        "SageMaker Model Package State Change",
        ModelPackageArn=first,
        ModelApprovalStatus="Approved",
        UpdatedModelPackageFields=["ModelApprovalStatus"],
        LastModifiedTime="2099-01-01T00:00:00Z",
    )
    assert "ignored" in open_rollout(event, world.ports)
    assert list(world.ports.store.open_rollouts("fraud")) == []


def test_a_note_on_a_version_that_served_once_does_not_let_a_forged_approval_bring_it_back() -> None:
    """Its time is the registry's, of the last change: the note's."""
    world = sluice_world(spec_with_rollout())
    world.live(1)
    world.live(2)
    (first, _) = world.registry.packages
    world.clock.pass_seconds(3600)
    world.registry.note(first)
    event = forged(
        "SageMaker Model Package State Change",
        ModelPackageArn=first,
        ModelApprovalStatus="Approved",
        UpdatedModelPackageFields=["ModelApprovalStatus"],
    )
    assert "ignored" in open_rollout(event, world.ports)
    assert list(world.ports.store.open_rollouts("fraud")) == []


def test_news_of_an_ignored_approval_cannot_be_had_again_by_another_time(canary: SluiceWorld) -> None:
    canary.specs.specs.clear()
    arn = canary.registry.add(GROUP, 3, "Approved")
    for year in (2090, 2091, 2092):
        open_rollout(
            forged(
                "SageMaker Model Package State Change",
                ModelPackageArn=arn,
                ModelApprovalStatus="Approved",
                UpdatedModelPackageFields=["ModelApprovalStatus"],
                LastModifiedTime=f"{year}-01-01T00:00:00Z",
            ),
            canary.ports,
        )
    assert [kind for kind, _ in canary.events.published].count("ApprovalIgnored") == 1
