"""What tasks answer, and how patiently they ask again."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.endpoint.state import EndpointState, VariantState
from sluice.rollout.traffic.apply_step import apply_step
from sluice.rollout.traffic.reconcile import SetWeights, Wait
from sluice.rollout.traffic.task_result import TaskResult, poll_seconds, slow_poll_seconds, task_result

from tests.fakes.aws_state import Faults
from tests.fakes.hosting import FakeHosting

T0 = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
MACHINE = json.loads((Path(__file__).parents[4] / "statemachines" / "rollout.asl.json").read_text())


def test_an_answer_has_every_key_the_machine_selects() -> None:
    for state in MACHINE["States"].values():
        if state["Type"] == "Task":
            assert {f"$.Payload.{key}" for key in task_result("READY")} == set(state["ResultSelector"].values())
    assert set(TaskResult.__annotations__) == set(task_result("READY"))


def test_a_reason_never_fills_the_executions_state() -> None:
    assert len(task_result("ROLL_BACK", reason="x" * 100_000)["reason"]) == 1000


@pytest.mark.parametrize("wait", [poll_seconds, slow_poll_seconds])
@given(first=st.integers(0, 10_000_000), more=st.integers(0, 10_000_000))
def test_the_longer_it_takes_the_rarer_it_is_asked(
    wait: Callable[[datetime, datetime], int], first: int, more: int
) -> None:
    early = wait(T0, T0 + timedelta(seconds=first))
    late = wait(T0, T0 + timedelta(seconds=first + more))
    assert 3 <= early <= late <= 3 + max(300, (first + more) / 25)


@pytest.mark.parametrize(
    ("wait", "waited", "most"),
    [
        pytest.param(poll_seconds, timedelta(minutes=2), 12, id="a change of weights"),
        pytest.param(poll_seconds, timedelta(hours=8), 80, id="the longest deployment that SageMaker allows"),
        pytest.param(slow_poll_seconds, timedelta(days=30), 290, id="a month in the queue, at a gate, for a person"),
    ],
)
def test_waiting_stays_small_in_the_history(
    wait: Callable[[datetime, datetime], int], waited: timedelta, most: int
) -> None:
    asked, now = 0, T0
    while now < T0 + waited:
        now += timedelta(seconds=wait(T0, now))
        asked += 1
    assert most / 2 < asked <= most


def test_a_clock_that_went_back_does_not_hurry_anybody() -> None:
    assert poll_seconds(T0, T0 - timedelta(hours=1)) == slow_poll_seconds(T0, T0 - timedelta(hours=1)) == 3


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
