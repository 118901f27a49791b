"""Steps applied to an endpoint that is free, and to one that is busy."""

from __future__ import annotations

from sluice.endpoint.state import EndpointState, VariantState
from sluice.rollout.traffic.apply_step import apply_step
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
