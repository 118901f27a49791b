"""What a task of the rollout machine answers, and how a step of convergence is carried out."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, TypedDict

from sluice.convergence import (
    CreateEndpoint,
    DeleteEndpoint,
    Done,
    Impossible,
    SetCapacity,
    SetWeights,
    Step,
    UseConfig,
    Wait,
)
from sluice.endpoint import Hosting
from sluice.errors import EndpointBusyError

Status = Literal["READY", "WAIT", "SHIFT", "PROMOTE", "HOLD", "ROLL_BACK"]
"""READY: on to the only next state. SHIFT and PROMOTE name it. Whatever the machine does not know restores."""


class TaskResult(TypedDict):
    """Every key is always there: a missing path would end the execution without its Catch."""

    status: Status
    stage: int
    wait_seconds: int
    reason: str


def answer(status: Status, *, stage: int = 0, wait_seconds: int = 3, reason: str = "") -> TaskResult:
    return {"status": status, "stage": stage, "wait_seconds": wait_seconds, "reason": reason[:1000]}


WAIT_FOR_A_CHANGE_SECONDS = 30
WAIT_FOR_OTHERS_SECONDS = 3600


def patience(since: datetime, now: datetime, most: int = WAIT_FOR_A_CHANGE_SECONDS) -> int:
    """Seconds until the next try: short at first, then a twentieth of the time waited, up to ``most``.

    A turn costs 9 of an execution's 25,000 history events, and one that runs out of them fails. So a change of the
    endpoint is asked for twice a minute in the end, and another rollout or a person, who may take a month, hourly.
    """
    return min(most, 3 + int((now - since).total_seconds() / 20))


def take(step: Step, endpoint: str, hosting: Hosting) -> bool:
    """Carry out one step; False if the endpoint is busy and the step has to be found anew later."""
    try:
        _take(step, endpoint, hosting)
    except EndpointBusyError:
        return False
    return True


def _take(step: Step, endpoint: str, hosting: Hosting) -> Any:
    match step:
        case CreateEndpoint(config):
            hosting.create_endpoint(endpoint, config)
        case DeleteEndpoint():
            hosting.delete_endpoint(endpoint)
        case UseConfig(config):
            hosting.use_config(endpoint, config)
        case SetCapacity(variant, count):
            hosting.set_capacity(endpoint, variant, count)
        case SetWeights(weights):
            hosting.set_weights(endpoint, weights)
        case Done() | Wait() | Impossible():
            pass
