"""Plan: wait for the endpoint's turn, make sure the version is still wanted, and decide the stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.assembly import Ports, live_ports
from sluice.endpoint import CHANGING
from sluice.plan import make_plan
from sluice.rollout import RolloutId, RolloutRecord
from sluice.steps import TaskResult, answer

TURN_SECONDS = 5


def handler(event: Mapping[str, Any], _context: object) -> TaskResult:
    return run(event, live_ports())


def run(event: Mapping[str, Any], ports: Ports) -> TaskResult:
    """READY with a stored plan, WAIT while the endpoint is not ours yet, ROLL_BACK if this rollout is stopped.

    Raises:
        PlanError: the endpoint is in no state to start from.
        SpecError, UnknownModelError: the spec is gone or broken since the approval.
    """
    record = ports.store.get(RolloutId.required(event["rollout_id"]))
    if not record.may_advance:
        return answer("ROLL_BACK")
    if not ports.registry.describe(record.package_arn).is_approved:
        ports.store.fence(record.id, "withdrawn", "the version is no longer Approved", ports.now())
        return answer("ROLL_BACK")
    if not ports.store.lock(record.endpoint, record.id):
        return answer("WAIT", wait_seconds=TURN_SECONDS)
    return answer("READY") if record.plan else _plan(record, ports)


def _plan(record: RolloutRecord, ports: Ports) -> TaskResult:
    spec = ports.specs.get(record.id.model)
    live = ports.hosting.describe(record.endpoint)
    if live is not None and live.status in CHANGING:
        return answer("WAIT", wait_seconds=TURN_SECONDS)
    plan = make_plan(spec, ports.names, str(record.id), record.id.version, live)
    ports.store.save_plan(record.id, plan)
    ports.store.note(record.id, "planned", f"planned: {plan.engine}", ports.now(), plan=plan.to_json())
    return answer("READY")
