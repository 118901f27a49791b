"""What one execution of a pipeline was started with, and the state of each of its steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from localaws.services.sagemaker.pipelines.definition import Definition, Step
from localaws.services.sagemaker.pipelines.schedule import StepSchedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an execution was started with; later updates of the pipeline do not touch it."""

    pipeline_name: str
    pipeline_arn: str
    role_arn: str
    definition_text: str
    definition: Definition
    schedule: StepSchedule
    definition_time: datetime
    max_parallel_steps: int | None
    given_parameters: tuple[Mapping[str, str], ...]
    parameters: Mapping[str, Any]
    display_name: str
    description: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRun:
    """The state of one step in an execution; steps that never started have none."""

    step: Step
    status: str  # Starting | Executing | Stopping | Stopped | Failed | Succeeded
    started_at: datetime
    ended_at: datetime | None = None
    attempts: int = 0
    metadata: Mapping[str, Any] = field(default_factory=dict)  # as in ListPipelineExecutionSteps
    outputs: Mapping[str, Any] = field(default_factory=dict)  # what references to the step see
    failure_reason: str | None = None
    cache_source_arn: str | None = None

    @property
    def chosen_side(self) -> bool | None:
        """Which branch a condition took, None for other steps."""
        return self.outputs["Outcome"] == "true" if self.step.type == "Condition" else None
