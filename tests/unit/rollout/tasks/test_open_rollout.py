"""What opening a rollout measures, and by which keys its lines are found."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from sluice.errors import RetryableError
from sluice.events import PackageChanged
from sluice.rollout.tasks.open_rollout import open_rollout
from sluice.sweep.sweep import sweep

from tests.fakes.aws_state import refusal
from tests.fakes.sluice_world import GROUP, SluiceWorld, approval_of, sluice_world


@pytest.fixture
def world() -> SluiceWorld:
    return sluice_world()


def opened(world: SluiceWorld) -> list[tuple[str, float, str, str]]:
    return [metric for metric in world.telemetry.metrics if metric[0] == "RolloutOpened"]


def approve(world: SluiceWorld, arn: str, approval: str = "Approved") -> dict[str, str]:
    event = approval_of(arn)
    event["detail"]["ModelApprovalStatus"] = approval
    return open_rollout(PackageChanged.parse(event), world.ports)


def test_an_approval_that_is_delivered_twice_is_measured_once(world: SluiceWorld) -> None:
    arn = world.registry.add(GROUP, 2)
    assert approve(world, arn) == approve(world, arn) == {"rollout": "fraud-2-1"}
    assert opened(world) == [("RolloutOpened", 1, "fraud", "")]


def test_the_lines_name_the_rollout_and_its_endpoint(world: SluiceWorld) -> None:
    approve(world, world.registry.add(GROUP, 2))
    assert world.telemetry.keys == {
        "rollout": "fraud-2-1",
        "model": "fraud",
        "version": "2",
        "endpoint": "sluice-dev-fraud",
    }


def test_an_ignored_event_names_the_version_and_is_not_measured(world: SluiceWorld) -> None:
    arn = world.registry.add(GROUP, 2)
    world.registry.reject(arn, "it never served")
    assert approve(world, arn, "Rejected") == {"ignored": "fraud/2 does not serve"}
    assert world.telemetry.keys == {"model": "fraud", "version": "2"}
    assert opened(world) == []


@pytest.mark.parametrize("fields", [None, ("ModelPackageStatus",)], ids=["no fields", "names its field"])
def test_a_version_approved_before_it_is_complete_waits_for_its_completion(
    world: SluiceWorld, fields: tuple[str, ...] | None
) -> None:
    arn = world.registry.register(GROUP, 2, "InProgress")
    assert approve(world, arn) == {"ignored": "fraud/2 is approved and still InProgress: it waits"}
    assert world.executions.started == []
    world.registry.move_on(arn, "Completed")
    completed = PackageChanged.parse(approval_of(arn, fields))
    assert open_rollout(completed, world.ports) == {"rollout": "fraud-2-1"}


def test_a_version_whose_registration_failed_is_told_once_and_never_rolled_out(world: SluiceWorld) -> None:
    arn = world.registry.register(GROUP, 2, "Failed", "the image could not be pulled")
    reason = "its registration has failed: the image could not be pulled"
    for _ in range(2):
        assert approve(world, arn) == {"ignored": reason}
    assert world.events.published == [("ApprovalIgnored", {"package": arn, "reason": reason})]
    assert world.registry.properties[arn] == {"sluice.not_rolled_out": reason}
    assert world.executions.started == []
    world.clock.pass_seconds(60)
    world.registry.approve(arn)
    assert approve(world, arn) == {"ignored": reason}
    assert len(world.events.published) == 2, "a person who approves it once more is told once more"


def test_a_version_whose_registration_failed_is_told_once_although_it_takes_no_note(world: SluiceWorld) -> None:
    """No document says whether AWS lets a Failed version be updated."""

    def refuse(*_: object) -> None:
        raise refusal("model package is Failed")

    world.registry.annotate = refuse  # type: ignore[method-assign,assignment]
    arn = world.registry.register(GROUP, 2, "Failed", "the image could not be pulled")
    reason = "its registration has failed: the image could not be pulled"
    for _ in range(2):
        assert approve(world, arn) == {"ignored": reason}
    world.clock.pass_seconds(600)
    assert sweep(world.ports)["findings"] == []
    assert world.events.published == [("ApprovalIgnored", {"package": arn, "reason": reason})]


def test_notes_on_a_version_whose_registration_failed_tell_nobody_again(world: SluiceWorld) -> None:
    """The sweep replays its approval, without the fields that changed; the first event is delivered late."""
    arn = world.registry.register(GROUP, 2, "Failed")
    approved = approval_of(arn)
    approved["detail"]["LastModifiedTime"] = world.clock.now().isoformat()
    for note in range(4):
        world.clock.pass_seconds(3600)
        sweep(world.ports)
        open_rollout(PackageChanged.parse(approval_of(arn, None)), world.ports)
        if note:
            open_rollout(PackageChanged.parse(approved), world.ports)
        world.registry.annotate(arn, {"note": str(note)})
    replays = [kind for kind, _ in world.events.published if kind == "SageMaker Model Package State Change"]
    told = [kind for kind, _ in world.events.published if kind == "ApprovalIgnored"]
    assert (len(replays), len(told)) == (1, 1)
    world.registry.approve(arn)
    approved["detail"]["LastModifiedTime"] = world.clock.now().isoformat()
    for _ in range(2):
        world.clock.pass_seconds(60)
        open_rollout(PackageChanged.parse(approved), world.ports)
    assert sum(kind == "ApprovalIgnored" for kind, _ in world.events.published) == 2, "another approval, another event"


@pytest.mark.parametrize("after_effect", [False, True], ids=["lost call", "lost answer"])
def test_a_failed_registration_is_told_after_a_crash_at_any_call(after_effect: bool) -> None:
    for call in range(1, 12):
        world = sluice_world()
        arn = world.registry.register(GROUP, 2, "Failed")
        world.faults.at, world.faults.after_effect = call, after_effect
        with suppress(RetryableError):
            approve(world, arn)
        world.faults.at = 0
        approve(world, arn)
        told = [kind for kind, _ in world.events.published]
        assert set(told) == {"ApprovalIgnored"}
        assert len(told) <= 2
        assert "sluice.not_rolled_out" in world.registry.properties[arn]


def test_a_name_that_a_closed_execution_has_taken_is_passed_over(world: SluiceWorld) -> None:
    """A rollout of before the table was deleted: StartExecution refuses its name for 90 days."""
    long_ago = world.clock.now() - timedelta(days=40)
    world.executions.began |= {"fraud-2-1": long_ago, "fraud-2-2": long_ago}
    arn = world.registry.add(GROUP, 2)
    assert approve(world, arn) == approve(world, arn) == {"rollout": "fraud-2-3"}
    assert world.executions.started == ["fraud-2-3"]


def test_a_model_of_the_same_name_is_never_served_in_place_of_the_versions_own(world: SluiceWorld) -> None:
    """The stage and the package group were deleted and made again: their version 2 is another one."""
    world.hosting.made["sluice-dev-fraud-2-1-model"] = world.clock.now() - timedelta(days=400)
    assert approve(world, world.registry.add(GROUP, 2)) == {"rollout": "fraud-2-2"}


def test_an_execution_that_another_delivery_has_just_started_is_this_approvals(world: SluiceWorld) -> None:
    world.executions.began["fraud-2-1"] = world.clock.now() - timedelta(seconds=30)
    assert approve(world, world.registry.add(GROUP, 2)) == {"rollout": "fraud-2-1"}


def test_a_repeated_approval_finds_its_own_rollout_however_old_its_execution_is(world: SluiceWorld) -> None:
    arn = world.registry.add(GROUP, 2)
    approve(world, arn)
    world.executions.began["fraud-2-1"] = world.clock.now()
    world.clock.pass_seconds(86_400)
    assert approve(world, arn) == {"rollout": "fraud-2-1"}
