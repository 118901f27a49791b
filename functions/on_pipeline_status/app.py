"""On pipeline status: a run has ended, so the model's next one may begin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.assembly import Ports, live_ports
from sluice.events import PipelineStatusChanged
from sluice.gathering import run_ended


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    return run(event, live_ports())


def run(event: Mapping[str, Any], ports: Ports) -> dict[str, Any]:
    """Free the model for what waits; an event that comes twice or late frees nothing."""
    changed = PipelineStatusChanged.parse(event)
    return {"execution": changed.execution, "freed": changed.has_ended and run_ended(changed, ports)}
