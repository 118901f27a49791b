"""Ports of training on AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.bootstrap.adapters import Adapters
from sluice.bootstrap.environment import Environment

if TYPE_CHECKING:
    from sluice.training.ports import TrainingPorts


def training_ports(environment: Environment) -> TrainingPorts:
    return Adapters(environment)
