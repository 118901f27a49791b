"""Start batch: start the transform job that a schedule or a person requested, or record why it cannot start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.cold_start import collector_paused

with collector_paused():
    from sluice.batch.events import BatchRequested
    from sluice.batch.start import start_batch
    from sluice.bootstrap.entry import entry
    from sluice.bootstrap.ports import batch_ports

if TYPE_CHECKING:
    from sluice.batch.ports import BatchPorts


def run(event: Mapping[str, Any], ports: BatchPorts) -> dict[str, Any]:
    """Returns the run as it is now. An invalid request, or one without capacity now, is raised: Lambda retries it."""
    found = start_batch(BatchRequested.parse(event), ports)
    # A result is logged, and the reason of a job that failed may quote a row.
    return {"job": found.job, "phase": found.phase, "reason": found.reason if found.phase == "skipped" else ""}


handler = entry("start_batch", run, batch_ports, certain=("batches", "specs", "events"))
