"""Rollback to the baseline: the one implementation behind all four ways to it.

An alarm, the judge, a person and a failed execution each fence the rollout first. Then ``restore_baseline`` takes one
step at a time, idempotently, until the baseline serves alone; ``first_step_back`` only hurries the first one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING

from sluice.endpoint.state import EndpointState
from sluice.rollout.analysis.alarms import alarm_names
from sluice.rollout.announcement import announce_promotion
from sluice.rollout.first_step_back import set_stop_alarm
from sluice.rollout.model.approval_status import ApprovalStatus
from sluice.rollout.model.live_version import live_version
from sluice.rollout.model.patience import CAPACITY_PATIENCE, UNSEEN
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import (
    RESTORING,
    FenceKind,
    RolloutOutcome,
    RolloutRecord,
    identify_rollout,
)
from sluice.rollout.model.stuck import is_to_be_told
from sluice.rollout.planning.approvals import rejection_by
from sluice.rollout.traffic.apply_step import apply_step, is_as_read
from sluice.rollout.traffic.capacity import try_deregister_lost_variants, try_scale_baseline
from sluice.rollout.traffic.reconcile import (
    Done,
    Impossible,
    ReconcileStep,
    SetCapacity,
    StopDeployment,
    UseConfig,
    Wait,
    next_step_towards_baseline,
)
from sluice.rollout.traffic.task_result import TaskResult, poll_seconds, task_result
from sluice.rollout_id import RolloutId

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts

_OUTCOMES: dict[FenceKind, RolloutOutcome] = {
    "alarm": "rolled_back",
    "judge": "rolled_back",
    "guardrails": "rolled_back",
    "aborted": "rolled_back",
    "superseded": "superseded",
    "withdrawn": "withdrawn",
    "failed": "failed",
}


LONGEST_TASK = timedelta(minutes=2)
"""No task of the state machine is at work for longer: its function is stopped after a minute and a half."""


PROMOTED = "promoted"
"""The reason of what was promoted before it was to be taken back: the state machine ends such an execution well."""


def restore_baseline(
    rollout_id: RolloutId, failure: str, ports: RolloutPorts, *, is_beside: bool = False
) -> TaskResult:
    """Take one step towards the baseline; READY when it serves alone and the registry holds the reason.

    A rollout that was promoted before it was fenced stays so, and is announced.

    ``failure`` is the reason if nothing has fenced the rollout before; then nothing is known against the version, and
    it is not marked Rejected. Idempotent: may be called at any time, any number of times.

    ``is_beside``: by another execution than the rollout's own, whose last task may still be at work. It may have read
    the record before the fence, and take the lock or request an update of the endpoint yet. So what is restored beside
    it is not closed before that task has ended: until then the endpoint is looked at again.
    """
    record = ports.store.get(rollout_id)
    identify_rollout(record, ports.telemetry)
    if not record.is_closed:
        reason = failure or "the rollout failed"
        record = ports.store.fence(rollout_id, "failed", reason, ports.now(), is_unknown=True)
    if record.is_closed:
        return _closed_before(record, ports)
    ports.store.begin_restoring(rollout_id)
    if record.plan is None:
        seconds = _seconds_until_sure(record, ports.now(), is_beside=is_beside, is_seen=False)
        return task_result("WAIT", wait_seconds=seconds) if seconds else _close(record, None, "", ports)
    is_batch = record.plan.engine == "batch"  # then an endpoint of this name is of another time
    read_at = ports.now()
    state = None if is_batch else ports.hosting.describe(record.endpoint)
    step = next_step_towards_baseline(record.plan, state)
    if isinstance(step, SetCapacity) and _is_small_for_long(record, ports.now()):
        step = Done()  # it serves alone, on what AWS has; its scaling goes on asking for more
    if not isinstance(step, Done | Impossible):
        return _take(step, record, record.plan, state, ports, read_at=read_at)
    is_seen = _says_taken_back(state, record, ports)
    if seconds := _seconds_until_sure(record, ports.now(), is_beside=is_beside, is_seen=is_seen):
        return task_result("WAIT", wait_seconds=seconds)
    if isinstance(step, Impossible):
        return _close(record, state, step.reason, ports)
    try_scale_baseline(record.plan, ports)
    return _close(record, state, "", ports)


def _take(
    step: ReconcileStep,
    record: RolloutRecord,
    plan: Plan,
    state: EndpointState | None,
    ports: RolloutPorts,
    *,
    read_at: datetime,
) -> TaskResult:
    """Take one step towards the baseline, and wait for what comes of it."""
    if isinstance(step, StopDeployment):
        set_stop_alarm(record, ports)
    if isinstance(step, UseConfig):
        try_deregister_lost_variants(plan, step.config, state, ports)
    is_due = not isinstance(step, Wait) and is_as_read(state, read_at, ports)
    is_accepted = is_due and apply_step(step, record.endpoint, ports.hosting)
    if is_accepted:
        if isinstance(step, UseConfig):
            ports.store.mark_requested(record.id, step.config)
        ports.store.mark_time(record.id, f"{RESTORING}{type(step).__name__}", ports.now())
    if is_accepted and isinstance(step, UseConfig) and step.config in record.requested_configs:
        _tell_stuck(record, step.config, state, ports)  # afterwards: the rollback must not wait for an event
    return task_result("WAIT", wait_seconds=_poll_seconds(ports.store.get(record.id), ports.now()))


def _is_small_for_long(record: RolloutRecord, now: datetime) -> bool:
    """Whether the old version's instances were asked for again and again, and not provided."""
    first = record.restoring_at.get(SetCapacity.__name__)
    return first is not None and now - first >= CAPACITY_PATIENCE


def _poll_seconds(record: RolloutRecord, now: datetime) -> int:
    """Seconds until the next look: soon after the first step of each kind, whatever came before; later more slowly."""
    fenced = record.fence.at if record.fence else record.opened_at
    return poll_seconds(max([fenced, *record.restoring_at.values()]), now)


def _says_taken_back(state: EndpointState | None, record: RolloutRecord, ports: RolloutPorts) -> bool:
    """Whether SageMaker names an alarm of this rollout as what made it take an update back: it has had it, then."""
    why = state.failure_reason if state is not None else ""
    return any(name in why for name in alarm_names(ports.names, str(record.id)))


def _seconds_until_sure(record: RolloutRecord, now: datetime, *, is_beside: bool, is_seen: bool) -> int:
    """Seconds until nothing moves the endpoint any more that is not seen yet; 0 if nothing does.

    That is the last config that was requested, unless it ``is_seen``, and ``is_beside`` a task that began before the
    fence.
    """
    fenced = record.fence.at if record.fence else record.opened_at
    unseen = None if is_seen else record.unseen_until(now)
    sure = max(unseen or now, fenced + LONGEST_TASK if is_beside else now)
    return max(0, ceil((sure - now).total_seconds()))


def _closed_before(record: RolloutRecord, ports: RolloutPorts) -> TaskResult:
    _leave(record, ports)  # a crash may have come between closing and leaving
    if record.outcome == "promoted":  # that cannot be taken back, but may not be announced yet
        announced = announce_promotion(record, ports)
        return {**announced, "reason": PROMOTED} if announced["status"] == "READY" else announced
    return task_result("READY", reason=record.loggable(record.reason))


def _tell_stuck(record: RolloutRecord, config: str, state: EndpointState | None, ports: RolloutPorts) -> None:
    """SageMaker accepted the rollback and rolled it back, e.g. for lack of capacity: retried, and told once a day."""
    first = record.restoring_at.get(UseConfig.__name__)
    if first is not None and ports.now() - first >= UNSEEN and is_to_be_told(record, ports.now()):
        why = (state and state.failure_reason) or "no reason given"
        reason = f"SageMaker rolled the update to {config} back: {why}"
        ports.events.publish("RolloutStuck", rollout=str(record.id), reason=reason)
        ports.store.note_stuck(record.id, ports.now())


def _close(record: RolloutRecord, state: EndpointState | None, obstacle: str, ports: RolloutPorts) -> TaskResult:
    """Reject the version, clean up and close, in an order that a crash at any point can be repeated from.

    ``obstacle`` is why the baseline could not be restored, if it could not.
    """
    fence = record.fence
    reason = fence.reason if fence else ""
    if obstacle:
        reason = f"{reason}; not restored: {obstacle}"
    outcome: RolloutOutcome = "failed" if obstacle or fence is None else _OUTCOMES[fence.kind]
    told = reason
    serving = state is not None and record.plan is not None and _candidate_serves(record.plan, state)
    if record.urgent:
        told = f"{reason}; it was good before and stays Approved"
    elif outcome in ("rolled_back", "failed") and not serving and not _serves_elsewhere(record, ports):
        if fence is not None and fence.is_unknown:
            told = f"{reason}; {_unblamed(record, ports)}"
        else:
            _reject(record, reason, ports)
    ports.metrics.delete_alarms(alarm_names(ports.names, str(record.id)))
    if record.plan is not None and record.plan.engine == "batch":
        from sluice.rollout.batch.comparison_run import clean_up_batch  # only for batch models

        clean_up_batch(record, ports)
    if record.plan is not None and not obstacle and not serving:
        ports.hosting.delete_config(record.plan.canary_config)
        ports.hosting.delete_config(record.plan.candidate.config)
        ports.hosting.delete_model(record.plan.candidate.model)
    now = ports.now()
    ports.history.append(record.id, f"closed-{outcome}", f"{outcome}: {reason}", now)
    ports.events.publish(
        "RolloutFailed" if outcome == "failed" else "RolloutRolledBack",
        rollout=str(record.id),
        model=record.id.model,
        version=record.id.version,
        outcome=outcome,
        reason=told,
    )
    if ports.store.close(record.id, outcome, reason, now):
        _report(record, outcome, reason, now, is_restored=not obstacle, ports=ports)
    _leave(record, ports)
    return task_result("READY", reason=record.loggable(reason))


def _reject(record: RolloutRecord, reason: str, ports: RolloutPorts) -> None:
    """Mark the version Rejected, unless a person has approved it once more since the rollout was fenced."""
    since = record.fence.at if record.fence else record.opened_at
    said = f"{rejection_by(record.id)}{reason}"
    if not ports.registry.reject(record.package_arn, said, unless_approved_since=since):
        return
    ports.approvals.record(record.id.model, record.id.version, ApprovalStatus(approval="Rejected", at=ports.now()))


def _leave(record: RolloutRecord, ports: RolloutPorts) -> None:
    """Unlock the endpoint of a rollout that is closed.

    If it was to replace a rejected version, that serves on: its rejection is told again, upon which the good version
    before this one is tried, or people are told that none is left.
    """
    ports.locks.release(record.endpoint, record.id)
    if not record.urgent or record.outcome == "promoted":
        return
    serving = live_version(record.id.model, ports)
    if serving is not None and serving != record.id.version:
        ports.events.publish(
            "SageMaker Model Package State Change",
            ModelPackageArn=f"{record.package_arn.rsplit('/', 1)[0]}/{serving}",
            ModelPackageGroupName=ports.names.group(record.id.model),
            ModelApprovalStatus="Rejected",
        )


def _unblamed(record: RolloutRecord, ports: RolloutPorts) -> str:
    again = ports.names.command(f"retry {record.id.model}/{record.id.version}")
    return f"nothing is known against the version, it stays Approved: {again} tries it again"


def _report(
    record: RolloutRecord,
    outcome: RolloutOutcome,
    reason: str,
    now: datetime,
    *,
    is_restored: bool,
    ports: RolloutPorts,
) -> None:
    """Log and measure the rollback; called only by the invocation that closed the rollout, so it happens once."""
    model = record.id.model
    cause = record.fence.kind if record.fence else "failed"
    seconds = (now - record.fence.at).total_seconds() if record.fence and is_restored else None
    ports.telemetry.log(
        "rollback ended",
        cause=cause,
        outcome=outcome,
        reason=record.loggable(reason),
        seconds_to_restore=seconds,
    )
    if outcome == "failed":
        ports.telemetry.measure("RolloutFailed", model=model)
    else:
        ports.telemetry.measure("RolloutRolledBack", model=model, cause=cause)
    if seconds is not None and record.plan is not None:  # without a plan nothing was changed
        ports.telemetry.measure("TimeToRestore", seconds, model=model, unit="Seconds")
    duration = (now - record.approved_at).total_seconds()
    ports.telemetry.measure("RolloutDuration", duration, model=model, unit="Seconds")


def _serves_elsewhere(record: RolloutRecord, ports: RolloutPorts) -> bool:
    """Whether the version is live without this rollout: it was approved again, or was to move to another endpoint.

    To reject it would take it out of service where it does well.
    """
    return live_version(record.id.model, ports) == record.id.version


def _candidate_serves(plan: Plan, state: EndpointState) -> bool:
    return state.share_of_model(plan.candidate.model) > 0
