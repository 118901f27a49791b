"""Lists a pipeline's executions and their steps, and follows one to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cli.session import CliSession, described, every

_POLL_SECONDS = 1.0
_ENDED = ("Succeeded", "Failed", "Stopped", "CompletedWithFailures")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionStep:
    """One step of an execution; times are None until it has started or ended."""

    name: str
    status: str
    started: datetime | None
    ended: datetime | None
    reason: str = ""
    was_cached: bool = False

    @property
    def took(self) -> str:
        """For people, e.g. ``0:00:12``; empty while it has not ended."""
        if self.started is None or self.ended is None:
            return ""
        return str(timedelta(seconds=round((self.ended - self.started).total_seconds())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One execution of a model's pipeline."""

    arn: str
    status: str
    started: datetime | None
    reason: str = ""

    @property
    def id(self) -> str:
        return self.arn.rsplit("/", 1)[-1]

    @property
    def has_ended(self) -> bool:
        return self.status in _ENDED


def list_executions(session: CliSession, model: str, most: int = 10_000) -> list[Execution]:
    """The newest first; empty while the pipeline does not exist."""
    sagemaker = session.clients("sagemaker")
    pipeline = session.names.pipeline(model)
    if described(sagemaker.describe_pipeline, PipelineName=pipeline) is None:
        return []
    found = every(
        sagemaker.list_pipeline_executions,
        "PipelineExecutionSummaries",
        most=most,
        PipelineName=pipeline,
        SortBy="CreationTime",
        SortOrder="Descending",
    )
    return [
        Execution(
            arn=one["PipelineExecutionArn"],
            status=one["PipelineExecutionStatus"],
            started=one.get("StartTime"),
            reason=one.get("PipelineExecutionFailureReason", ""),
        )
        for one in found
    ]


def list_steps(session: CliSession, arn: str) -> list[ExecutionStep]:
    """The steps that have begun, in the order in which they did."""
    found = every(
        session.clients("sagemaker").list_pipeline_execution_steps,
        "PipelineExecutionSteps",
        PipelineExecutionArn=arn,
        SortOrder="Ascending",
    )
    return [_step(one) for one in found]


def _step(found: Mapping[str, Any]) -> ExecutionStep:
    return ExecutionStep(
        name=found["StepName"],
        status=found["StepStatus"],
        started=found.get("StartTime"),
        ended=found.get("EndTime"),
        reason=found.get("FailureReason", ""),
        was_cached=bool(found.get("CacheHitResult")),
    )


def describe(session: CliSession, arn: str) -> Execution:
    found = session.clients("sagemaker").describe_pipeline_execution(PipelineExecutionArn=arn)
    return Execution(
        arn=arn,
        status=found["PipelineExecutionStatus"],
        started=found.get("CreationTime"),
        reason=found.get("FailureReason", ""),
    )


def follow(session: CliSession, arn: str) -> Execution:
    """Show each step as it changes until the execution has ended, and return how it did."""
    shown: dict[str, str] = {}
    while True:
        execution = describe(session, arn)  # before its steps, so that the last ones are never missed
        for step in list_steps(session, arn):
            if shown.get(step.name) != step.status:
                shown[step.name] = step.status
                session.out.text(f"  {step_line(step)}")
        if execution.has_ended:
            session.out.text(f"{execution.status} {execution.reason}".rstrip())
            return execution
        session.sleep(_POLL_SECONDS)


def step_line(step: ExecutionStep) -> str:
    """For people, e.g. ``TrainModel  Succeeded  0:00:12``."""
    parts = (step.name, step.status, step.took, "from cache" if step.was_cached else "", step.reason)
    return "  ".join(part for part in parts if part)


def as_json(execution: Execution, steps: list[ExecutionStep] | None = None) -> dict[str, object]:
    fields: dict[str, object] = {
        "arn": execution.arn,
        "status": execution.status,
        "started": execution.started.isoformat() if execution.started else None,
        "reason": execution.reason,
    }
    if steps is not None:
        fields["steps"] = [
            {
                "name": step.name,
                "status": step.status,
                "took": step.took,
                "cached": step.was_cached,
                "reason": step.reason,
            }
            for step in steps
        ]
    return fields
