"""Ports of asynchronous inference on AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.bootstrap.adapters import Adapters
from sluice.bootstrap.environment import Environment

if TYPE_CHECKING:
    from sluice.async_inference.ports import AsyncInferencePorts


def async_inference_ports(environment: Environment) -> AsyncInferencePorts:
    return Adapters(environment)
