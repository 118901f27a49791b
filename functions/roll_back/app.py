"""Restore: back to the baseline, whatever happened. The state machine asks again until it is READY."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.assembly import live_ports
from sluice.rollout.rollback import restore
from sluice.rollout.traffic.task_result import TaskResult
from sluice.rollout_id import RolloutId

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def handler(event: Mapping[str, Any], _context: object) -> TaskResult:
    return run(event, live_ports())


def run(event: Mapping[str, Any], ports: RolloutPorts) -> TaskResult:
    """One step back. ``context`` is all the execution knows: what a task raised, or why one gave up."""
    context = event["context"]
    failure = context.get("failure") or {}
    raised = ": ".join(filter(None, (failure.get("Error"), _message(failure.get("Cause") or ""))))
    gave_up = (context.get("step") or {}).get("reason", "")
    return restore(RolloutId.required(event["rollout_id"]), raised or gave_up, ports)


def _message(cause: str) -> str:
    """What an exception said: Step Functions hands it over as Lambda's JSON, with the stack trace in it."""
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return cause
