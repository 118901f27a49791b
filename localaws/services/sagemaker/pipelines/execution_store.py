"""The executions of the account, and the plan each one starts with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from localaws.service_api import AwsError, invalid
from localaws.services.sagemaker.pipelines.execution import Execution
from localaws.services.sagemaker.pipelines.execution_state import Plan
from localaws.services.sagemaker.pipelines.parameters import ParameterError, bind
from localaws.services.sagemaker.pipelines.pipeline_store import Pipeline
from localaws.services.sagemaker.resources.timestamps import epoch_ms


class ExecutionStore:
    """Holds executions by ARN; not thread-safe by itself, its owner guards it with a lock."""

    def __init__(self) -> None:
        self._executions: dict[str, Execution] = {}

    def add(self, execution: Execution) -> None:
        self._executions[execution.arn] = execution

    def find(self, arn: str) -> Execution:
        """The execution with that ARN; raises ResourceNotFound."""
        if arn not in self._executions:
            raise AwsError("ResourceNotFound", f"Pipeline execution '{arn}' does not exist.")
        return self._executions[arn]

    def of(self, pipeline_arn: str) -> list[Execution]:
        """A pipeline's executions, the oldest first."""
        return [each for each in self._executions.values() if each.plan.pipeline_arn == pipeline_arn]

    def forget(self, pipeline_arn: str) -> None:
        """Drop the executions of a deleted pipeline."""
        for execution in self.of(pipeline_arn):
            del self._executions[execution.arn]

    def refuse_too_many(self, most: int) -> None:
        """Raise ResourceLimitExceeded when ``most`` executions, as many as the account may have, have not ended."""
        executing = sum(execution.ended_at is None for execution in self._executions.values())
        if executing >= most:
            text = f"The account-level service limit 'Concurrent pipeline executions' is {most}."
            raise AwsError("ResourceLimitExceeded", text)


def plan_of(pipeline: Pipeline, params: Mapping[str, Any], now: datetime) -> Plan:
    """What a StartPipelineExecution request asks for; raises ValidationException for unfit parameters."""
    given = params.get("PipelineParameters") or []
    try:
        values = bind(pipeline.definition.parameters, given)
    except ParameterError as error:
        raise invalid(str(error)) from error
    parallelism = params.get("ParallelismConfiguration") or pipeline.request.get("ParallelismConfiguration")
    return Plan(
        pipeline_name=pipeline.name,
        pipeline_arn=pipeline.arn,
        role_arn=pipeline.role_arn,
        definition_text=pipeline.definition_text,
        definition=pipeline.definition,
        schedule=pipeline.schedule,
        definition_time=pipeline.modified_at,
        max_parallel_steps=(parallelism or {}).get("MaxParallelExecutionSteps"),
        given_parameters=tuple(given),
        parameters=values,
        display_name=params.get("PipelineExecutionDisplayName") or f"execution-{epoch_ms(now)}",
        description=params.get("PipelineExecutionDescription"),
    )
