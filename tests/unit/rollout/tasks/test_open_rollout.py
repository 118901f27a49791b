"""What opening a rollout measures, and by which keys its lines are found."""

from __future__ import annotations

import pytest
from sluice.events import PackageChanged
from sluice.rollout.tasks.open_rollout import open_rollout

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
