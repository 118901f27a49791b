"""Open rollout: someone approved a version. One approval is one rollout, however often its event comes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.assembly import Ports, live_ports
from sluice.errors import SpecError, UnknownModelError
from sluice.events import PackageChanged
from sluice.opening import attempt_for, stand_off
from sluice.registry import Package
from sluice.rollout import RolloutId, RolloutRecord
from sluice.spec import ModelSpec


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    return run(event, live_ports())


def run(event: Mapping[str, Any], ports: Ports) -> dict[str, Any]:
    """Keep a record and start the state machine; an approval that cannot be rolled out is reported."""
    changed = PackageChanged.parse(event)
    if not changed.may_be_approval:
        return {"ignored": "not an approval"}
    package = ports.registry.describe(changed.arn)
    model = ports.names.model_of(package.group)
    if not package.is_approved or model is None:
        return {"ignored": f"{package.group}/{package.version} is {package.approval}"}
    try:
        spec = ports.specs.get(model)
    except (UnknownModelError, SpecError) as error:
        return _report(package, str(error), ports)
    latest = next(ports.store.rollouts(model, package.version), None)
    attempt = attempt_for(latest, package, is_certain=changed.changed is not None)
    if attempt is None:
        return {"ignored": f"{model}/{package.version} has been rolled out: {latest and latest.outcome}"}
    return _open(RolloutId(model=model, version=package.version, attempt=attempt), package, spec, ports)


def _open(rollout_id: RolloutId, package: Package, spec: ModelSpec, ports: Ports) -> dict[str, Any]:
    record = RolloutRecord(
        id=rollout_id,
        package_arn=package.arn,
        endpoint=ports.names.endpoint(rollout_id.model),
        phase="queued",
        opened_at=ports.now(),
        approved_at=package.last_modified,
    )
    ports.store.open(record)
    for loser, kind, reason in stand_off(
        record, list(ports.store.rollouts(rollout_id.model)), spec.rollout.on_new_version
    ):
        if kind == "end_watch":
            ports.store.end_watch(loser, reason)
        else:
            ports.store.fence(loser, kind, reason, ports.now())
    ports.executions.start(rollout_id)
    ports.events.publish("RolloutOpened", rollout=str(rollout_id), model=rollout_id.model, version=rollout_id.version)
    return {"rollout": str(rollout_id)}


def _report(package: Package, reason: str, ports: Ports) -> dict[str, Any]:
    ports.store.note_ignored_approval(package.arn, package.last_modified, reason)
    ports.events.publish("ApprovalIgnored", package=package.arn, reason=reason)
    return {"ignored": reason}
