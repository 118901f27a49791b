"""Ports of the sweep on AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.bootstrap.adapters import Adapters
from sluice.bootstrap.environment import Environment

if TYPE_CHECKING:
    from sluice.sweep.ports import SweepPorts


def sweep_ports(environment: Environment) -> SweepPorts:
    return Adapters(environment)
