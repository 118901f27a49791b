"""Plan: wait for the endpoint's turn, make sure the version is still wanted, and decide the stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.assembly import live_ports
from sluice.endpoint.state import CHANGING
from sluice.rollout.batch.comparison_run import with_comparison
from sluice.rollout.gates.holds import Obstacle, obstacle_to_replacement, obstacle_to_start, seconds_until_recheck
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.planning.approvals import goes_first, is_still_approved
from sluice.rollout.planning.planner import as_it_serves, make_plan
from sluice.rollout.planning.preflight import prepared
from sluice.rollout.traffic.capacity import with_scaling
from sluice.rollout.traffic.task_result import TaskResult, answer, long_patience
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def handler(event: Mapping[str, Any], _context: object) -> TaskResult:
    return run(event, live_ports())


def run(event: Mapping[str, Any], ports: RolloutPorts) -> TaskResult:
    """READY with a stored plan, WAIT while the endpoint is not ours yet, ROLL_BACK if this rollout is stopped.

    Raises:
        PlanError: the endpoint is in no state to start from or scaled by hand, or an alarm the spec names is missing
            or rings.
        SpecError, UnknownModelError: the spec is gone or broken since the approval.
    """
    record = ports.store.get(RolloutId.required(event["rollout_id"]))
    if not record.may_advance:
        return answer("ROLL_BACK")
    if not is_still_approved(record, ports):
        return answer("ROLL_BACK")
    if record.plan:
        return answer("READY") if _takes_turn(record, ports) else _wait(record, ports)
    spec = _spec(record, ports)
    if (obstacle := obstacle_to_start(spec.rollout.windows, record, ports)) is not None:
        return _held(obstacle, record, ports)
    return _plan(spec, record, ports) if _takes_turn(record, ports) else _wait(record, ports)


def _spec(record: RolloutRecord, ports: RolloutPorts) -> ModelSpec:
    """The model's spec; what brings a good version back in place of a rejected one waits for nothing."""
    spec = ports.specs.get(record.id.model)
    if record.urgent:
        return replace(spec, rollout=replace(spec.rollout, strategy="all_at_once", gate=None, windows=None))
    return spec


def _takes_turn(record: RolloutRecord, ports: RolloutPorts) -> bool:
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


def _wait(record: RolloutRecord, ports: RolloutPorts) -> TaskResult:
    return answer("WAIT", wait_seconds=long_patience(record.opened_at, ports.now()))


def _held(obstacle: Obstacle, record: RolloutRecord, ports: RolloutPorts) -> TaskResult:
    seconds = seconds_until_recheck(record, obstacle.until, ports.now())
    return answer("WAIT", wait_seconds=seconds, reason=obstacle.reason)


def _plan(spec: ModelSpec, record: RolloutRecord, ports: RolloutPorts) -> TaskResult:
    live = ports.hosting.describe(record.endpoint) if spec.endpoint.type != "batch" else None
    if live is not None and live.status in CHANGING:
        return _wait(record, ports)
    if record.urgent and live is not None:
        spec = replace(spec, endpoint=as_it_serves(spec.endpoint, live))
    plan = make_plan(spec, ports.names, str(record.id), record.id.version, live)
    # The one that was locked and described: the spec's suffix may have changed since, or lead to where nothing serves.
    plan = replace(plan, endpoint=record.endpoint)
    if plan.engine == "batch":  # its gate opens after the comparison
        plan = with_comparison(plan, spec, record, ports)
    elif (obstacle := obstacle_to_replacement(plan, record, ports)) is not None:
        return _held(obstacle, record, ports)
    else:
        plan = prepared(with_scaling(plan, spec.endpoint, ports), ports, urgent=record.urgent)
    ports.store.save_plan(record.id, plan, ports.now())
    ports.store.note(record.id, "planned", f"planned: {_described(plan)}", ports.now(), plan=plan.to_json())
    return answer("READY")


def _described(plan: Plan) -> str:
    """The engine and, where Sluice has no stages of its own, who moves the traffic."""
    if plan.blue_green is None:
        return plan.engine
    return f"{plan.engine}: SageMaker moves the traffic ({plan.blue_green.routing}) and goes back on an alarm"
