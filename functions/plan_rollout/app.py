"""Plan rollout: wait for the endpoint's lock, then fix the stages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.cold_start import collector_paused

with collector_paused():
    from sluice.bootstrap.entry import entry
    from sluice.bootstrap.ports import rollout_ports
    from sluice.rollout.tasks.plan_rollout import plan_rollout
    from sluice.rollout.traffic.task_result import TaskResult
    from sluice.rollout_id import RolloutId

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def run(event: Mapping[str, Any], ports: RolloutPorts) -> TaskResult:
    """READY, WAIT or ROLL_BACK."""
    return plan_rollout(RolloutId.required(event["rollout_id"]), ports)


handler = entry("plan_rollout", run, rollout_ports)
