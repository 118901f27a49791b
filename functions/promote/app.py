"""Promote: all instances and all traffic to the candidate, then the endpoint without the baseline, then a watch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.alarms import alarm_names
from sluice.assembly import Ports, live_ports
from sluice.convergence import Done, Impossible, UseConfig, towards_promotion
from sluice.endpoint import NewVariant
from sluice.plan import Plan
from sluice.rollout import RolloutId, RolloutRecord
from sluice.steps import TaskResult, answer, patience, take
from sluice.watching import watch


def handler(event: Mapping[str, Any], _context: object) -> TaskResult:
    return run(event, live_ports())


def run(event: Mapping[str, Any], ports: Ports) -> TaskResult:
    """READY once the candidate serves alone and the rollout is closed, WAIT until then, ROLL_BACK if stopped."""
    record = ports.store.get(RolloutId.required(event["rollout_id"]))
    if record.outcome == "promoted":
        ports.store.unlock(record.endpoint, record.id)
        return answer("READY")
    if not record.may_advance:
        return answer("ROLL_BACK")
    plan = record.planned()
    ports.store.advance(record.id, "watching" if record.watching_since else "promoting")
    ports.store.mark_time(record.id, f"shifting_{len(plan.stages)}", ports.now())
    step = towards_promotion(plan, ports.hosting.describe(record.endpoint), record.asked)
    if isinstance(step, Done):
        return watch(record, ports) or _finish(record, plan, ports)
    if isinstance(step, Impossible):
        return answer("ROLL_BACK", reason=step.reason)
    if isinstance(step, UseConfig):
        ports.hosting.create_config(step.config, [_alone(plan)], plan.period_seconds)
    if take(step, record.endpoint, ports.hosting) and isinstance(step, UseConfig):
        ports.store.mark_asked(record.id, step.config)
    if not ports.store.get(record.id).may_advance:
        return answer("ROLL_BACK")
    now = ports.now()
    return answer("WAIT", wait_seconds=patience(record.shifting_at.get(len(plan.stages), now), now))


def _alone(plan: Plan) -> NewVariant:
    return NewVariant(
        name=plan.candidate.variant,
        model=plan.candidate.model,
        instance_type=plan.candidate.instance_type,
        instance_count=plan.candidate.instance_count,
        weight=100.0,
    )


def _finish(record: RolloutRecord, plan: Plan, ports: Ports) -> TaskResult:
    """Tell the registry and close. The config that served before is kept: it is the way back."""
    now = ports.now()
    ports.registry.annotate(
        record.package_arn,
        {
            "sluice.endpoint": plan.endpoint,
            "sluice.promoted_at": now.isoformat(timespec="seconds"),
            "sluice.rollout": str(record.id),
        },
    )
    ports.metrics.delete_alarms(alarm_names(ports.names, str(record.id)))
    if plan.engine == "weights":
        ports.hosting.delete_config(plan.canary_config)
    ports.store.note(record.id, "closed-promoted", f"{plan.candidate.variant} serves all traffic", now)
    ports.events.publish(
        "RolloutPromoted",
        rollout=str(record.id),
        model=record.id.model,
        version=record.id.version,
        endpoint=plan.endpoint,
    )
    ports.store.close_promoted(record.id, "promoted", ports.now())
    ports.store.unlock(record.endpoint, record.id)
    return answer("READY")
