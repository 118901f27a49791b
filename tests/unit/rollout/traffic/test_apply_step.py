"""Steps applied to an endpoint that is free, and to one that is busy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from sluice.endpoint.state import EndpointState, VariantState
from sluice.rollout.traffic.apply_step import SHORTEST_UPDATE, apply_step, is_as_read
from sluice.rollout.traffic.reconcile import SetWeights, Wait

from tests.fakes.aws_state import Faults
from tests.fakes.hosting import FakeHosting


def serving(status: str) -> FakeHosting:
    hosting = FakeHosting(Faults())
    only = VariantState(name="v6", weight=1, desired_count=1, instance_type="ml.m5.large", model="m")
    hosting.endpoints["e"] = EndpointState(name="e", status=status, config="c", variants=(only,))
    return hosting


def test_a_busy_endpoint_is_no_error_but_a_step_not_taken() -> None:
    step = SetWeights({"v6": 100.0})
    assert apply_step(step, "e", serving("InService"))
    assert not apply_step(step, "e", serving("Updating"))


def test_waiting_is_taken_without_a_call() -> None:
    hosting = serving("Updating")
    assert apply_step(Wait(), "e", hosting)
    assert hosting.faults.seen == 0


@dataclass
class Ports:
    hosting: FakeHosting
    at: datetime = datetime(2026, 3, 4, 10, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


@pytest.mark.parametrize(("config", "status", "same"), [("c", "InService", True), ("by-hand", "InService", False),
                                                        ("c", "Updating", False)])  # fmt: skip
def test_a_function_that_stood_still_since_its_reading_looks_again(config: str, status: str, same: bool) -> None:
    hosting = serving("InService")
    read, ports = hosting.endpoints["e"], Ports(hosting)
    hosting.endpoints["e"] = replace(read, config=config, status=status)
    assert is_as_read(read, ports.at - SHORTEST_UPDATE, ports) is same  # type: ignore[arg-type]


def test_a_fresh_reading_costs_no_second_one() -> None:
    hosting = serving("InService")
    ports = Ports(hosting)
    assert is_as_read(hosting.endpoints["e"], ports.at - timedelta(seconds=4), ports)  # type: ignore[arg-type]
    assert hosting.faults.seen == 0


def test_an_endpoint_that_was_deleted_since_its_reading_is_not_as_it_was_read() -> None:
    ports = Ports(serving("InService"))
    read = ports.hosting.endpoints.pop("e")
    assert not is_as_read(read, ports.at - SHORTEST_UPDATE, ports)  # type: ignore[arg-type]
