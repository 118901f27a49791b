"""Analyzes a stage while it bakes, and decides whether the rollout advances, holds or rolls back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sluice.rollout.analysis.bake_decision import Decision, decide
from sluice.rollout.analysis.collect import collect_findings
from sluice.rollout.analysis.findings import Finding
from sluice.rollout.analysis.metric_windows import seconds_until_next_analysis
from sluice.rollout.doubt import ask_in_doubt
from sluice.rollout.gates.holds import apply_gates
from sluice.rollout.maintenance import hold_for_maintenance, note_end_of_maintenance
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import RolloutRecord, identify_rollout
from sluice.rollout.planning.approvals import may_go_on
from sluice.rollout.stop import stop_as_impossible
from sluice.rollout.traffic.reconcile import Impossible, SetCapacity, SetWeights, Wait, next_step_towards_stage
from sluice.rollout.traffic.task_result import TaskResult, poll_seconds, recheck_seconds, slow_poll_seconds, task_result
from sluice.rollout_id import RolloutId

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def analyze_stage(stage: int, rollout_id: RolloutId, ports: RolloutPorts) -> TaskResult:
    """SHIFT to the next stage or PROMOTE on proof, ROLL_BACK on harm, HOLD on anything less."""
    record = ports.store.get(rollout_id)
    identify_rollout(record, ports.telemetry)
    ports.telemetry.identify("rollout_stage", stage)
    if not may_go_on(record, ports):
        return task_result("ROLL_BACK", stage=stage)
    if record.phase == "promoting":
        return task_result("PROMOTE", stage=stage)  # that was decided, and the answer was lost
    plan = record.planned()
    planned = plan.stages[stage]
    state = ports.hosting.describe(record.endpoint)
    step = next_step_towards_stage(plan, planned.weight, planned.candidate_count, state)
    ports.telemetry.debug("reconciled the endpoint with the plan", step=type(step).__name__)
    if isinstance(step, Impossible):
        return stop_as_impossible(step, record, ports, stage=stage)
    if isinstance(step, SetWeights | SetCapacity):
        return task_result("SHIFT", stage=stage)  # changed by hand since: a stage is judged only while it is in force
    now = ports.now()
    if isinstance(step, Wait) and state is not None and state.is_maintained:
        reason = hold_for_maintenance(record, stage, now, ports)  # alarms still stop the rollout
        seconds = max(seconds_until_next_analysis(plan, now), poll_seconds(record.shifted_at[stage], now))
        return task_result("HOLD", stage=stage, wait_seconds=seconds, reason=reason)
    if stage in record.maintenance:
        record = note_end_of_maintenance(record, stage, now, ports)
    decision = _decision(stage, record, plan, now, ports)
    if decision.action == "roll_back":
        ports.store.fence(record.id, decision.by, decision.reason, now, is_unknown=decision.is_unknown)
        return task_result("ROLL_BACK", stage=stage, reason=decision.reason)
    is_last = stage + 1 == len(plan.stages)
    if decision.action == "advance" and not is_last:
        return task_result("SHIFT", stage=stage + 1, reason=decision.reason)
    if decision.action in ("advance", "promote") and ports.store.advance_unless_paused(record.id, "promoting"):
        return task_result("PROMOTE", stage=stage, reason=decision.reason)
    seconds = _wait_seconds(decision, record, plan, ports.now())
    reason = ask_in_doubt(record, decision.reason, ports) if decision.asks_a_person else decision.reason
    return task_result("HOLD", stage=stage, wait_seconds=seconds, reason=reason)


def _decision(stage: int, record: RolloutRecord, plan: Plan, now: datetime, ports: RolloutPorts) -> Decision:
    """What the findings, the last command and the gates come to; logged, and kept in the history."""
    found = collect_findings(stage, record, plan, now, ports)
    since = record.shifted_at[stage] + sum((each.duration for each in record.maintenance.get(stage, ())), timedelta())
    decision = decide(found, plan, stage, in_force_since=since, now=now, command=record.command)
    findings = _stored(found)
    decision = apply_gates(decision, stage, record, plan, ports, findings=findings)
    _log(decision, findings, ports)
    ports.history.append(
        record.id,
        f"look-{now.isoformat()}",
        f"{decision.action}: {decision.reason}",
        now,
        stage=stage,
        findings=findings,
    )
    return decision


def _stored(found: Sequence[Finding]) -> list[dict[str, Any]]:
    """The findings as they are kept in the history and shown to people."""
    return [
        {"name": each.name, "answer": str(each.answer), "reason": each.reason, "numbers": dict(each.numbers)}
        for each in found
    ]


def _wait_seconds(decision: Decision, record: RolloutRecord, plan: Plan, now: datetime) -> int:
    soonest = seconds_until_next_analysis(plan, now)
    if decision.action == "pause" or now > record.shifted_at[0] + plan.analysis_duration():
        return max(soonest, slow_poll_seconds(record.opened_at, now))
    if decision.action == "wait":
        return max(soonest, recheck_seconds(record.opened_at, decision.until, now))
    return soonest


def _log(decision: Decision, findings: Sequence[Mapping[str, Any]], ports: RolloutPorts) -> None:
    said = [{key: each[key] for key in ("name", "answer", "reason")} for each in findings]
    ports.telemetry.log("stage analyzed", action=decision.action, reason=decision.reason, findings=said)
