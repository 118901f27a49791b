"""Sweep: every few minutes, look for what should have been told by an event and was not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sluice.bootstrap.assembly import live_ports
from sluice.sweep.sweep import sweep

if TYPE_CHECKING:
    from sluice.sweep.ports import SweepPorts


def handler(event: Mapping[str, Any], _context: object) -> dict[str, list[str]]:
    return run(event, live_ports())


def run(_event: Mapping[str, Any], ports: SweepPorts) -> dict[str, list[str]]:
    """What was said again; nothing, nearly always."""
    return {"said": sweep(ports)}
