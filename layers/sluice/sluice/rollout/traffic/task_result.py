"""The result of a task of the rollout's state machine, and how long the machine waits before it polls again."""

from __future__ import annotations

from datetime import datetime
from math import ceil
from typing import Literal, TypedDict

TaskStatus = Literal["READY", "WAIT", "SHIFT", "PROMOTE", "HOLD", "ROLL_BACK"]
"""READY continues with the only next state; SHIFT and PROMOTE name it. A status that the machine does not know rolls
the rollout back."""


class TaskResult(TypedDict):
    """Every key is always present: a missing path would end the execution without running its Catch."""

    status: TaskStatus
    stage: int
    wait_seconds: int
    reason: str


def task_result(status: TaskStatus, *, stage: int = 0, wait_seconds: int = 3, reason: str = "") -> TaskResult:
    """The result with its defaults; a reason is cut to 1,000 characters."""
    return {"status": status, "stage": stage, "wait_seconds": wait_seconds, "reason": reason[:1000]}


def poll_seconds(since: datetime, now: datetime) -> int:
    """Seconds until the task polls again for a change of the endpoint that was requested at ``since``.

    A quarter of the time waited so far, up to five minutes, and after two hours a 25th of it. Each poll costs 9 of an
    execution's history events: a change that takes two minutes costs 10 polls, one of eight hours 75.
    """
    waited = _seconds(since, now)
    return int(min(3 + waited / 4, max(300.0, waited / 25)))


def slow_poll_seconds(begun: datetime, now: datetime) -> int:
    """Seconds until a rollout that began at ``begun`` polls again for something that other parties decide.

    A 25th of its age, whatever it has waited for so far: another rollout, people, freeze windows, one after the
    other. So they cost it at most 290 polls in the month that an execution may take.
    """
    return 3 + int(_seconds(begun, now) / 25)


def recheck_seconds(begun: datetime, until: datetime | None, now: datetime) -> int:
    """``slow_poll_seconds``, but not past ``until``, when what holds the rollout ends by itself if that is known."""
    wait = slow_poll_seconds(begun, now)
    if until is None:
        return wait
    return min(wait, max(1, ceil((until - now).total_seconds())))


def _seconds(since: datetime, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds())
