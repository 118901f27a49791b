"""What a task of the rollout machine answers, and how a step of convergence is carried out."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from sluice.endpoint.deployment_config import Deployment
from sluice.errors import EndpointBusyError
from sluice.rollout.traffic.reconcile import (
    CreateEndpoint,
    DeleteEndpoint,
    Done,
    Impossible,
    SetCapacity,
    SetWeights,
    Step,
    StopDeployment,
    UseConfig,
    Wait,
)

if TYPE_CHECKING:
    from sluice.rollout.traffic.ports import TrafficHosting

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


def patience(since: datetime, now: datetime) -> int:
    """Seconds until a change of the endpoint is looked at again that was asked for at ``since``.

    A quarter of the time waited, up to five minutes, and after two hours a 25th of it. Each turn of the machine costs
    9 of an execution's history events: a change of two minutes costs 10 turns, one of eight hours 75.
    """
    waited = _seconds(since, now)
    return int(min(3 + waited / 4, max(300.0, waited / 25)))


def long_patience(begun: datetime, now: datetime) -> int:
    """Seconds until a rollout that began at ``begun`` asks again whether others let it go on.

    A 25th of its age, whatever it has waited for before: another rollout, people, windows, one after the other. So
    they cost it 290 turns at most in the month that an execution may take.
    """
    return 3 + int(_seconds(begun, now) / 25)


def _seconds(since: datetime, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds())


def take(step: Step, endpoint: str, hosting: TrafficHosting, deployment: Deployment | None = None) -> bool:
    """Carry out one step; False if the endpoint is busy and the step has to be found anew later.

    Raises:
        ValueError: the step is guarded and there is no ``deployment`` to guard it with.
    """
    try:
        _take(step, endpoint, hosting, deployment)
    except EndpointBusyError:
        return False
    return True


def _take(step: Step, endpoint: str, hosting: TrafficHosting, deployment: Deployment | None) -> Any:
    match step:
        case CreateEndpoint(config):
            hosting.create_endpoint(endpoint, config)
        case DeleteEndpoint():
            hosting.delete_endpoint(endpoint)
        case UseConfig(config, guarded):
            if guarded and deployment is None:
                raise ValueError(f"the update of {endpoint} to {config} must be guarded by alarms")
            hosting.use_config(endpoint, config, deployment if guarded else None)
        case SetCapacity(variant, count):
            hosting.set_capacity(endpoint, variant, count)
        case SetWeights(weights):
            hosting.set_weights(endpoint, weights)
        case Done() | Wait() | Impossible() | StopDeployment():
            pass  # the last is for an alarm, not for the endpoint: whoever restores sets it
