"""Handle batch result: a transform job ended. Its rows are counted, and the run is closed and announced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.batch.completion import complete_batch
from sluice.batch.events import TransformChanged
from sluice.bootstrap.assembly import live_ports

if TYPE_CHECKING:
    from sluice.batch.ports import BatchPorts


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    return run(event, live_ports())


def run(event: Mapping[str, Any], ports: BatchPorts) -> dict[str, Any]:
    """An event that comes twice, late or out of order changes nothing: the job is read anew each time."""
    changed = TransformChanged.parse(event)
    found = complete_batch(changed.job, ports)
    return {"job": changed.job, "phase": found.phase if found else None}
