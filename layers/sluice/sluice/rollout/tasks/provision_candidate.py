"""Provisions the candidate: its model, and its fleet beside the baseline, in its place, or as a new endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.endpoint.state import EndpointState
from sluice.rollout.alarm_guard import guarded_deployment, is_stopped_while_deploying, put_alarms
from sluice.rollout.model.plan import Plan, provisioned_count
from sluice.rollout.model.record import RolloutRecord, identify_rollout
from sluice.rollout.planning.origin_check import refuse_untrusted
from sluice.rollout.traffic.apply_step import apply_step
from sluice.rollout.traffic.capacity import apply_capacity_floors, deregister_lost_variants, require_deregistering
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
    from sluice.rollout.ports import RolloutPorts


def provision_candidate(rollout_id: RolloutId, ports: RolloutPorts) -> TaskResult:
    """SHIFT or PROMOTE once the candidate's fleet is as planned, WAIT until then, ROLL_BACK if it never will be.

    Raises:
        PlanError: the version is made of what may not serve, or its artifact is another than was registered.
    """
    record = ports.store.get(rollout_id)
    identify_rollout(record, ports.telemetry)
    if not record.may_advance:
        return task_result("ROLL_BACK")
    plan = record.planned()
    ports.store.advance(record.id, "provisioning")
    if plan.engine == "batch":
        from sluice.rollout.batch.comparison_run import provision_batch  # only for batch models

        return provision_batch(record, ports)
    if plan.engine == "guardrails" and is_stopped_while_deploying(record, ports):
        return task_result("ROLL_BACK")
    state = ports.hosting.describe(record.endpoint)
    step = next_step_towards_candidate(plan, state, record.requested_configs)
    ports.telemetry.debug("reconciled the endpoint with the plan", step=type(step).__name__)
    if isinstance(step, Done):
        return _provisioned(plan, state, record, ports)
    if isinstance(step, Impossible):
        if step.by_sagemaker:
            ports.store.fence(record.id, "guardrails", step.reason, ports.now())
        return task_result("ROLL_BACK", reason=step.reason)
    _apply(step, plan, state, record, ports)
    return task_result("WAIT", wait_seconds=poll_seconds(record.planned_at or record.opened_at, ports.now()))


def _apply(
    step: ReconcileStep, plan: Plan, state: EndpointState | None, record: RolloutRecord, ports: RolloutPorts
) -> None:
    """Create what the step refers to, then apply it."""
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
    is_guarded = isinstance(step, UseConfig) and step.guarded
    deployment = guarded_deployment(plan, str(record.id), state, ports) if is_guarded else None
    if apply_step(step, record.endpoint, ports.hosting, deployment) and isinstance(step, UseConfig):
        ports.store.mark_requested(record.id, step.config)


def _provisioned(plan: Plan, state: EndpointState | None, record: RolloutRecord, ports: RolloutPorts) -> TaskResult:
    apply_capacity_floors(plan, state, ports, provisioned_count(plan))
    if plan.is_watched:
        # Not earlier: errors of an earlier attempt on a variant of the same name would set off the new alarm.
        put_alarms(plan, str(record.id), ports)
    if plan.engine == "guardrails":
        # Again: the task may have crashed between the request and its mark.
        ports.store.mark_requested(record.id, plan.candidate.config)
    ports.history.append(record.id, "provisioned", f"version {record.id.version} stands by", ports.now())
    return task_result("SHIFT" if plan.stages else "PROMOTE")
