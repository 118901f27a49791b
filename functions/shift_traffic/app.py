"""Shift traffic: give the candidate a stage's share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.cold_start import collector_paused

with collector_paused():
    from sluice.bootstrap.entry import entry
    from sluice.bootstrap.ports import rollout_ports
    from sluice.rollout.tasks.shift_traffic import shift_traffic
    from sluice.rollout.traffic.task_result import TaskResult
    from sluice.rollout_id import RolloutId

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def run(event: Mapping[str, Any], ports: RolloutPorts) -> TaskResult:
    """READY, WAIT or ROLL_BACK."""
    return shift_traffic(int(event["stage"]), RolloutId.required(event["rollout_id"]), ports)


handler = entry("shift_traffic", run, rollout_ports)
