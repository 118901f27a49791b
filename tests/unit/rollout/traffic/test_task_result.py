"""Task results, and the intervals at which tasks poll."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.rollout.traffic.task_result import TaskResult, poll_seconds, slow_poll_seconds, task_result

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
