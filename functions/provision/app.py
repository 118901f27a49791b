"""Provision: make the model, and a fleet for it that has no traffic yet. A first version gets the endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.alarms import alarms_for, composite_for
from sluice.assembly import Ports, live_ports
from sluice.convergence import CreateEndpoint, Done, Impossible, UseConfig, towards_candidate
from sluice.endpoint import NewVariant
from sluice.plan import Plan, first_fleet
from sluice.rollout import RolloutId, RolloutRecord
from sluice.steps import TaskResult, answer, patience, take


def handler(event: Mapping[str, Any], _context: object) -> TaskResult:
    return run(event, live_ports())


def run(event: Mapping[str, Any], ports: Ports) -> TaskResult:
    """SHIFT or PROMOTE once the candidate's fleet stands by, WAIT until then, ROLL_BACK if it never will."""
    record = ports.store.get(RolloutId.required(event["rollout_id"]))
    if not record.may_advance:
        return answer("ROLL_BACK")
    plan = record.planned()
    ports.store.advance(record.id, "provisioning")
    step = towards_candidate(plan, ports.hosting.describe(record.endpoint), record.asked)
    if isinstance(step, Done):
        if plan.is_watched:
            # Only now: an earlier attempt's errors on a variant of the same name would set off a younger alarm.
            ports.metrics.put_alarms(alarms_for(ports.names, str(record.id), plan))
            ports.metrics.put_composite_alarm(composite_for(ports.names, str(record.id), plan))
        ports.store.note(record.id, "provisioned", f"{plan.candidate.variant} stands by", ports.now())
        return answer("SHIFT" if plan.stages else "PROMOTE")
    if isinstance(step, Impossible):
        return answer("ROLL_BACK", reason=step.reason)
    if isinstance(step, CreateEndpoint | UseConfig):
        _prepare(step.config, plan, record, ports)
    if take(step, record.endpoint, ports.hosting) and isinstance(step, UseConfig):
        ports.store.mark_asked(record.id, step.config)
    return answer("WAIT", wait_seconds=patience(record.opened_at, ports.now()))


def _prepare(config: str, plan: Plan, record: RolloutRecord, ports: Ports) -> None:
    """The model and the endpoint config."""
    ports.hosting.create_model(plan.candidate.model, record.package_arn, ports.model_role_arn)
    ports.hosting.create_config(config, _variants(plan), plan.period_seconds)


def _variants(plan: Plan) -> list[NewVariant]:
    """The baseline with all the weight and the candidate with none; or the candidate alone."""
    candidate = NewVariant(
        name=plan.candidate.variant,
        model=plan.candidate.model,
        instance_type=plan.candidate.instance_type,
        instance_count=first_fleet(plan),
        weight=0.0 if plan.stages else 100.0,
    )
    if plan.baseline is None or not plan.stages:
        return [candidate]
    baseline = NewVariant(
        name=plan.baseline.variant,
        model=plan.baseline.model,
        instance_type=plan.baseline.instance_type,
        instance_count=plan.baseline.instance_count,
        weight=100.0,
    )
    return [baseline, candidate]
