"""Analyze stage: read the alarms and both variants' metrics, and decide whether the bake may end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.cold_start import collector_paused

with collector_paused():
    from sluice.bootstrap.entry import entry
    from sluice.bootstrap.ports import rollout_ports
    from sluice.rollout.tasks.analyze_stage import analyze_stage
    from sluice.rollout.traffic.task_result import TaskResult
    from sluice.rollout_id import RolloutId

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def run(event: Mapping[str, Any], ports: RolloutPorts) -> TaskResult:
    return analyze_stage(int(event["stage"]), RolloutId.required(event["rollout_id"]), ports)


handler = entry("analyze_stage", run, rollout_ports)
