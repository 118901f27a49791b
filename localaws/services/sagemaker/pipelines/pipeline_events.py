"""The events of pipeline executions and steps; unlike SageMaker's other events their keys are lowerCamel. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from localaws.services.sagemaker.pipelines.execution_state import Plan, StepRun
from localaws.services.sagemaker.resources.timestamps import iso


class ExecutionFacts(Protocol):
    """What the events say about an execution."""

    @property
    def plan(self) -> Plan: ...
    @property
    def arn(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def ended_at(self) -> datetime | None: ...


def execution_event(execution: ExecutionFacts, before: str | None) -> dict[str, Any]:
    """Detail of "… Execution Status Change"; the first one has no previous status."""
    detail = {
        "pipelineExecutionDisplayName": execution.plan.display_name,
        "currentPipelineExecutionStatus": execution.status,
        "previousPipelineExecutionStatus": before,
        "executionStartTime": iso(execution.created_at),
        "executionEndTime": iso(execution.ended_at) if execution.ended_at else None,
        "pipelineExecutionDescription": execution.plan.description,
        "pipelineArn": execution.plan.pipeline_arn,
        "pipelineExecutionArn": execution.arn,
    }
    return _without_none(detail)


def step_event(execution: ExecutionFacts, run: StepRun, before: str | None) -> dict[str, Any]:
    """Detail of "… Execution Step Status Change"."""
    source = run.cache_source_arn
    detail = {
        "metadata": _lower_camel(run.metadata),
        "stepStartTime": iso(run.started_at),
        "stepEndTime": iso(run.ended_at) if run.ended_at else None,
        "stepName": run.step.name,
        "stepType": run.step.type,
        "previousStepStatus": before,
        "currentStepStatus": run.status,
        "failureReason": run.failure_reason,
        "cacheHitResult": {"sourcePipelineExecutionArn": source} if source else None,
        "pipelineArn": execution.plan.pipeline_arn,
        "pipelineExecutionArn": execution.arn,
    }
    return _without_none(detail)


def _lower_camel(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: _lower_camel(member) for key, member in value.items()}
    return value


def _without_none(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in detail.items() if value is not None}
