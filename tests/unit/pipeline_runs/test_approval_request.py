"""A version that waits for a person is announced once, with its metrics beside the live version's."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from sluice.events import PackageChanged
from sluice.pipeline_runs.approval_request import announce_pending_version
from sluice.sweep.sweep import sweep

from tests.fakes.sluice_world import GROUP, SluiceWorld, sluice_world


def report(world: SluiceWorld, arn: str, mse: float) -> None:
    """The version was evaluated like this."""
    version = world.registry.packages[arn].version
    world.registry.packages[arn] = replace(
        world.registry.packages[arn], metrics_uri=f"s3://sluice-dev-data/{version}.json", generated_by="arn:run"
    )
    world.bucket.objects[f"{version}.json"] = json.dumps({"metrics": {"mse": {"value": mse}}}).encode()


def changed(arn: str, **detail: Any) -> PackageChanged:
    told = {
        "ModelPackageArn": arn,
        "ModelApprovalStatus": "PendingManualApproval",
        "LastModifiedTime": "2026-03-04T10:20:00Z",
        **detail,
    }
    return PackageChanged.parse({"detail": told})


@pytest.fixture
def world() -> SluiceWorld:
    return sluice_world()


@pytest.fixture
def waiting(world: SluiceWorld) -> str:
    world.live(6)
    (live,) = world.registry.packages
    report(world, live, 5.0)
    world.events.published.clear()
    arn = world.registry.add(GROUP, 7, "PendingManualApproval")
    report(world, arn, 4.5)
    return arn


def test_it_is_reported_beside_the_live_version(world: SluiceWorld, waiting: str) -> None:
    announce_pending_version(changed(waiting), world.ports)
    assert world.events.published == [
        (
            "ModelPending",
            {
                "model": "fraud",
                "version": 7,
                "package": waiting,
                "execution": "arn:run",
                "metrics": {"mse": 4.5},
                "live_version": 6,
                "live_metrics": {"mse": 5.0},
            },
        )
    ]


def test_the_first_version_has_nothing_to_be_compared_with(world: SluiceWorld) -> None:
    arn = world.registry.add(GROUP, 1, "PendingManualApproval")
    announce_pending_version(changed(arn), world.ports)
    ((_, detail),) = world.events.published
    assert (detail["live_version"], detail["live_metrics"]) == (None, {})


def test_the_same_event_again_tells_nothing(world: SluiceWorld, waiting: str) -> None:
    for _ in range(3):
        announce_pending_version(changed(waiting), world.ports)
    assert len(world.events.published) == 1


def test_our_own_note_on_a_waiting_version_is_no_new_wait(world: SluiceWorld, waiting: str) -> None:
    announce_pending_version(changed(waiting, UpdatedModelPackageFields=["CustomerMetadataProperties"]), world.ports)
    assert world.events.published == []


def test_a_version_put_back_to_pending_waits_anew(world: SluiceWorld, waiting: str) -> None:
    announce_pending_version(changed(waiting), world.ports)
    again = {"UpdatedModelPackageFields": ["ModelApprovalStatus"], "LastModifiedTime": "2026-03-05T08:00:00Z"}
    announce_pending_version(changed(waiting, **again), world.ports)
    assert world.events.kinds() == ["ModelPending"]
    assert len(world.events.published) == 2


def test_a_late_event_of_a_version_decided_on_tells_nothing(world: SluiceWorld, waiting: str) -> None:
    world.registry.approve(waiting)
    announce_pending_version(changed(waiting), world.ports)
    assert world.events.published == []


def test_a_version_of_another_group_is_left_alone(world: SluiceWorld) -> None:
    announce_pending_version(changed(world.registry.add("churn", 1, "PendingManualApproval")), world.ports)
    assert world.events.published == []


def say_again(world: SluiceWorld) -> list[tuple[str, dict[str, Any]]]:
    """What the sweep publishes in place of lost events, taken to the function that reads them."""
    world.events.published.clear()
    sweep(world.ports)
    found = [one for one in world.events.published if one[0] == "SageMaker Model Package State Change"]
    for _, detail in found:
        announce_pending_version(PackageChanged.parse({"detail": detail}), world.ports)
    return found


def test_a_version_that_nobody_was_notified_of_is_found_by_the_sweep(world: SluiceWorld, waiting: str) -> None:
    assert say_again(world) == []  # its event may still be on its way
    world.clock.pass_seconds(300)
    assert [detail["ModelPackageArn"] for _, detail in say_again(world)] == [waiting]
    assert world.events.kinds()[-1] == "ModelPending"
    assert say_again(world) == []


def test_an_announced_version_is_no_matter_for_the_sweep_and_a_late_event_no_news(
    world: SluiceWorld, waiting: str
) -> None:
    announce_pending_version(changed(waiting), world.ports)
    world.clock.pass_seconds(300)
    assert say_again(world) == []
    announce_pending_version(changed(waiting), world.ports)
    assert "ModelPending" not in world.events.kinds()


@pytest.mark.parametrize("fields", [{}, {"UpdatedModelPackageFields": ["ModelPackageStatus"]}])
def test_a_version_is_announced_once_it_is_complete(world: SluiceWorld, waiting: str, fields: dict[str, Any]) -> None:
    world.registry.move_on(waiting, "InProgress")
    announce_pending_version(changed(waiting), world.ports)
    world.clock.pass_seconds(180)
    assert sweep(world.ports)["findings"] == []
    assert world.events.published == [], "no model can be made of it yet"
    world.registry.move_on(waiting, "Completed")
    announce_pending_version(changed(waiting, **fields), world.ports)
    world.clock.pass_seconds(180)
    assert sweep(world.ports)["findings"] == []
    assert world.events.kinds() == ["ModelPending"]
