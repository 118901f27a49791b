"""The live version of a model, with which every new version is compared.

Only this module defines what "live" means.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sluice.rollout.model.record import RolloutRecord

if TYPE_CHECKING:
    from sluice.aws.model_registry import Package
    from sluice.endpoint.state import EndpointState
    from sluice.rollout.model.ports import LiveVersionPorts

_SERVING = frozenset({"InService", "Updating", "SystemUpdating", "RollingBack", "UpdateRollbackFailed"})
"""UpdateRollbackFailed: "in service with a mix of the old and new endpoint configurations" (DescribeEndpoint)."""

_NEVER = datetime.min.replace(tzinfo=UTC)


def live_version(model: str, ports: LiveVersionPorts) -> int | None:
    """The version promoted last of those that the endpoint serves; None if nothing serves.

    While a canary runs, that is its baseline. Between a promotion's last change to the endpoint and its record, no
    served version counts as promoted; then it is the one with the most traffic. A model that moves to an endpoint of
    another type is live on the old endpoint until its first promotion on the new one. For a batch model, which has no
    endpoint, it is the version promoted last.
    """
    last = ports.store.last_promotion(model)
    if last and last.plan and last.plan.engine == "batch":
        return last.id.version
    state = ports.hosting.describe(last.endpoint if last else _endpoint_before_promotion(model, ports))
    return version_in_service(model, state, ports)


def version_in_service(model: str, state: EndpointState | None, ports: LiveVersionPorts) -> int | None:
    """The version promoted last of those that the model's endpoint serves in this state; None if it serves none."""
    if state is None or state.status not in _SERVING:
        return None
    versions: dict[int, float] = {}
    for each in state.variants:
        number = ports.names.version_served(each.name, each.model)
        if number is not None:
            versions[number] = versions.get(number, 0.0) + state.share(each.name)
    if len(versions) < 2:
        return next(iter(versions), None)
    return max(versions, key=lambda number: (_promoted_at(model, number, ports), versions[number]))


def live_endpoint(model: str, ports: LiveVersionPorts) -> str:
    """The endpoint that clients use: that of the last promotion, also while a rollout creates another one."""
    last = ports.store.last_promotion(model)
    return last.endpoint if last else _endpoint_before_promotion(model, ports)


def _endpoint_before_promotion(model: str, ports: LiveVersionPorts) -> str:
    """Where a model is about to be served, or an aborted first rollout has left it."""
    newest = ports.store.newest(model)
    known = [*ports.store.open_rollouts(model), *([newest] if newest else [])]
    return last_endpoint(known) or ports.names.endpoint(model)


def _promoted_at(model: str, version: int, ports: LiveVersionPorts) -> datetime:
    """When the version was promoted last."""
    attempts = ports.store.rollouts(model, version)
    return max((each.closed_at or _NEVER for each in attempts if each.outcome == "promoted"), default=_NEVER)


def last_endpoint(rollouts: Iterable[RolloutRecord]) -> str | None:
    """The endpoint of the last promotion, or of the newest rollout if none was promoted; None without rollouts."""
    known = sorted(rollouts, key=lambda each: (each.outcome == "promoted", each.closed_at or each.opened_at))
    return known[-1].endpoint if known else None


def live_package(model: str, ports: LiveVersionPorts) -> Package | None:
    """The live version's package in the Model Registry; None if nothing serves, or if no rollout took it live."""
    version = live_version(model, ports)
    if version is None:
        return None
    record = next(ports.store.rollouts(model, version), None)
    return ports.registry.describe(record.package_arn) if record else None
