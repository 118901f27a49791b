"""Applies freeze windows and gates to a rollout that could advance. Neither ever delays a rollback."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sluice.rollout.analysis.bake_decision import Decision
from sluice.rollout.gates.freeze_windows import is_open, opens_at
from sluice.rollout.gates.gates import Obstacle, StoredFindings, closed_gate
from sluice.rollout.gates.pauses import BEFORE_THE_START, pause_of
from sluice.rollout.model.maintenance import MAINTENANCE
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import DOUBT, Hold, RolloutRecord
from sluice.rollout.traffic.task_result import recheck_seconds
from sluice.spec.windows import ReleaseWindows

if TYPE_CHECKING:
    from sluice.rollout.gates.ports import GatePorts

_WINDOW = "window"


def apply_gates(
    decision: Decision, stage: int, record: RolloutRecord, plan: Plan, ports: GatePorts, *, findings: StoredFindings
) -> Decision:
    """The decision of an analysis, or ``wait`` while a freeze window or a gate keeps the rollout from advancing.

    A stage that was held is in doubt only ``max_hold_seconds`` after it was held last: it could not advance before.
    """
    was_held = record.hold is not None and record.hold.stage == stage and record.hold.by not in (MAINTENANCE, DOUBT)
    if decision.action not in ("advance", "promote") and not (decision.is_doubt and was_held):
        return decision
    now = ports.now()
    to_promotion = decision.action == "promote" or stage + 1 == len(plan.stages)
    obstacle = _obstacle(stage, plan, record, findings, ports, to_promotion=to_promotion)
    if obstacle is not None:
        _announce(obstacle, stage, record, ports)
        return Decision("wait", f"{obstacle.reason}; {decision.reason}", until=obstacle.until)
    if decision.is_doubt and record.hold and now < record.hold.at + timedelta(seconds=plan.max_hold_seconds):
        return Decision("hold", decision.reason)
    return decision


def obstacle_to_start(windows: ReleaseWindows | None, record: RolloutRecord, ports: GatePorts) -> Obstacle | None:
    """The pause or freeze window that keeps a rollout from starting; recorded. None if it may start."""
    obstacle = pause_of(record) or _window(windows, record, ports.now())
    if obstacle is not None:
        _record(obstacle, BEFORE_THE_START, record, ports)
    return obstacle


def obstacle_to_replacement(
    plan: Plan, record: RolloutRecord, ports: GatePorts, evidence: StoredFindings = ()
) -> Obstacle | None:
    """Record and return the obstacle to promoting a rollout without stages; its gate comes before any change."""
    if plan.stages or plan.engine == "none":
        return None
    obstacle = _obstacle(0, plan, record, evidence, ports, to_promotion=True)
    if obstacle is not None:
        _announce(obstacle, BEFORE_THE_START, record, ports)
    return obstacle


def seconds_until_recheck(record: RolloutRecord, until: datetime | None, now: datetime) -> int:
    """Seconds until the obstacle is checked again: more for an older rollout, but not past the obstacle's end."""
    return recheck_seconds(record.opened_at, until, now)


def _obstacle(
    stage: int, plan: Plan, record: RolloutRecord, evidence: StoredFindings, ports: GatePorts, *, to_promotion: bool
) -> Obstacle | None:
    if (window := _window(plan.windows, record, ports.now())) is not None or _skips_gates(record):
        return window
    return closed_gate(plan, stage, record, evidence, ports.gates.ask, names=ports.names, to_promotion=to_promotion)


def _window(windows: ReleaseWindows | None, record: RolloutRecord, now: datetime) -> Obstacle | None:
    if windows is None or _skips_gates(record) or is_open(windows, now):
        return None
    until = opens_at(windows, now)
    said = f"until {until:%Y-%m-%d %H:%M} UTC" if until else "for more than a week"
    return Obstacle(_WINDOW, f"outside of rollout.windows {said}", until=until)


def _skips_gates(record: RolloutRecord) -> bool:
    return record.command is not None and record.command.kind == "promote" and record.command.skip_gates


def _announce(obstacle: Obstacle, stage: int, record: RolloutRecord, ports: GatePorts) -> None:
    """Record it, and publish ``RolloutWaitsForGate`` when a gate is met first."""
    _record(obstacle, stage, record, ports)
    if obstacle.gate < 0 or obstacle.gate in record.gates_announced:
        return
    now = ports.now()
    ports.history.append(record.id, f"gate-{obstacle.gate}", obstacle.reason, now)
    ports.events.publish(
        "RolloutWaitsForGate",
        rollout=obstacle.passage["rollout"],
        model=obstacle.passage["model"],
        version=obstacle.passage["version"],
        stage=obstacle.passage["stage"],
        gate=obstacle.by,
        reason=obstacle.reason,
    )
    ports.store.mark_time(record.id, f"gate_told_{obstacle.gate}", now)


def _record(obstacle: Obstacle, stage: int, record: RolloutRecord, ports: GatePorts) -> None:
    now = ports.now()
    hold = Hold(by=obstacle.by, reason=obstacle.reason, since=now, at=now, stage=stage, gate=obstacle.gate)
    last = record.hold
    if last and (last.by, last.stage, last.gate) == (hold.by, hold.stage, hold.gate):
        hold = replace(hold, since=last.since)
    ports.store.record_hold(record.id, hold)
