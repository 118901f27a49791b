"""Promote: all instances and all traffic to the candidate, then the endpoint without the baseline, then a watch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.assembly import live_ports
from sluice.rollout.analysis.alarms import alarm_names
from sluice.rollout.bake_after_promotion import watch
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.traffic.apply_step import apply_step
from sluice.rollout.traffic.capacity import apply_scaling, deregister_lost_variants
from sluice.rollout.traffic.endpoint_configs import create_config
from sluice.rollout.traffic.reconcile import Done, Impossible, UseConfig, next_step_towards_promotion
from sluice.rollout.traffic.task_result import TaskResult, poll_seconds, task_result
from sluice.rollout_id import RolloutId

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def handler(event: Mapping[str, Any], _context: object) -> TaskResult:
    return run(event, live_ports())


def run(event: Mapping[str, Any], ports: RolloutPorts) -> TaskResult:
    """READY once the candidate serves alone and the rollout is closed, WAIT until then, ROLL_BACK if stopped."""
    record = ports.store.get(RolloutId.required(event["rollout_id"]))
    if record.outcome == "promoted":
        return _tell(record, record.planned(), ports)
    if not record.may_advance:
        return task_result("ROLL_BACK")
    plan = record.planned()
    ports.store.advance(record.id, "watching" if record.watching_since else "promoting")
    ports.store.mark_time(record.id, f"shifting_{len(plan.stages)}", ports.now())
    state = ports.hosting.describe(record.endpoint)
    step = next_step_towards_promotion(plan, state, record.requested_configs)
    if isinstance(step, Done):
        if record.watching_since is None:
            apply_scaling(plan, plan.candidate.variant, ports)
        return watch(record, ports) or _finish(record, plan, ports)
    if isinstance(step, Impossible):
        return task_result("ROLL_BACK", reason=step.reason)
    if isinstance(step, UseConfig):
        create_config(step.config, plan, record, ports)
        deregister_lost_variants(plan, step.config, state, ports)
    if apply_step(step, record.endpoint, ports.hosting) and isinstance(step, UseConfig):
        ports.store.mark_requested(record.id, step.config)
    if not ports.store.get(record.id).may_advance:
        return task_result("ROLL_BACK")
    now = ports.now()
    return task_result("WAIT", wait_seconds=poll_seconds(record.shifting_at.get(len(plan.stages), now), now))


def _finish(record: RolloutRecord, plan: Plan, ports: RolloutPorts) -> TaskResult:
    """Clean up, close, and only then tell: until it is closed a rollback may come.

    The config that served before is kept: it is the way back.
    """
    ports.metrics.delete_alarms(alarm_names(ports.names, str(record.id)))
    if plan.engine in ("weights", "shadow"):
        ports.hosting.delete_config(plan.canary_config)
    ports.store.close_promoted(record.id, "promoted", ports.now())
    return _tell(record, plan, ports)


def _tell(record: RolloutRecord, plan: Plan, ports: RolloutPorts) -> TaskResult:
    """Tell the registry and everyone else, and let the next one have the endpoint. After a crash all is said again."""
    now = ports.now()
    ports.registry.annotate(
        record.package_arn,
        {
            "sluice.endpoint": plan.endpoint or "batch",
            "sluice.promoted_at": now.isoformat(timespec="seconds"),
            "sluice.rollout": str(record.id),
        },
    )
    ports.store.renew_closed_at(record.id, ports.now())
    does = "scores what comes next" if plan.engine == "batch" else "serves all traffic"
    ports.store.note(record.id, "closed-promoted", f"version {record.id.version} {does}", now)
    ports.events.publish(
        "RolloutPromoted",
        rollout=str(record.id),
        model=record.id.model,
        version=record.id.version,
        endpoint=plan.endpoint,
    )
    ports.store.unlock(record.endpoint, record.id)
    return task_result("READY")
