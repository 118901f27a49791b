"""Plans a rollout: waits for the endpoint's lock and the freeze windows, checks the approval, and fixes the stages."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sluice.endpoint.state import CHANGING
from sluice.errors import MetricsUnknownError
from sluice.rollout.gates.gates import Obstacle
from sluice.rollout.gates.holds import obstacle_to_replacement, obstacle_to_start, seconds_until_recheck
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import RolloutRecord, identify_rollout
from sluice.rollout.planning.approvals import may_go_on, queued_ahead_of
from sluice.rollout.planning.planner import endpoint_as_deployed, make_plan
from sluice.rollout.planning.preflight import run_preflight
from sluice.rollout.traffic.capacity import with_scaling
from sluice.rollout.traffic.task_result import TaskResult, slow_poll_seconds, task_result
from sluice.rollout_id import RolloutId

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts
    from sluice.spec.model import ModelSpec


def plan_rollout(rollout_id: RolloutId, ports: RolloutPorts) -> TaskResult:
    """READY with a stored plan, WAIT while the rollout has to queue or is held, ROLL_BACK if it is stopped.

    Raises:
        PlanError: no rollout can start from the endpoint's state, the endpoint is scaled by hand, or an alarm that the
            spec names is missing or in ALARM.
        SpecError, UnknownModelError: the spec was deleted or broken after the approval.
    """
    record = ports.store.get(rollout_id)
    identify_rollout(record, ports.telemetry)
    if not may_go_on(record, ports):
        return task_result("ROLL_BACK")
    if record.plan:
        return task_result("READY") if _has_lock(record, ports) else _wait(record, ports)
    spec = _spec(record, ports)
    if (obstacle := obstacle_to_start(spec.rollout.windows, record, ports)) is not None:
        return _held(obstacle, record, ports)
    return _plan(spec, record, ports) if _has_lock(record, ports) else _wait(record, ports)


def _spec(record: RolloutRecord, ports: RolloutPorts) -> ModelSpec:
    """The model's spec. An urgent rollout, which replaces a rejected version, skips stages, gates and windows."""
    spec = ports.specs.get(record.id.model)
    if record.urgent:
        return replace(spec, rollout=replace(spec.rollout, strategy="all_at_once", gate=None, windows=None))
    return spec


def _has_lock(record: RolloutRecord, ports: RolloutPorts) -> bool:
    """Whether this rollout holds its endpoint's lock now. Rollouts acquire it in the order of their approvals."""
    holder = ports.locks.holder(record.endpoint)
    if holder == record.id:
        return True
    if holder is not None:
        if _is_open(holder, ports):
            return False
        ports.locks.release(record.endpoint, holder)  # the holder crashed between closing and unlocking
    if queued_ahead_of(record, ports.store.open_rollouts(record.id.model)):
        return False
    return ports.locks.acquire(record.endpoint, record.id)


def _is_open(rollout_id: RolloutId, ports: RolloutPorts) -> bool:
    """Whether the rollout is not closed. One that the table does not know, as after it was restored, is not open."""
    try:
        return not ports.store.get(rollout_id).is_closed
    except LookupError:
        return False


def _wait(record: RolloutRecord, ports: RolloutPorts) -> TaskResult:
    return task_result("WAIT", wait_seconds=slow_poll_seconds(record.opened_at, ports.now()))


def _held(obstacle: Obstacle, record: RolloutRecord, ports: RolloutPorts) -> TaskResult:
    seconds = seconds_until_recheck(record, obstacle.until, ports.now())
    return task_result("WAIT", wait_seconds=seconds, reason=obstacle.reason)


def _plan(spec: ModelSpec, record: RolloutRecord, ports: RolloutPorts) -> TaskResult:
    live = ports.hosting.describe(record.endpoint) if spec.endpoint.type != "batch" else None
    if live is not None and live.status in CHANGING:
        return _wait(record, ports)
    if record.urgent and live is not None:
        spec = replace(spec, endpoint=endpoint_as_deployed(spec.endpoint, live))
    plan = make_plan(spec, ports.names, str(record.id), record.id.version, live)
    # The endpoint that was locked and described, whatever suffix the spec has by now.
    plan = replace(plan, endpoint=record.endpoint)
    if plan.engine == "batch":  # its gate opens after the comparison
        from sluice.rollout.batch.comparison_run import with_comparison  # only for batch models

        plan = with_comparison(plan, spec, record, ports)
    elif (obstacle := obstacle_to_replacement(plan, record, ports)) is not None:
        return _held(obstacle, record, ports)
    else:
        try:
            plan = run_preflight(with_scaling(plan, spec.endpoint, ports), ports, urgent=record.urgent)
        except MetricsUnknownError as error:  # with a part of the data the plan would hold a slow version for quick
            wait_seconds = slow_poll_seconds(record.opened_at, ports.now())
            return task_result("WAIT", wait_seconds=wait_seconds, reason=str(error))
    ports.store.save_plan(record.id, plan, ports.now())
    ports.history.append(record.id, "planned", f"planned: {_described(plan)}", ports.now(), plan=plan.to_json())
    return task_result("READY")


def _described(plan: Plan) -> str:
    """The engine, and who shifts the traffic where Sluice has no stages of its own."""
    if plan.blue_green is None:
        return plan.engine
    return f"{plan.engine}: SageMaker moves the traffic ({plan.blue_green.routing}) and goes back on an alarm"
