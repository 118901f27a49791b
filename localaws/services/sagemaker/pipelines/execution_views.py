"""What Describe and List answer about executions and their steps. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from localaws.services.sagemaker.pipelines.execution import Execution
from localaws.services.sagemaker.pipelines.execution_state import StepRun
from localaws.services.sagemaker.resources.listing import Order, in_time, sorted_page

_EXECUTION_ORDER = Order(
    keys={
        "CreationTime": lambda execution: execution.created_at,
        "PipelineExecutionArn": lambda execution: execution.arn,
    },
    default="CreationTime",
    descending=True,
)
_STEP_ORDER = Order(keys={"StartTime": lambda run: run.started_at}, default="StartTime", descending=True)
_PARAMETER_ORDER = Order(keys={"Name": lambda parameter: parameter["Name"]}, default="Name")


def execution_description(execution: Execution) -> dict[str, Any]:
    """What DescribePipelineExecution answers."""
    plan = execution.plan
    parallel = plan.max_parallel_steps
    description = {
        "PipelineArn": plan.pipeline_arn,
        "PipelineExecutionArn": execution.arn,
        "PipelineExecutionDisplayName": plan.display_name,
        "PipelineExecutionStatus": execution.status,
        "PipelineExecutionDescription": plan.description,
        "FailureReason": execution.failure_reason,
        "CreationTime": execution.created_at,
        "LastModifiedTime": execution.modified_at,
        "ParallelismConfiguration": {"MaxParallelExecutionSteps": parallel} if parallel else None,
    }
    return _without_none(description)


def executions_page(executions: Iterable[Execution], params: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of ListPipelineExecutions."""
    found = [
        execution
        for execution in executions
        if in_time({"StartTime": execution.created_at}, "StartTime", params, "Created")
    ]
    page, token = sorted_page(found, params, _EXECUTION_ORDER)
    return {"PipelineExecutionSummaries": [_summary(execution) for execution in page], **token}


def steps_page(execution: Execution, params: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of ListPipelineExecutionSteps: steps that have started, the latest first by default."""
    page, token = sorted_page(execution.runs.values(), params, _STEP_ORDER)
    return {"PipelineExecutionSteps": [_step(run) for run in page], **token}


def parameters_page(execution: Execution, params: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of ListPipelineParametersForExecution: those given at the start, not the defaults."""
    page, token = sorted_page(execution.plan.given_parameters, params, _PARAMETER_ORDER)
    return {"PipelineParameters": [dict(parameter) for parameter in page], **token}


def _summary(execution: Execution) -> dict[str, Any]:
    summary = {
        "PipelineExecutionArn": execution.arn,
        "StartTime": execution.created_at,
        "PipelineExecutionStatus": execution.status,
        "PipelineExecutionDescription": execution.plan.description,
        "PipelineExecutionDisplayName": execution.plan.display_name,
        "PipelineExecutionFailureReason": execution.failure_reason,
    }
    return _without_none(summary)


def _step(run: StepRun) -> dict[str, Any]:
    source = run.cache_source_arn
    step = {
        "StepName": run.step.name,
        "StepDisplayName": run.step.display_name,
        "StepDescription": run.step.description,
        "StartTime": run.started_at,
        "EndTime": run.ended_at,
        "StepStatus": run.status,
        "CacheHitResult": {"SourcePipelineExecutionArn": source} if source else None,
        "FailureReason": run.failure_reason,
        "Metadata": dict(run.metadata),
        "AttemptCount": run.attempts,
    }
    return _without_none(step)


def _without_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}
