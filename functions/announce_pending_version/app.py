"""Announce pending: a version waits for a person, who is told how good it is beside the live one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.assembly import live_ports
from sluice.events import PackageChanged
from sluice.pipeline_runs.approval_request import announce_pending

if TYPE_CHECKING:
    from sluice.pipeline_runs.ports import PipelineRunsPorts


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    return run(event, live_ports())


def run(event: Mapping[str, Any], ports: PipelineRunsPorts) -> dict[str, Any]:
    """Publish ModelPending once for each wait."""
    changed = PackageChanged.parse(event)
    return {"package": changed.arn, "done": announce_pending(changed, ports)}
