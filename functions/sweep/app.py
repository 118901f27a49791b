"""Sweep: every few minutes, reconcile what no event reported: replay lost events, and correct scaling that drifted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.cold_start import collector_paused

with collector_paused():
    from sluice.bootstrap.entry import entry
    from sluice.bootstrap.ports import sweep_ports
    from sluice.sweep.sweep import sweep

if TYPE_CHECKING:
    from sluice.sweep.ports import SweepPorts
    from sluice.sweep.sweep import SweepResult


def run(_event: Mapping[str, Any], ports: SweepPorts) -> SweepResult:
    """Returns what was found, nearly always nothing, and how many models the next sweep begins with."""
    return sweep(ports)


handler = entry("sweep", run, sweep_ports, certain=("specs", "store"))
