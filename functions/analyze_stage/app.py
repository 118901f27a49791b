"""Look: read the alarms and the counts of both variants, and decide whether the bake may end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.assembly import live_ports
from sluice.rollout.analysis.collect import look
from sluice.rollout.analysis.decision import Conclusion, Seen, conclude
from sluice.rollout.analysis.metric_windows import next_look_seconds
from sluice.rollout.gates.commands import obey
from sluice.rollout.gates.holds import hold_up, seconds_held
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.planning.approvals import is_still_approved
from sluice.rollout.traffic.reconcile import Impossible, SetCapacity, SetWeights, next_step_towards_stage
from sluice.rollout.traffic.task_result import TaskResult, slow_poll_seconds, task_result
from sluice.rollout_id import RolloutId

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def handler(event: Mapping[str, Any], _context: object) -> TaskResult:
    return run(event, live_ports())


def run(event: Mapping[str, Any], ports: RolloutPorts) -> TaskResult:
    """SHIFT to the next stage or PROMOTE on proof, ROLL_BACK on harm, HOLD on anything less."""
    stage = int(event["stage"])
    record = ports.store.get(RolloutId.required(event["rollout_id"]))
    if not record.may_advance or not is_still_approved(record, ports):
        return task_result("ROLL_BACK", stage=stage)
    plan = record.planned()
    planned = plan.stages[stage]
    state = ports.hosting.describe(record.endpoint)
    step = next_step_towards_stage(plan, planned.weight, planned.candidate_count, state)
    if isinstance(step, Impossible):
        return task_result("ROLL_BACK", stage=stage, reason=step.reason)
    if isinstance(step, SetWeights | SetCapacity):
        return task_result("SHIFT", stage=stage)  # changed by hand since: what is not in force is not judged
    now = ports.now()
    conclusion = _conclude(stage, record, now, ports)
    if conclusion.action == "roll_back":
        ports.store.fence(record.id, conclusion.by, conclusion.reason, now)
        return task_result("ROLL_BACK", stage=stage, reason=conclusion.reason)
    if conclusion.action == "promote":
        return task_result("PROMOTE", stage=stage, reason=conclusion.reason)
    if conclusion.action == "advance":
        last = stage + 1 == len(plan.stages)
        return task_result("PROMOTE" if last else "SHIFT", stage=stage + 1, reason=conclusion.reason)
    return task_result(
        "HOLD",
        stage=stage,
        wait_seconds=_wait_seconds(conclusion, record, ports.now()),
        reason=conclusion.reason,
    )


def _wait_seconds(conclusion: Conclusion, record: RolloutRecord, now: datetime) -> int:
    soonest = next_look_seconds(record.planned(), now)
    if conclusion.action == "pause" or now > record.shifted_at[0] + record.planned().analysis_duration():
        return max(soonest, slow_poll_seconds(record.opened_at, now))
    if conclusion.action == "wait":
        return max(soonest, seconds_held(record, conclusion.until, now))
    return soonest


def _conclude(stage: int, record: RolloutRecord, now: datetime, ports: RolloutPorts) -> Conclusion:
    found = look(stage, record, now, ports)
    seen = Seen(findings=found, now=now, in_force_since=record.shifted_at[stage])
    evidence = [each.to_json() for each in found]
    wanted = obey(conclude(seen, record.planned(), stage), record.command)
    conclusion = hold_up(wanted, stage, record, evidence, ports)
    ports.history.append(
        record.id,
        f"look-{now.isoformat()}",
        f"{conclusion.action}: {conclusion.reason}",
        now,
        stage=stage,
        findings=evidence,
    )
    return conclusion
