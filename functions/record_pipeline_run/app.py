"""On pipeline status: a run has begun, gone on or ended. It is recorded; an ended one makes way for the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.assembly import live_ports
from sluice.events import PipelineStatusChanged
from sluice.pipeline_runs.recorder import record_run
from sluice.training.run_queue import run_ended

if TYPE_CHECKING:
    from sluice.pipeline_runs.ports import PipelineRunsPorts


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    return run(event, live_ports())


def run(event: Mapping[str, Any], ports: PipelineRunsPorts) -> dict[str, Any]:
    """Free the model for what waits, then record: a report that cannot be read must not hold up the next run.

    An event that comes twice, late or out of order changes nothing: the run is read anew each time.
    """
    changed = PipelineStatusChanged.parse(event)
    freed = changed.has_ended and run_ended(changed, ports)
    recorded = record_run(changed.execution, ports, may_end=changed.has_ended)
    return {"execution": changed.execution, "freed": freed, "status": recorded.status if recorded else None}
