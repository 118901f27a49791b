"""Open rollout: a person approved a version, or rejected the one that serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.cold_start import collector_paused

with collector_paused():
    from sluice.bootstrap.entry import entry
    from sluice.bootstrap.ports import rollout_ports
    from sluice.events import PackageChanged
    from sluice.rollout.tasks.open_rollout import open_rollout

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def run(event: Mapping[str, Any], ports: RolloutPorts) -> dict[str, str]:
    """Parse the registry's event and open a rollout for the decision in it."""
    return open_rollout(PackageChanged.parse(event), ports)


handler = entry("open_rollout", run, rollout_ports)
