"""Abort rollout, outside the state machine: an alarm rang, a person aborted, or a rollout's execution ended badly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.cold_start import collector_paused

with collector_paused():
    from sluice.bootstrap.entry import entry
    from sluice.bootstrap.ports import rollout_ports
    from sluice.rollout.tasks.abort_rollout import abort_rollout

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def run(event: Mapping[str, Any], ports: RolloutPorts) -> dict[str, Any]:
    """Fence the rollout first, then move the traffic at once if the endpoint accepts it."""
    return abort_rollout(event, ports)


handler = entry("abort_rollout", run, rollout_ports, certain=("store", "hosting"))
