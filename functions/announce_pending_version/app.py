"""Announce pending version: a version waits for approval; publish it with its metrics beside the live version's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.cold_start import collector_paused

with collector_paused():
    from sluice.bootstrap.entry import entry
    from sluice.bootstrap.ports import pipeline_runs_ports
    from sluice.events import PackageChanged
    from sluice.pipeline_runs.approval_request import announce_pending_version

if TYPE_CHECKING:
    from sluice.pipeline_runs.ports import PipelineRunPorts


def run(event: Mapping[str, Any], ports: PipelineRunPorts) -> Mapping[str, Any]:
    """Publish ModelPending once for each wait."""
    return announce_pending_version(PackageChanged.parse(event), ports)


handler = entry("announce_pending_version", run, pipeline_runs_ports)
