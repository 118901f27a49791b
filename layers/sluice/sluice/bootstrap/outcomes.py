"""Ports of outcomes of A/B tests on AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.bootstrap.adapters import Adapters
from sluice.bootstrap.environment import Environment

if TYPE_CHECKING:
    from sluice.rollout.ab_outcomes.ports import OutcomePorts


def outcomes_ports(environment: Environment) -> OutcomePorts:
    return Adapters(environment)
