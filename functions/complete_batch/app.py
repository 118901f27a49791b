"""Complete batch: a transform job ended. Its rows are counted, and the run is closed and announced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.cold_start import collector_paused

with collector_paused():
    from sluice.batch.completion import complete_batch
    from sluice.batch.events import TransformChanged
    from sluice.bootstrap.entry import entry
    from sluice.bootstrap.ports import batch_ports

if TYPE_CHECKING:
    from sluice.batch.ports import BatchPorts


def run(event: Mapping[str, Any], ports: BatchPorts) -> dict[str, Any]:
    """Idempotent: the job is described again each time, so a duplicate, late or reordered event changes nothing."""
    changed = TransformChanged.parse(event)
    found = complete_batch(changed.job, ports)
    return {"job": changed.job, "phase": found.phase if found else None}


handler = entry("complete_batch", run, batch_ports, certain=("batches",))
