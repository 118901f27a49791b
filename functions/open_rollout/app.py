"""Open rollout: someone approved a version, or rejected the one that serves. One decision is one rollout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.aws.model_registry import Package
from sluice.bootstrap.assembly import live_ports
from sluice.errors import SpecError, UnknownModelError
from sluice.events import PackageChanged
from sluice.rollout.model.live_version import live_endpoint, live_version
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.planning.approvals import attempt_for, last_known_good, next_attempt, resolve_conflict
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    return run(event, live_ports())


def run(event: Mapping[str, Any], ports: RolloutPorts) -> dict[str, Any]:
    """Keep a record and start the state machine; an approval that cannot be rolled out is reported."""
    changed = PackageChanged.parse(event)
    if not changed.may_be_approval and not changed.may_be_rejection:
        return {"ignored": "no decision on a version"}
    package = ports.registry.describe(changed.arn)
    model = ports.names.model_of(package.group)
    if package.approval != changed.approval or model is None:
        return {"ignored": f"{package.group}/{package.version} is {package.approval}"}
    return (_approved if package.is_approved else _rejected)(package, model, changed, ports)


def _approved(package: Package, model: str, changed: PackageChanged, ports: RolloutPorts) -> dict[str, Any]:
    try:
        spec = ports.specs.get(model)
    except (UnknownModelError, SpecError) as error:
        return _report(package, str(error), ports)
    latest = next(ports.store.rollouts(model, package.version), None)
    attempt = attempt_for(latest, package, is_certain=changed.changed is not None)
    if attempt is None:
        return {"ignored": f"{model}/{package.version} has been rolled out: {latest and latest.outcome}"}
    record = RolloutRecord(
        id=RolloutId(model=model, version=package.version, attempt=attempt),
        package_arn=package.arn,
        endpoint=ports.names.endpoint(model, spec.endpoint.suffix),
        phase="queued",
        opened_at=ports.now(),
        approved_at=package.last_modified,
    )
    return _open(record, spec, ports)


def _rejected(package: Package, model: str, _changed: PackageChanged, ports: RolloutPorts) -> dict[str, Any]:
    """The version that serves was rejected: the last good one comes back, without stages."""
    if live_version(model, ports) != package.version:
        return {"ignored": f"{model}/{package.version} does not serve"}
    known = list(ports.store.rollouts(model))
    good = last_known_good(package.version, known, lambda arn: ports.registry.describe(arn).is_approved)
    if good is None:
        reason = f"{model}/{package.version} was rejected and serves on: no other promoted version is still Approved"
        ports.events.publish("NoWayBack", model=model, version=package.version, reason=reason)
        return {"ignored": reason}
    record = RolloutRecord(
        id=next_attempt(good, known),
        package_arn=good.package_arn,
        endpoint=live_endpoint(model, ports),
        phase="queued",
        opened_at=ports.now(),
        approved_at=package.last_modified,
        urgent=True,
    )
    return _open(record, ports.specs.get(model), ports)


def _open(record: RolloutRecord, spec: ModelSpec, ports: RolloutPorts) -> dict[str, Any]:
    rollout_id = record.id
    ports.store.open(record)
    for loser, kind, reason in resolve_conflict(
        record, list(ports.store.rollouts(rollout_id.model)), spec.rollout.on_new_version
    ):
        if kind == "end_watch":
            ports.store.end_watch(loser, reason)
        else:
            ports.store.fence(loser, kind, reason, ports.now())
    ports.executions.start(rollout_id)
    ports.events.publish("RolloutOpened", rollout=str(rollout_id), model=rollout_id.model, version=rollout_id.version)
    return {"rollout": str(rollout_id)}


def _report(package: Package, reason: str, ports: RolloutPorts) -> dict[str, Any]:
    ports.store.record_ignored_approval(package.arn, package.last_modified, reason)
    ports.events.publish("ApprovalIgnored", package=package.arn, reason=reason)
    return {"ignored": reason}
