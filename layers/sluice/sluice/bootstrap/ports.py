"""The ports of each feature on AWS: the same adapters, shown as the protocol of what that feature calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.bootstrap.adapters import Adapters
from sluice.bootstrap.environment import Environment

if TYPE_CHECKING:
    from sluice.async_inference.ports import AsyncInferencePorts
    from sluice.batch.ports import BatchPorts
    from sluice.pipeline_runs.ports import PipelineRunPorts
    from sluice.rollout.ab_outcomes.ports import OutcomePorts
    from sluice.rollout.ports import RolloutPorts
    from sluice.sweep.ports import SweepPorts
    from sluice.training.ports import TrainingPorts


def async_inference_ports(environment: Environment) -> AsyncInferencePorts:
    return Adapters(environment)


def batch_ports(environment: Environment) -> BatchPorts:
    return Adapters(environment)


def outcomes_ports(environment: Environment) -> OutcomePorts:
    return Adapters(environment)


def pipeline_runs_ports(environment: Environment) -> PipelineRunPorts:
    return Adapters(environment)


def rollout_ports(environment: Environment) -> RolloutPorts:
    return Adapters(environment)


def sweep_ports(environment: Environment) -> SweepPorts:
    return Adapters(environment)


def training_ports(environment: Environment) -> TrainingPorts:
    return Adapters(environment)
