"""Promote: all instances and all traffic to the candidate, then the endpoint without the baseline, then a watch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.assembly import live_ports
from sluice.rollout.analysis.alarms import alarm_names
from sluice.rollout.bake_after_promotion import bake_after_promotion
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.traffic.capacity import follow_load, let_go
from sluice.rollout.traffic.endpoint_configs import make_config
from sluice.rollout.traffic.reconcile import Done, Impossible, UseConfig, towards_promotion
from sluice.rollout.traffic.task_result import TaskResult, answer, patience, take
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
        return answer("ROLL_BACK")
    plan = record.planned()
    ports.store.advance(record.id, "watching" if record.watching_since else "promoting")
    ports.store.mark_time(record.id, f"shifting_{len(plan.stages)}", ports.now())
    state = ports.hosting.describe(record.endpoint)
    step = towards_promotion(plan, state, record.asked)
    if isinstance(step, Done):
        if record.watching_since is None:
            follow_load(plan, plan.candidate.variant, ports)
        return bake_after_promotion(record, ports) or _finish(record, plan, ports)
    if isinstance(step, Impossible):
        return answer("ROLL_BACK", reason=step.reason)
    if isinstance(step, UseConfig):
        make_config(step.config, plan, record, ports)
        let_go(plan, step.config, state, ports)
    if take(step, record.endpoint, ports.hosting) and isinstance(step, UseConfig):
        ports.store.mark_asked(record.id, step.config)
    if not ports.store.get(record.id).may_advance:
        return answer("ROLL_BACK")
    now = ports.now()
    return answer("WAIT", wait_seconds=patience(record.shifting_at.get(len(plan.stages), now), now))


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
    ports.store.closed_again(record.id, ports.now())
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
    return answer("READY")
