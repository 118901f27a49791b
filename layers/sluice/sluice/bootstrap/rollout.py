"""Ports of rollouts on AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.bootstrap.adapters import Adapters
from sluice.bootstrap.environment import Environment

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def rollout_ports(environment: Environment) -> RolloutPorts:
    return Adapters(environment)
