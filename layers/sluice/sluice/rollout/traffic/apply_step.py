"""Carries out one reconcile step: the only place where a rollout changes an endpoint."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sluice.errors import EndpointBusyError
from sluice.rollout.traffic.reconcile import (
    CreateEndpoint,
    DeleteEndpoint,
    Done,
    Impossible,
    ReconcileStep,
    SetCapacity,
    SetWeights,
    StopDeployment,
    UseConfig,
    Wait,
)

if TYPE_CHECKING:
    from sluice.endpoint.deployment_config import Deployment
    from sluice.endpoint.state import EndpointState
    from sluice.rollout.traffic.ports import TrafficHosting, TrafficPorts

SHORTEST_UPDATE = timedelta(seconds=5)
"""No update of an endpoint begins and ends within it. One that goes on has SageMaker refuse ours."""


def is_as_read(state: EndpointState | None, read_at: datetime, ports: TrafficPorts) -> bool:
    """Whether the endpoint is still as ``state`` shows it; if not, the caller has to reconcile again.

    UpdateEndpoint takes no condition. So a function that stood still between its reading at ``read_at`` and its change
    looks again: somebody may have put another config meanwhile, which is not to be overwritten, or another execution
    may have brought the way back to its end.
    """
    if state is None or ports.now() - read_at < SHORTEST_UPDATE:
        return True
    now = ports.hosting.describe(state.name)
    return now is not None and (now.config, now.status) == (state.config, state.status)


def apply_step(
    step: ReconcileStep, endpoint: str, hosting: TrafficHosting, deployment: Deployment | None = None
) -> bool:
    """Apply one step to the endpoint; False if the endpoint is busy and the caller has to reconcile again later.

    Raises:
        ValueError: the step is guarded, and no ``deployment`` was given to guard it with.
    """
    try:
        _apply(step, endpoint, hosting, deployment)
    except EndpointBusyError:
        return False
    return True


def _apply(step: ReconcileStep, endpoint: str, hosting: TrafficHosting, deployment: Deployment | None) -> None:
    match step:
        case CreateEndpoint(config):
            hosting.create_endpoint(endpoint, config)
        case DeleteEndpoint():
            hosting.delete_endpoint(endpoint)
        case UseConfig(config, guarded):
            if guarded and deployment is None:
                raise ValueError(f"the update of {endpoint} to {config} must be guarded by alarms")
            hosting.update_endpoint(endpoint, config, deployment if guarded else None)
        case SetCapacity(variant, count):
            hosting.set_capacity(endpoint, variant, count)
        case SetWeights(weights):
            hosting.set_weights(endpoint, weights)
        case Done() | Wait() | Impossible() | StopDeployment():
            pass  # none of them changes the endpoint; the rollback stops a deployment through its alarm
