"""Roll back: one step towards the baseline, whatever happened. The state machine asks again until it is READY."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.cold_start import collector_paused

with collector_paused():
    from sluice.bootstrap.entry import entry
    from sluice.bootstrap.ports import rollout_ports
    from sluice.rollout.tasks.roll_back import roll_back
    from sluice.rollout.traffic.task_result import TaskResult
    from sluice.rollout_id import RolloutId

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def run(event: Mapping[str, Any], ports: RolloutPorts) -> TaskResult:
    """READY when the baseline serves alone and the rollout is closed, WAIT until then."""
    rollout_id, execution = RolloutId.required(event["rollout_id"]), event.get("execution", "")
    return roll_back(rollout_id, event["context"], ports, execution=execution)


handler = entry("roll_back", run, rollout_ports, certain=("store", "hosting"))
