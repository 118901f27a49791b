"""SageMaker Pipelines: stores definitions and runs executions."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from localaws.context import Context
from localaws.service_api import AwsError, Call, Operation, invalid, quota_exceeded
from localaws.services.sagemaker.pipelines.execution import Execution
from localaws.services.sagemaker.pipelines.execution_store import ExecutionStore, plan_of
from localaws.services.sagemaker.pipelines.execution_views import (
    execution_description,
    executions_page,
    parameters_page,
    steps_page,
)
from localaws.services.sagemaker.pipelines.interpreter import Interpreter
from localaws.services.sagemaker.pipelines.pipeline_store import Pipeline, pipelines_page
from localaws.services.sagemaker.resources.constraints import check
from localaws.services.sagemaker.resources.tags import forget_tags, tag_on_create


class Pipelines:
    """``new_id(length)`` makes identifiers of lower-case letters and digits."""

    name = "sagemaker"

    def __init__(self, context: Context, interpreter: Interpreter, new_id: Callable[[int], str]) -> None:
        self._context = context
        self._interpreter = interpreter
        self._new_id = new_id
        self._lock = threading.Lock()
        self._pipelines: dict[str, Pipeline] = {}  # by name
        self._executions = ExecutionStore()
        self._answered: dict[tuple[str, str, str], str] = {}  # (operation, resource, token) -> ARN

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreatePipeline": self.create,
            "UpdatePipeline": self.update,
            "DescribePipeline": self.describe,
            "ListPipelines": self.list_pipelines,
            "DeletePipeline": self.delete,
            "StartPipelineExecution": self.start_execution,
            "StopPipelineExecution": self.stop_execution,
            "RetryPipelineExecution": self.retry_execution,
            "DescribePipelineExecution": self.describe_execution,
            "ListPipelineExecutions": self.list_executions,
            "ListPipelineExecutionSteps": self.list_steps,
            "ListPipelineParametersForExecution": self.list_parameters,
            "DescribePipelineDefinitionForExecution": self.describe_definition,
        }

    def create(self, params: dict[str, Any], call: Call) -> dict[str, Any]:
        check("CreatePipeline", params)
        name = params["PipelineName"]
        arn = f"arn:aws:sagemaker:{self._context.region}:{self._context.account}:pipeline/{name.lower()}"
        token = ("CreatePipeline", name, params["ClientRequestToken"])
        pipeline = Pipeline.make(params, arn, self._context.now(), _user(call))
        with self._lock:
            if token in self._answered:
                return {"PipelineArn": arn}
            if name in self._pipelines:
                rule = "Pipeline names must be unique within an AWS account and region."
                raise invalid(f"{rule} Pipeline with name ({name}) already exists.")
            count, most = len(self._pipelines), self._context.quotas.pipelines
            if count >= most:
                raise quota_exceeded("Pipelines", most, count, 1, "Pipelines")
        tag_on_create(self._context, arn, params.get("Tags"))
        with self._lock:
            self._pipelines[name] = pipeline
            self._answered[token] = arn
        return {"PipelineArn": arn}

    def update(self, params: dict[str, Any], call: Call) -> dict[str, Any]:
        check("UpdatePipeline", params)
        with self._lock:
            pipeline = self._pipeline(params["PipelineName"])
            updated = pipeline.updated(params, self._context.now(), _user(call))
            self._pipelines[pipeline.name] = updated
        return {"PipelineArn": updated.arn}

    def describe(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("DescribePipeline", params)
        with self._lock:
            return self._pipeline(params["PipelineName"]).description()

    def list_pipelines(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("ListPipelines", params)
        with self._lock:
            return pipelines_page(list(self._pipelines.values()), params)

    def delete(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("DeletePipeline", params)
        with self._lock:
            pipeline = self._pipeline(params["PipelineName"])
            if any(execution.ended_at is None for execution in self._executions.of(pipeline.arn)):
                raise AwsError("ConflictException", f"Pipeline {pipeline.arn} has running executions.")
            del self._pipelines[pipeline.name]
            self._executions.forget(pipeline.arn)
        self._interpreter.cache.forget(pipeline.arn)
        forget_tags(self._context, pipeline.arn)
        return {"PipelineArn": pipeline.arn}

    def start_execution(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("StartPipelineExecution", params)
        if params.get("SelectiveExecutionConfig"):
            raise AwsError("NotImplemented", "selective execution is not supported by the local AWS", 501)
        with self._lock:
            pipeline = self._pipeline(params["PipelineName"])
            token = ("StartPipelineExecution", pipeline.arn, params["ClientRequestToken"])
            if token in self._answered:
                return {"PipelineExecutionArn": self._answered[token]}
            self._executions.refuse_too_many(self._context.quotas.pipeline_executions)
            plan = plan_of(pipeline, params, self._context.now())
            execution = Execution(self._context, plan, self._new_id(12))
            self._executions.add(execution)
            self._answered[token] = execution.arn
            self._pipelines[pipeline.name] = replace(pipeline, last_run_at=execution.created_at)
        execution.announce_start()
        self._play(execution)
        return {"PipelineExecutionArn": execution.arn}

    def stop_execution(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("StopPipelineExecution", params)
        execution = self._execution(params)
        token = ("StopPipelineExecution", execution.arn, params["ClientRequestToken"])
        with self._lock:
            repeated = token in self._answered
            self._answered[token] = execution.arn
        if not repeated:
            if not execution.request_stop():
                raise invalid(
                    f"Pipeline execution with ARN {execution.arn} status '{execution.status}'. "
                    "Only pipelines with 'Executing' status can be stopped."
                )
            stop = functools.partial(self._interpreter.stop_jobs, execution)
            self._context.background(f"stop-{execution.id}", stop)
        return {"PipelineExecutionArn": execution.arn}

    def retry_execution(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("RetryPipelineExecution", params)
        execution = self._execution(params)
        token = ("RetryPipelineExecution", execution.arn, params["ClientRequestToken"])
        with self._lock:
            repeated = token in self._answered
            if not repeated:
                self._executions.refuse_too_many(self._context.quotas.pipeline_executions)
            self._answered[token] = execution.arn
        if not repeated:
            if not execution.reopen():
                raise AwsError(
                    "ConflictException",
                    f"Pipeline execution with ARN {execution.arn} status '{execution.status}'. "
                    "Only pipelines with 'Failed' or 'Stopped' status can be retried.",
                )
            self._play(execution)
        return {"PipelineExecutionArn": execution.arn}

    def describe_execution(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        return execution_description(self._execution(params))

    def list_executions(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("ListPipelineExecutions", params)
        with self._lock:
            executions = self._executions.of(self._pipeline(params["PipelineName"]).arn)
        return executions_page(executions, params)

    def list_steps(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("ListPipelineExecutionSteps", params)
        return steps_page(self._execution(params), params)

    def list_parameters(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("ListPipelineParametersForExecution", params)
        return parameters_page(self._execution(params), params)

    def describe_definition(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        plan = self._execution(params).plan
        return {"PipelineDefinition": plan.definition_text, "CreationTime": plan.definition_time}

    def _play(self, execution: Execution) -> None:
        play = functools.partial(self._interpreter.play, execution)
        self._context.background(f"execution-{execution.id}", play)

    def _pipeline(self, name_or_arn: str) -> Pipeline:
        for pipeline in self._pipelines.values():
            if name_or_arn in (pipeline.name, pipeline.arn):
                return pipeline
        raise AwsError("ResourceNotFound", f"Pipeline '{name_or_arn}' does not exist.")

    def _execution(self, params: Mapping[str, Any]) -> Execution:
        with self._lock:
            return self._executions.find(params["PipelineExecutionArn"])


def _user(call: Call) -> dict[str, Any]:
    return {"IamIdentity": {"Arn": call.principal}} if call.principal else {}
