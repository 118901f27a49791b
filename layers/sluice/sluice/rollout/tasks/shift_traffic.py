"""Shifts a stage's share of the traffic to the candidate, after its instances are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.rollout.analysis.metric_windows import seconds_until_next_analysis
from sluice.rollout.gates.pauses import obstacle_to_provision
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import SCALING, RolloutRecord, identify_rollout
from sluice.rollout.planning.approvals import may_go_on
from sluice.rollout.stop import stop_as_impossible, unless_in_vain
from sluice.rollout.traffic.apply_step import apply_step
from sluice.rollout.traffic.capacity import apply_capacity_floors
from sluice.rollout.traffic.reconcile import Done, Impossible, SetCapacity, next_step_towards_stage
from sluice.rollout.traffic.task_result import TaskResult, poll_seconds, slow_poll_seconds, task_result
from sluice.rollout_id import RolloutId

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def shift_traffic(stage: int, rollout_id: RolloutId, ports: RolloutPorts) -> TaskResult:
    """READY once the stage's weights are in force, WAIT until then, ROLL_BACK if the rollout is stopped."""
    record = ports.store.get(rollout_id)
    identify_rollout(record, ports.telemetry)
    ports.telemetry.identify("rollout_stage", stage)
    if not may_go_on(record, ports):
        return task_result("ROLL_BACK", stage=stage)
    plan = record.planned()
    planned = plan.stages[stage]
    if not _enter(stage, record, ports):
        return _held(stage, record, plan, ports)
    state = ports.hosting.describe(record.endpoint)
    step = next_step_towards_stage(plan, planned.weight, planned.candidate_count, state)
    step = unless_in_vain(step, record, ports.now())
    ports.telemetry.debug("reconciled the endpoint with the plan", step=type(step).__name__)
    if isinstance(step, Impossible):
        return stop_as_impossible(step, record, ports, stage=stage)
    if isinstance(step, Done):
        apply_capacity_floors(plan, state, ports, planned.candidate_count)
        return _shifted(stage, record, ports)
    if apply_step(step, record.endpoint, ports.hosting) and isinstance(step, SetCapacity):
        ports.store.mark_time(record.id, f"{SCALING}{step.count}", ports.now())
    # A rollback may have come between our reading of the fence and our change: then the rollback undoes this change.
    if not ports.store.get(record.id).may_advance:
        return task_result("ROLL_BACK", stage=stage)
    now = ports.now()
    return task_result("WAIT", stage=stage, wait_seconds=poll_seconds(record.shifting_at.get(stage, now), now))


def _enter(stage: int, record: RolloutRecord, ports: RolloutPorts) -> bool:
    """Enter the stage; False if a person has paused the rollout before it came to this one."""
    if stage > record.stage:
        mark = {f"shifting_{stage}": ports.now().isoformat()}
        return ports.store.advance_unless_paused(record.id, "baking", stage=stage, **mark)
    ports.store.advance(record.id, "baking", stage=stage)
    ports.store.mark_time(record.id, f"shifting_{stage}", ports.now())
    return True


def _held(stage: int, record: RolloutRecord, plan: Plan, ports: RolloutPorts) -> TaskResult:
    """Back to the analysis of the stage that is in force, which holds it; before the first one there is none."""
    now = ports.now()
    if stage > 0:
        return task_result("READY", stage=stage - 1, wait_seconds=seconds_until_next_analysis(plan, now))
    obstacle = obstacle_to_provision(ports.store.get(record.id), ports)
    seconds = slow_poll_seconds(record.opened_at, now)
    return task_result("WAIT", stage=stage, wait_seconds=seconds, reason=obstacle.reason if obstacle else "")


def _shifted(stage: int, record: RolloutRecord, ports: RolloutPorts) -> TaskResult:
    plan = record.planned()
    now = ports.now()
    if plan.experiment is not None and stage == 0:
        ports.store.begin_test(record.id)
    ports.store.mark_time(record.id, f"shifted_{stage}", now)
    ports.history.append(record.id, f"shifted-{stage}", _share(plan, stage, record), now)
    ports.events.publish(
        "RolloutShifted",
        rollout=str(record.id),
        model=record.id.model,
        version=record.id.version,
        stage=stage,
        weight=plan.stages[stage].weight,
    )
    return task_result("READY", stage=stage, wait_seconds=seconds_until_next_analysis(plan, now))


def _share(plan: Plan, stage: int, record: RolloutRecord) -> str:
    if plan.mirror:
        return f"version {record.id.version} gets a copy of {plan.mirror.share_percent} % of the requests"
    return f"version {record.id.version} has {plan.stages[stage].weight} %"
