"""Plan: wait for the endpoint's turn, make sure the version is still wanted, and decide the stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sluice.assembly import Ports, live_ports
from sluice.consent import is_still_approved
from sluice.endpoint_state import CHANGING
from sluice.opening import goes_first
from sluice.plan import Plan
from sluice.planning import make_plan
from sluice.preparing import prepared
from sluice.rollout import RolloutId, RolloutRecord
from sluice.steps import TaskResult, answer, patience


def handler(event: Mapping[str, Any], _context: object) -> TaskResult:
    return run(event, live_ports())


def run(event: Mapping[str, Any], ports: Ports) -> TaskResult:
    """READY with a stored plan, WAIT while the endpoint is not ours yet, ROLL_BACK if this rollout is stopped.

    Raises:
        PlanError: the endpoint is in no state to start from, or an alarm the spec names is missing or rings.
        SpecError, UnknownModelError: the spec is gone or broken since the approval.
    """
    record = ports.store.get(RolloutId.required(event["rollout_id"]))
    if not record.may_advance:
        return answer("ROLL_BACK")
    if not is_still_approved(record, ports):
        return answer("ROLL_BACK")
    if not _takes_turn(record, ports):
        return _wait(record, ports)
    return answer("READY") if record.plan else _plan(record, ports)


def _takes_turn(record: RolloutRecord, ports: Ports) -> bool:
    """Whether this rollout now holds its endpoint's lock. Those approved earlier go first."""
    holder = ports.store.lock_holder(record.endpoint)
    if holder == record.id:
        return True
    if holder is not None:
        if not ports.store.get(holder).is_closed:
            return False
        ports.store.unlock(record.endpoint, holder)  # it was killed between closing and unlocking
    if goes_first(record, ports.store.rollouts(record.id.model)):
        return False
    return ports.store.lock(record.endpoint, record.id)


def _wait(record: RolloutRecord, ports: Ports) -> TaskResult:
    return answer("WAIT", wait_seconds=patience(record.opened_at, ports.now()))


def _plan(record: RolloutRecord, ports: Ports) -> TaskResult:
    spec = ports.specs.get(record.id.model)
    if record.urgent:
        spec = replace(spec, rollout=replace(spec.rollout, strategy="all_at_once"))
    live = ports.hosting.describe(record.endpoint) if spec.endpoint.type != "batch" else None
    if live is not None and live.status in CHANGING:
        return _wait(record, ports)
    plan = make_plan(spec, ports.names, str(record.id), record.id.version, live)
    plan = prepared(plan, ports, urgent=record.urgent)
    ports.store.save_plan(record.id, plan, ports.now())
    ports.store.note(record.id, "planned", f"planned: {_described(plan)}", ports.now(), plan=plan.to_json())
    return answer("READY")


def _described(plan: Plan) -> str:
    """The engine and, where Sluice has no stages of its own, who moves the traffic."""
    if plan.blue_green is None:
        return plan.engine
    return f"{plan.engine}: SageMaker moves the traffic ({plan.blue_green.routing}) and goes back on an alarm"
