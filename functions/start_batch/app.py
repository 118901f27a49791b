"""Start batch: the clock or a person wants files scored. One request is one transform job, or a reason why not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.batch.events import BatchRequested
from sluice.batch.start import start_batch
from sluice.bootstrap.assembly import live_ports

if TYPE_CHECKING:
    from sluice.batch.ports import BatchPorts


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    return run(event, live_ports())


def run(event: Mapping[str, Any], ports: BatchPorts) -> dict[str, Any]:
    """The run as it is now; what is no request, and what AWS has no room for now, is raised and so kept."""
    found = start_batch(BatchRequested.parse(event), ports)
    return {"job": found.job, "phase": found.phase, "reason": found.reason}
