"""Shift: give the candidate a stage's share of the traffic, its instances first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.assembly import live_ports
from sluice.rollout.analysis.metric_windows import seconds_until_next_analysis
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.traffic.capacity import hold
from sluice.rollout.traffic.reconcile import Done, Impossible, towards_stage
from sluice.rollout.traffic.task_result import TaskResult, answer, patience, take
from sluice.rollout_id import RolloutId

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def handler(event: Mapping[str, Any], _context: object) -> TaskResult:
    return run(event, live_ports())


def run(event: Mapping[str, Any], ports: RolloutPorts) -> TaskResult:
    """READY once the stage's weights are in force, WAIT until then, ROLL_BACK if the rollout is stopped."""
    stage = int(event["stage"])
    record = ports.store.get(RolloutId.required(event["rollout_id"]))
    if not record.may_advance:
        return answer("ROLL_BACK", stage=stage)
    planned = record.planned().stages[stage]
    ports.store.advance(record.id, "baking", stage=stage)
    ports.store.mark_time(record.id, f"shifting_{stage}", ports.now())
    state = ports.hosting.describe(record.endpoint)
    step = towards_stage(record.planned(), planned.weight, planned.candidate_count, state)
    if isinstance(step, Impossible):
        return answer("ROLL_BACK", stage=stage, reason=step.reason)
    if isinstance(step, Done):
        hold(record.planned(), state, ports, planned.candidate_count)
        return _shifted(stage, record, ports)
    take(step, record.endpoint, ports.hosting)
    # A rollback may have come between our reading of the fence and our change: then this change is undone.
    if not ports.store.get(record.id).may_advance:
        return answer("ROLL_BACK", stage=stage)
    now = ports.now()
    return answer("WAIT", stage=stage, wait_seconds=patience(record.shifting_at.get(stage, now), now))


def _shifted(stage: int, record: RolloutRecord, ports: RolloutPorts) -> TaskResult:
    plan = record.planned()
    weight = plan.stages[stage].weight
    now = ports.now()
    if plan.experiment is not None and stage == 0:
        ports.store.begin_test(record.id)
    ports.store.mark_time(record.id, f"shifted_{stage}", now)
    ports.store.note(record.id, f"shifted-{stage}", _share(plan, stage, record), now)
    ports.events.publish(
        "RolloutShifted",
        rollout=str(record.id),
        model=record.id.model,
        version=record.id.version,
        stage=stage,
        weight=weight,
    )
    return answer("READY", stage=stage, wait_seconds=seconds_until_next_analysis(plan, now))


def _share(plan: Plan, stage: int, record: RolloutRecord) -> str:
    if plan.mirror:
        return f"version {record.id.version} gets a copy of {plan.mirror.share_percent} % of the requests"
    return f"version {record.id.version} has {plan.stages[stage].weight} %"
