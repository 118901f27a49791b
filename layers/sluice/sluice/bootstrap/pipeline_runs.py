"""Ports of pipeline runs on AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.bootstrap.adapters import Adapters
from sluice.bootstrap.environment import Environment

if TYPE_CHECKING:
    from sluice.pipeline_runs.ports import PipelineRunPorts


def pipeline_runs_ports(environment: Environment) -> PipelineRunPorts:
    return Adapters(environment)
