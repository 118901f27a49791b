"""One attempt at a step; every call is made under the pipeline's role, so that its permissions are tested."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError

from localaws.services.sagemaker.pipelines.conditions import ConditionError, all_hold
from localaws.services.sagemaker.pipelines.definition import Step
from localaws.services.sagemaker.pipelines.execution import Execution
from localaws.services.sagemaker.pipelines.references import ReferenceUnresolvedError, resolve
from localaws.services.sagemaker.pipelines.retries import exception_of_failure, exception_of_refusal
from localaws.services.sagemaker.pipelines.step_scope import StepScope

JOB_NAME_MAX = 63
_NO_GROUP = re.compile(r"Model Package Group \S+ does not exist")


class AttemptFailedError(Exception):
    """An attempt failed. ``exception`` is the type a retry policy may name, None if none applies."""

    def __init__(self, reason: str, exception: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.exception = exception


class StepStoppedError(Exception):
    """The step was stopped because its execution was."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a successful attempt hands on: the step's outputs and what its listing shows."""

    outputs: Mapping[str, Any]
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Everything one attempt needs. ``sagemaker`` acts under the pipeline's role."""

    execution: Execution
    step: Step
    sagemaker: Any
    scope: StepScope
    wait_for_job: Callable[[str], None]
    report: Callable[[Mapping[str, Any]], None]  # the step's metadata, once known

    def resolved(self, value: Any) -> Any:
        """``value`` without references; raises AttemptFailedError."""
        try:
            return resolve(value, self.scope)
        except ReferenceUnresolvedError as error:
            raise AttemptFailedError(f"ClientError: {error}") from error


def job_name(execution_id: str, step: str, suffix: str) -> str:
    """``pipelines-<execution>-<step>-<suffix>``, the step's part cut so that the name fits."""
    room = JOB_NAME_MAX - len(f"pipelines-{execution_id}--{suffix}")
    return f"pipelines-{execution_id}-{step[:room].rstrip('-_')}-{suffix}".replace("_", "-")


def run_job(attempt: Attempt) -> Done:
    """Create a processing, training or transform job and wait for its end."""
    word = attempt.step.type
    arguments = attempt.resolved(attempt.step.arguments)
    tag = {"Key": "sagemaker:pipeline-execution-arn", "Value": attempt.execution.arn}
    request = {
        **arguments,
        f"{word}JobName": attempt.scope.job_name,
        "Tags": [*(arguments.get("Tags") or []), tag],
    }
    arn = _invoke(attempt, f"Create{word}Job", request)[f"{word}JobArn"]
    metadata = {f"{word}Job": {"Arn": arn}}
    attempt.report(metadata)
    if attempt.execution.stop_requested.is_set():
        stop_job(attempt.sagemaker, arn)
    attempt.wait_for_job(arn)
    described = _invoke(attempt, f"Describe{word}Job", {f"{word}JobName": attempt.scope.job_name})
    status = described[f"{word}JobStatus"]
    if status == "Completed":
        return Done(described, metadata)
    if attempt.execution.stop_requested.is_set():
        raise StepStoppedError
    reason = described.get("FailureReason", f"the job ended as {status}")
    raise AttemptFailedError(f"ClientError: {reason}", exception_of_failure(reason))


def stop_job(sagemaker: Any, arn: str) -> None:
    """Stop a job; one that has just ended is left alone."""
    kind, name = arn.rsplit(":", 1)[-1].split("/", 1)
    try:
        if kind == "processing-job":
            sagemaker.stop_processing_job(ProcessingJobName=name)
        elif kind == "transform-job":
            sagemaker.stop_transform_job(TransformJobName=name)
        else:
            sagemaker.stop_training_job(TrainingJobName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise


def register_model(attempt: Attempt) -> Done:
    """Create a version in the model registry, marked with the execution that made it.

    A group that is not there is made, as the step does on AWS; then the pipeline's role needs the permission for it.
    """
    arguments = attempt.resolved(attempt.step.arguments)
    made_by = {"GeneratedBy": attempt.execution.arn, **(arguments.get("MetadataProperties") or {})}
    request = {**arguments, "MetadataProperties": made_by}
    group = str(arguments.get("ModelPackageGroupName") or "")
    try:
        arn = _invoke(attempt, "CreateModelPackage", request)["ModelPackageArn"]
    except AttemptFailedError as error:
        if not group or not _NO_GROUP.search(error.reason):
            raise
        _invoke(attempt, "CreateModelPackageGroup", {"ModelPackageGroupName": group.rsplit("/", 1)[-1]})
        arn = _invoke(attempt, "CreateModelPackage", request)["ModelPackageArn"]
    return Done({**request, "ModelPackageArn": arn}, {"RegisterModel": {"Arn": arn}})


def create_model(attempt: Attempt) -> Done:
    """Create a model under a name of the execution's own."""
    arguments = attempt.resolved(attempt.step.arguments)
    request = {**arguments, "ModelName": attempt.scope.job_name}
    arn = _invoke(attempt, "CreateModel", request)["ModelArn"]
    return Done(_invoke(attempt, "DescribeModel", {"ModelName": attempt.scope.job_name}), {"Model": {"Arn": arn}})


def decide(attempt: Attempt) -> Done:
    """Evaluate the conditions. In a text the outcome reads true or false (the SDK's test_fail_steps.py)."""
    try:
        outcome = all_hold(attempt.step.arguments["Conditions"], attempt.resolved)
    except ConditionError as error:
        raise AttemptFailedError(f"ClientError: {error}") from error
    return Done({"Outcome": str(outcome).lower()}, {"Condition": {"Outcome": str(outcome)}})


def fail(attempt: Attempt) -> Done:
    """Fail with the message that the definition wants."""
    message = str(attempt.resolved(attempt.step.arguments.get("ErrorMessage", "")))
    attempt.report({"Fail": {"ErrorMessage": message}})
    raise AttemptFailedError(message)


ACTIONS: Mapping[str, Callable[[Attempt], Done]] = {
    "Processing": run_job,
    "Training": run_job,
    "Transform": run_job,
    "Model": create_model,
    "RegisterModel": register_model,
    "Condition": decide,
    "Fail": fail,
}


def _invoke(attempt: Attempt, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Call SageMaker as the pipeline; a refusal becomes an AttemptFailedError in SageMaker's words."""
    try:
        answer: dict[str, Any] = getattr(attempt.sagemaker, xform_name(operation))(**request)
    except ClientError as error:
        details, status = error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        raise AttemptFailedError(
            f"ClientError: Failed to invoke sagemaker:{operation}. Error Details: {details['Message']}",
            exception_of_refusal(details["Code"], status),
        ) from error
    except ParamValidationError as error:
        raise AttemptFailedError(
            f"ClientError: Failed to invoke sagemaker:{operation}. Error Details: {error}"
        ) from error
    return answer
