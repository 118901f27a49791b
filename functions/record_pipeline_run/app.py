"""Record pipeline run: a run started, went on or ended; it is recorded, and an end frees the model's run slot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.cold_start import collector_paused

with collector_paused():
    from sluice.bootstrap.entry import entry
    from sluice.bootstrap.ports import pipeline_runs_ports
    from sluice.events import PipelineStatusChanged
    from sluice.pipeline_runs.status_change import apply_status_change

if TYPE_CHECKING:
    from sluice.pipeline_runs.ports import PipelineRunPorts


def run(event: Mapping[str, Any], ports: PipelineRunPorts) -> Mapping[str, Any]:
    """Apply a status change of a pipeline execution, or of one of its steps."""
    return apply_status_change(PipelineStatusChanged.parse(event), ports)


handler = entry("record_pipeline_run", run, pipeline_runs_ports, certain=("run_reader", "runs"))
