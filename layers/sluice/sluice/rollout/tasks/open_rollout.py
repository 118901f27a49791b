"""Opens a rollout for a person's decision: an approval of a version, or the rejection of the version that serves.

One decision opens one rollout, and one that is taken back ends it. Events are delivered at least once and may be late,
so the version is read again from the Model Registry, and each decision has the time of the change that the event names.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sluice.errors import AwsRefusedError, SpecError, UnknownModelError
from sluice.events import PackageChanged
from sluice.rollout.free_attempt import next_free_attempt
from sluice.rollout.model.approval_status import ApprovalStatus, last_approval_status
from sluice.rollout.model.live_version import live_endpoint, live_version
from sluice.rollout.model.record import FenceKind, RolloutRecord, identify_rollout
from sluice.rollout.planning.approvals import (
    NO_LONGER_APPROVED,
    attempt_for,
    is_still_approved,
    next_attempt,
    rejected_over,
    resolve_conflict,
)
from sluice.rollout.planning.origin_check import may_come_back, untrusted
from sluice.rollout.planning.way_back import TOLD_AGAIN, no_way_back, way_back
from sluice.rollout.restore_executions import start_restore
from sluice.rollout_id import RolloutId

if TYPE_CHECKING:
    from sluice.aws.model_registry import Package
    from sluice.rollout.ports import RolloutPorts
    from sluice.spec.model import ModelSpec

_NOTE = "sluice.not_rolled_out"  # a property of the version in the Model Registry


def open_rollout(changed: PackageChanged, ports: RolloutPorts) -> dict[str, str]:
    """Store a record and start the state machine; report an approval that cannot be rolled out.

    Returns ``{"rollout": id}``, or ``{"ignored": reason}`` if the event leads to no rollout. A version that was
    approved before its registration is complete waits: the event of its completion comes here, or else the sweep's.
    """
    if not changed.may_be_approval and not changed.may_end_approval:
        return {"ignored": "no decision on a version"}
    package = ports.registry.describe(changed.arn)
    ports.telemetry.identify("version", package.version)
    model = ports.names.model_of(package.group)
    if model is None:
        return {"ignored": f"{package.group}/{package.version} is {package.approval}"}
    ports.telemetry.identify("model", model)
    if not package.is_approved:
        return _end_approval(package, model, changed, ports)
    if not changed.may_be_approval:
        return {"ignored": f"{package.group}/{package.version} is {package.approval}"}
    return _open_approved(package, model, changed, ports)


def _open_approved(package: Package, model: str, changed: PackageChanged, ports: RolloutPorts) -> dict[str, str]:
    if package.has_failed:
        return _ignore_failed(package, changed, ports)
    if not package.is_complete:
        return {"ignored": f"{model}/{package.version} is approved and still {package.status}: it waits"}
    try:
        spec = ports.specs.get(model)
    except (UnknownModelError, SpecError) as error:
        return _ignore_approval(package, changed, str(error), ports)
    latest = next(ports.store.rollouts(model, package.version), None)
    at = _approved_at(package, model, changed, latest, ports)
    attempt = attempt_for(latest, at)
    if attempt is None:
        return {"ignored": f"{model}/{package.version} has been rolled out: {latest and latest.outcome}"}
    wanted = RolloutId(model=model, version=package.version, attempt=attempt)
    is_known = latest is not None and latest.id == wanted
    if not is_known and (obstacle := _obstacle(package, at, wanted, spec, ports)):
        answer = _ignore_approval(package, changed, f"{model}/{package.version} {obstacle}", ports)
        # Last: until it is recorded, the sweep replays it.
        ports.approvals.record(model, package.version, ApprovalStatus(approval="Approved", at=at))
        return answer
    record = RolloutRecord(
        id=wanted if is_known else next_free_attempt(wanted, ports),
        package_arn=package.arn,
        endpoint=ports.names.endpoint(model, spec.endpoint.suffix),
        phase="queued",
        opened_at=ports.now(),
        approved_at=at,
    )
    return _open(record, spec, ports)


def _obstacle(package: Package, at: datetime, wanted: RolloutId, spec: ModelSpec, ports: RolloutPorts) -> str:
    """Why this approval is never rolled out; empty if it may be. Another approval of the version is looked at anew."""
    if (later := _promoted_after(at, wanted, ports)) is not None:
        return f"was approved before {later.id}, which has been promoted since"
    problem = untrusted(package, spec.origin, ports)
    return f"may not serve: {problem}" if problem else ""


def _approved_at(
    package: Package, model: str, changed: PackageChanged, latest: RolloutRecord | None, ports: RolloutPorts
) -> datetime:
    """When the approval was given that the event is about: the recorded one's time, if it is only a note on that.

    A version that is Approved and was so already is approved once more only by an event that names the approval, and
    only if it is not in use: Studio and others write the approval together with a description.
    """
    at = _changed_at(package, changed)
    last = last_approval_status(ports.approvals.get(model, package.version), latest)
    if last is None or not last.is_approved:
        return at
    if changed.is_hint and latest is not None and latest.outcome == "promoted":
        return last.at  # anybody may have sent it: all it can ask for is to retry what has failed
    is_anew = changed.names_the_approval and _second(at) > _second(last.at)
    if is_anew and (latest is None or latest.is_closed):
        is_anew = not _is_in_use(model, package.version, at, ports)
    return at if is_anew else last.at


def _changed_at(package: Package, changed: PackageChanged) -> datetime:
    """The event's own time; a hint has none that can be relied on."""
    return package.last_modified if changed.is_hint else changed.time or package.last_modified


def _second(at: datetime) -> datetime:
    """The time as an event may have it, without the fraction of the second that DescribeModelPackage knows."""
    return at.replace(microsecond=0)


def _is_in_use(model: str, version: int, at: datetime, ports: RolloutPorts) -> bool:
    """Whether the version serves, is about to be replaced by a rollout, or may have been so at that time."""
    promoted = ports.store.last_promotion(model)
    if promoted is None:
        return False
    if promoted.id.version != version:
        return promoted.closed_at is not None and at <= promoted.closed_at
    is_to_be_replaced = any(each.may_advance for each in ports.store.open_rollouts(model))
    return is_to_be_replaced or live_version(model, ports) == version


def _promoted_after(at: datetime, wanted: RolloutId, ports: RolloutPorts) -> RolloutRecord | None:
    """The last promotion, if it is of another version that was approved later: it is not to be rolled out over."""
    promoted = ports.store.last_promotion(wanted.model)
    is_later = promoted is not None and promoted.id.version != wanted.version and promoted.approved_at > at
    return promoted if is_later else None


def _end_approval(package: Package, model: str, changed: PackageChanged, ports: RolloutPorts) -> dict[str, str]:
    """The version is not Approved (any more): its rollouts go back, and a rejected one that serves is replaced."""
    withdrawn = [each for each in ports.store.open_rollouts(model) if each.id.version == package.version]
    for each in withdrawn:
        _stop(each.id, "withdrawn", NO_LONGER_APPROVED, ports)
    answer = {"rollout": str(withdrawn[0].id)} if withdrawn else {}
    if package.approval == "Rejected":
        # A version that only its own open rollout has brought into service goes with that.
        is_its_own = bool(withdrawn) and not any(
            each.outcome == "promoted" for each in ports.store.rollouts(model, package.version)
        )
        if is_its_own:
            _tell_without_baseline(package, model, withdrawn, ports)
        else:
            answer = _replace_rejected(package, model, ports)
    # Last: until it is recorded, the sweep replays it.
    at = _changed_at(package, changed) if changed.approval == package.approval else package.last_modified
    ports.approvals.record(model, package.version, ApprovalStatus(approval=package.approval, at=at))
    if changed.names_the_approval and changed.approval == "Approved" and not changed.is_hint:
        _tell_overwritten(package, model, changed, ports)
    return answer or {"ignored": f"{package.group}/{package.version} is {package.approval}"}


def _tell_overwritten(package: Package, model: str, changed: PackageChanged, ports: RolloutPorts) -> None:
    """A rollback has marked the version Rejected over the approval: only people may set it again, so they are told."""
    at = _changed_at(package, changed)
    by = rejected_over(at, package, ports.store.rollouts(model, package.version))
    if by is not None:
        name = f"{model}/{package.version}"
        reason = f"{name} was approved in the moment in which {by.id} marked it Rejected: approve it again to retry it"
        _ignore_approval(package, changed, reason, ports)


def _tell_without_baseline(package: Package, model: str, rollouts: list[RolloutRecord], ports: RolloutPorts) -> None:
    """A first version that serves already has no version before it: it serves on, and people are told."""
    is_first = any(each.plan and each.plan.engine == "create" for each in rollouts)
    if is_first and live_version(model, ports) == package.version:
        _tell_no_way_back(package, model, rollouts, ports)


def _replace_rejected(package: Package, model: str, ports: RolloutPorts) -> dict[str, str]:
    """If the rejected version serves, bring back the last known good one, at once and without stages."""
    if live_version(model, ports) != package.version:
        return {"ignored": f"{model}/{package.version} does not serve"}
    known = list(ports.store.rollouts(model))
    unfit: list[str] = []
    good = way_back(package, known, lambda arn: may_come_back(arn, unfit, ports), ports.now())
    if good is None:
        return _tell_no_way_back(package, model, known, ports, unfit)
    wanted = next_attempt(good, known)
    record = RolloutRecord(
        id=wanted if any(each.id == wanted for each in known) else next_free_attempt(wanted, ports),
        package_arn=good.package_arn,
        endpoint=live_endpoint(model, ports),
        phase="queued",
        opened_at=ports.now(),
        approved_at=package.last_modified,
        urgent=True,
    )
    return _open(record, ports.specs.get(model), ports)


def _tell_no_way_back(
    package: Package, model: str, known: list[RolloutRecord], ports: RolloutPorts, unfit: Sequence[str] = ()
) -> dict[str, str]:
    """Publish it once, and once a day while it is found so; first the event, then its mark."""
    now = ports.now()
    reason = "; ".join([no_way_back(model, package, known, now), *unfit])
    told = ports.approvals.no_way_back_told_at(package.arn)
    if told is None or now - told >= TOLD_AGAIN:
        ports.events.publish("NoWayBack", model=model, version=package.version, reason=reason)
        ports.approvals.note_no_way_back(package.arn, now)
    return {"ignored": reason}


def _open(record: RolloutRecord, spec: ModelSpec, ports: RolloutPorts) -> dict[str, str]:
    """Idempotent: a repeated event finds the record, resolves the same conflicts and starts the same execution."""
    identify_rollout(record, ports.telemetry)
    if ports.store.open(record):
        ports.telemetry.measure("RolloutOpened", model=record.id.model)
    else:
        record = ports.store.get(record.id)  # as another delivery of the event has stored it
    decision = ApprovalStatus(approval="Approved", at=record.approved_at)
    ports.approvals.record(record.id.model, record.id.version, decision)
    _stop_others(record, spec.rollout.on_new_version, ports)
    ports.executions.start(record.id)
    ports.events.publish("RolloutOpened", rollout=str(record.id), model=record.id.model, version=record.id.version)
    return {"rollout": str(record.id)}


def _stop_others(record: RolloutRecord, policy: str, ports: RolloutPorts) -> None:
    known = [each for each in ports.store.open_rollouts(record.id.model) if not _is_left_over(each, record, ports)]
    for stopped, kind, reason in resolve_conflict(record, known, policy):
        if kind == "end_watch":
            ports.store.end_watch(stopped, reason)
        else:
            _stop(stopped, kind, reason, ports)
    for each in known:
        if each.fence is not None and each.fence.kind in ("superseded", "withdrawn") and not each.restores:
            start_restore(each, ports)  # a crash may have come between its fence and this


def _stop(rollout_id: RolloutId, kind: FenceKind, reason: str, ports: RolloutPorts) -> None:
    """Fence a rollout and have an execution restore at once: its own may sleep for hours, or has not begun yet."""
    fenced = ports.store.fence(rollout_id, kind, reason, ports.now())
    if not fenced.is_closed:
        start_restore(fenced, ports)


def _is_left_over(each: RolloutRecord, new: RolloutRecord, ports: RolloutPorts) -> bool:
    """Whether a queued rollout is withdrawn, since its approval was taken back.

    No execution may ever have begun it: its event failed after it was opened, and then found nothing to start.
    """
    if each.id == new.id or each.phase != "queued" or not each.may_advance or is_still_approved(each, ports):
        return False
    _stop(each.id, "withdrawn", NO_LONGER_APPROVED, ports)
    return True


def _ignore_failed(package: Package, changed: PackageChanged, ports: RolloutPorts) -> dict[str, str]:
    """No model can be made of the version. The note goes first: it is a change of the package like an approval.

    AWS does not say whether a version whose registration failed takes a note; people are told if it does not, too.
    """
    reason = f"its registration has failed: {package.failure or 'no reason given'}"
    if _NOTE not in package.properties:
        try:
            ports.registry.annotate(package.arn, {_NOTE: reason})
        except AwsRefusedError as error:
            ports.telemetry.log("note on the version refused", error=error.code)
        else:
            package = ports.registry.describe(package.arn)
    return _ignore_approval(package, changed, reason, ports)


def _ignore_approval(package: Package, changed: PackageChanged, reason: str, ports: RolloutPorts) -> dict[str, str]:
    """Publish it once for each approval, or once more after a crash between the event and its record.

    Any note on the package modifies it as well. So only an event that names the approval can be another approval than
    the one that was published.
    """
    told = min(changed.time or package.last_modified, package.last_modified)  # nobody can have approved it later
    since = told if changed.names_the_approval else None
    if not ports.approvals.is_ignored(package.arn, since):
        ports.events.publish("ApprovalIgnored", package=package.arn, reason=reason)
        ports.approvals.record_ignored(package.arn, package.last_modified, reason)
    return {"ignored": reason}
