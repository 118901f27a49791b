"""Ports of batch transforms on AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.bootstrap.adapters import Adapters
from sluice.bootstrap.environment import Environment

if TYPE_CHECKING:
    from sluice.batch.ports import BatchPorts


def batch_ports(environment: Environment) -> BatchPorts:
    return Adapters(environment)
