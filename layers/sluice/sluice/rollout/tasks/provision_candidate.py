"""Provisions the candidate: its model, and its fleet beside the baseline, in its place, or as a new endpoint."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING

from sluice.endpoint.state import EndpointState
from sluice.rollout.alarm_guard import guarded_deployment, is_stopped_while_deploying, put_alarms
from sluice.rollout.analysis.alarms import looks_back_seconds
from sluice.rollout.gates.holds import seconds_until_recheck
from sluice.rollout.gates.pauses import obstacle_to_provision
from sluice.rollout.model.plan import Plan, provisioned_count
from sluice.rollout.model.record import PAST_ITS_STAGES, RolloutRecord, identify_rollout
from sluice.rollout.planning.approvals import may_go_on
from sluice.rollout.planning.origin_check import refuse_untrusted
from sluice.rollout.stop import stop_as_impossible
from sluice.rollout.traffic.apply_step import apply_step, is_as_read
from sluice.rollout.traffic.capacity import (
    apply_capacity_floors,
    deregister_lost_variants,
    require_deregistering,
    retried_if_registered,
)
from sluice.rollout.traffic.endpoint_configs import create_config
from sluice.rollout.traffic.reconcile import (
    CreateEndpoint,
    Done,
    Impossible,
    ReconcileStep,
    UseConfig,
    next_step_towards_candidate,
)
from sluice.rollout.traffic.task_result import TaskResult, poll_seconds, task_result
from sluice.rollout_id import RolloutId
from sluice.spec.serving_modes import model_server_environment

if TYPE_CHECKING:
    from sluice.rollout.gates.gates import Obstacle
    from sluice.rollout.ports import RolloutPorts


def provision_candidate(rollout_id: RolloutId, ports: RolloutPorts) -> TaskResult:
    """SHIFT or PROMOTE once the candidate's fleet is as planned, WAIT until then, ROLL_BACK if it never will be.

    Raises:
        PlanError: the version is made of what may not serve, or its artifact is another than was registered.
    """
    record = ports.store.get(rollout_id)
    identify_rollout(record, ports.telemetry)
    if not may_go_on(record, ports):
        return task_result("ROLL_BACK")
    plan = record.planned()
    if record.phase not in PAST_ITS_STAGES:  # the fleet may be about to be replaced, and a pause come too late
        ports.store.advance(record.id, "provisioning")
    if plan.engine == "batch" and (obstacle := obstacle_to_provision(record, ports)):
        return _held(obstacle, record, ports)
    if plan.engine == "batch":
        from sluice.rollout.batch.comparison_run import provision_batch  # only for batch models

        return provision_batch(record, ports)
    if plan.engine == "guardrails" and is_stopped_while_deploying(record, ports):
        return task_result("ROLL_BACK")
    read_at = ports.now()
    state = ports.hosting.describe(record.endpoint)
    is_recent = record.unseen_until(ports.now()) is not None
    step = next_step_towards_candidate(plan, state, record.requested_configs, is_recent=is_recent)
    ports.telemetry.debug("reconciled the endpoint with the plan", step=type(step).__name__)
    if _may_be_held(step, plan) and (obstacle := obstacle_to_provision(record, ports)):
        return _held(obstacle, record, ports)
    if isinstance(step, Done):
        return _provisioned(plan, state, record, ports)
    if isinstance(step, Impossible):
        return stop_as_impossible(step, record, ports)
    _apply(step, plan, state, record, ports, read_at=read_at)
    return task_result("WAIT", wait_seconds=poll_seconds(record.planned_at or record.opened_at, ports.now()))


def _may_be_held(step: ReconcileStep, plan: Plan) -> bool:
    """Whether a pause can hold the rollout here: before its first change, and before the candidate has any traffic."""
    return isinstance(step, CreateEndpoint | UseConfig) or (isinstance(step, Done) and bool(plan.stages))


def _held(obstacle: Obstacle, record: RolloutRecord, ports: RolloutPorts) -> TaskResult:
    seconds = seconds_until_recheck(record, obstacle.until, ports.now())
    return task_result("WAIT", wait_seconds=seconds, reason=obstacle.reason)


def _apply(
    step: ReconcileStep,
    plan: Plan,
    state: EndpointState | None,
    record: RolloutRecord,
    ports: RolloutPorts,
    *,
    read_at: datetime,
) -> None:
    """Create what the step refers to, then apply it; of a version without stages, unless it was paused meanwhile.

    Its fleet takes over as soon as SageMaker is asked. So from then on it is promoting, in which no pause is accepted:
    of the two conditional writes one comes first, and the other finds it. It stays so if SageMaker calls the
    endpoint busy: that may be with this very request, whose first answer was lost.
    """
    if isinstance(step, CreateEndpoint | UseConfig):
        require_deregistering(plan, ports)
        refuse_untrusted(record, ports)
        environment = model_server_environment(plan.response_seconds)
        ports.hosting.create_model(
            plan.candidate.model,
            record.package_arn,
            ports.serverless_role_arn if plan.candidate.serverless else ports.model_role_arn,
            environment,
            network_isolation=plan.network_isolation,
        )
        create_config(step.config, plan, record, ports)
        apply_capacity_floors(plan, state, ports)
        deregister_lost_variants(plan, step.config, state, ports)
        ports.store.note_request(record.id, ports.now())
    is_guarded = isinstance(step, UseConfig) and step.guarded
    deployment = guarded_deployment(plan, str(record.id), state, ports) if is_guarded else None
    takes_over = isinstance(step, CreateEndpoint | UseConfig) and not plan.stages
    if takes_over and not ports.store.advance_unless_paused(record.id, "promoting"):
        return  # the next look records the hold
    with retried_if_registered(plan, step, state, ports):
        is_accepted = is_as_read(state, read_at, ports) and apply_step(step, record.endpoint, ports.hosting, deployment)
    if is_accepted and isinstance(step, CreateEndpoint | UseConfig):
        ports.store.mark_requested(record.id, step.config)


def _seconds_of_old_fleet(plan: Plan, record: RolloutRecord, ports: RolloutPorts) -> int:
    """Seconds until the alarms of the watch look back on the new fleet only; 0 if they do, or there are none.

    A deployment by SageMaker keeps the variant's name. Until then the alarms of the deployment stay, and with them the
    one over all, in which the user's own ring.
    """
    if not plan.is_watched or plan.baseline is None or plan.baseline.variant != plan.candidate.variant:
        return 0
    now = ports.now()
    if record.fleet_ready_at is None:
        ports.store.mark_time(record.id, "fleet_ready_at", now)
    clean = (record.fleet_ready_at or now) + timedelta(seconds=looks_back_seconds(plan))
    return max(0, ceil((clean - now).total_seconds()))


def _provisioned(plan: Plan, state: EndpointState | None, record: RolloutRecord, ports: RolloutPorts) -> TaskResult:
    apply_capacity_floors(plan, state, ports, provisioned_count(plan))
    if seconds := _seconds_of_old_fleet(plan, record, ports):
        return task_result("WAIT", wait_seconds=seconds)
    if plan.is_watched:
        # Not earlier: errors of an earlier attempt on a variant of the same name would set off the new alarm.
        put_alarms(plan, str(record.id), ports)
    if plan.engine == "guardrails":
        # Again: the task may have crashed between the request and its mark.
        ports.store.mark_requested(record.id, plan.candidate.config)
    ports.history.append(record.id, "provisioned", f"version {record.id.version} stands by", ports.now())
    return task_result("SHIFT" if plan.stages else "PROMOTE")
