"""Promotes the candidate: all instances and traffic to it, the baseline's fleet removed, a bake, and the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from sluice.endpoint.state import EndpointState
from sluice.rollout.announcement import announce_promotion
from sluice.rollout.gates.pauses import obstacle_to_provision
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import PAST_ITS_STAGES, SCALING, RolloutRecord, identify_rollout
from sluice.rollout.planning.approvals import may_go_on
from sluice.rollout.post_promotion_watch import watch_promotion
from sluice.rollout.stop import stop_as_impossible, unless_in_vain
from sluice.rollout.traffic.apply_step import apply_step, is_as_read
from sluice.rollout.traffic.capacity import apply_scaling, deregister_lost_variants, retried_if_registered
from sluice.rollout.traffic.endpoint_configs import create_config
from sluice.rollout.traffic.reconcile import (
    Done,
    Impossible,
    ReconcileStep,
    SetCapacity,
    UseConfig,
    next_step_towards_promotion,
)
from sluice.rollout.traffic.task_result import TaskResult, poll_seconds, slow_poll_seconds, task_result
from sluice.rollout_id import RolloutId

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def promote_candidate(rollout_id: RolloutId, ports: RolloutPorts) -> TaskResult:
    """READY once the candidate serves alone and that is closed and announced, WAIT until then, ROLL_BACK if stopped."""
    record = ports.store.get(rollout_id)
    identify_rollout(record, ports.telemetry)
    if record.outcome == "promoted":
        return announce_promotion(record, ports)
    if not may_go_on(record, ports):
        return task_result("ROLL_BACK")
    plan = record.planned()
    if not _enter(record, plan, ports):
        return _held(record, ports)
    read_at = ports.now()
    state = ports.hosting.describe(record.endpoint)
    is_recent = record.unseen_until(ports.now()) is not None
    step = next_step_towards_promotion(plan, state, record.requested_configs, is_recent=is_recent)
    step = unless_in_vain(step, record, ports.now())
    ports.telemetry.debug("reconciled the endpoint with the plan", step=type(step).__name__)
    if isinstance(step, Done):
        if record.watching_since is None:
            apply_scaling(plan, plan.candidate.variant, ports)
        return watch_promotion(record, ports) or _close(record, ports)
    if isinstance(step, Impossible):
        return stop_as_impossible(step, record, ports)
    _apply(step, plan, state, record, ports, read_at=read_at)
    if not ports.store.get(record.id).may_advance:
        return task_result("ROLL_BACK")
    now = ports.now()
    return task_result("WAIT", wait_seconds=poll_seconds(record.shifting_at.get(len(plan.stages), now), now))


def _enter(record: RolloutRecord, plan: Plan, ports: RolloutPorts) -> bool:
    """Enter the phase; False if a person has paused the rollout before it was promoting."""
    now, mark = ports.now(), f"shifting_{len(plan.stages)}"
    if record.phase not in PAST_ITS_STAGES:
        return ports.store.advance_unless_paused(record.id, "promoting", **{mark: now.isoformat()})
    ports.store.advance(record.id, "watching" if record.watching_since else "promoting")
    ports.store.mark_time(record.id, mark, now)
    return True


def _held(record: RolloutRecord, ports: RolloutPorts) -> TaskResult:
    obstacle = obstacle_to_provision(ports.store.get(record.id), ports)
    seconds = slow_poll_seconds(record.opened_at, ports.now())
    return task_result("WAIT", wait_seconds=seconds, reason=obstacle.reason if obstacle else "")


def _apply(
    step: ReconcileStep,
    plan: Plan,
    state: EndpointState | None,
    record: RolloutRecord,
    ports: RolloutPorts,
    *,
    read_at: datetime,
) -> None:
    if isinstance(step, UseConfig):
        create_config(step.config, plan, record, ports)
        deregister_lost_variants(plan, step.config, state, ports)
        ports.store.note_request(record.id, ports.now())
    with retried_if_registered(plan, step, state, ports):
        is_accepted = is_as_read(state, read_at, ports) and apply_step(step, record.endpoint, ports.hosting)
    if is_accepted and isinstance(step, UseConfig):
        ports.store.mark_requested(record.id, step.config)
    if is_accepted and isinstance(step, SetCapacity):
        ports.store.mark_time(record.id, f"{SCALING}{step.count}", ports.now())


def _close(record: RolloutRecord, ports: RolloutPorts) -> TaskResult:
    """Close the rollout, and only then announce it: until it is closed, a rollback may come, and its alarms watch."""
    now = ports.now()
    ports.store.close_promoted(record.id, "promoted", now)
    # Only the call that closed it comes here: a repeated one finds the outcome.
    ports.telemetry.measure("RolloutPromoted", model=record.id.model)
    duration = (now - record.approved_at).total_seconds()
    ports.telemetry.measure("RolloutDuration", duration, model=record.id.model, unit="Seconds")
    return announce_promotion(replace(record, closed_at=now), ports)
