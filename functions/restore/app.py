"""Restore: back to the baseline, whatever happened. The state machine asks again until it is READY."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.assembly import Ports, live_ports
from sluice.restoring import restore
from sluice.rollout import RolloutId
from sluice.steps import TaskResult


def handler(event: Mapping[str, Any], _context: object) -> TaskResult:
    return run(event, live_ports())


def run(event: Mapping[str, Any], ports: Ports) -> TaskResult:
    """One step back. ``failure`` is what a task raised, ``reason`` what a task that gave up answered."""
    failure = event.get("failure") or {}
    raised = ": ".join(filter(None, (failure.get("Error"), failure.get("Cause"))))
    step = event.get("step") or {}
    return restore(RolloutId.required(event["rollout_id"]), raised or step.get("reason", ""), ports)
