"""What every pipeline of ours says in the same way to the SageMaker SDK. Only authoring modules import this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sagemaker.core.shapes import (
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
)
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join
from sagemaker.mlops.workflow.retry import (
    SageMakerJobExceptionTypeEnum,
    SageMakerJobStepRetryPolicy,
    StepExceptionTypeEnum,
    StepRetryPolicy,
)
from sagemaker.mlops.workflow.steps import CacheConfig, ProcessingStep

HOUR = 3600
INPUT = "/opt/ml/processing/input"
OUTPUT = "/opt/ml/processing/output"
CACHE = CacheConfig(enable_caching=True, expire_after="30d")  # years to minutes: seconds are not documented


@dataclass(frozen=True, slots=True)
class Setting:
    """What differs between accounts and models; the compiler passes tokens for ``sluice apply`` to fill in."""

    session: Any  # PipelineSession
    role_arn: str
    image: str
    region: str
    code: str  # S3 URI below which each script's code is uploaded, without a trailing slash
    outputs: str  # S3 URI below which each execution writes
    package_group: str
    data_contract: str  # S3 URI


def job_retries() -> list[Any]:
    """No capacity passes within hours, not seconds; a fault of the job's machine passes at once."""
    return [
        service_retries(),
        SageMakerJobStepRetryPolicy(
            exception_types=[SageMakerJobExceptionTypeEnum.CAPACITY_ERROR],
            interval_seconds=60,
            backoff_rate=2.0,
            max_attempts=5,
        ),
        SageMakerJobStepRetryPolicy(
            exception_types=[SageMakerJobExceptionTypeEnum.INTERNAL_ERROR],
            interval_seconds=10,
            backoff_rate=2.0,
            max_attempts=3,
        ),
    ]


def service_retries() -> StepRetryPolicy:
    return StepRetryPolicy(
        exception_types=[StepExceptionTypeEnum.SERVICE_FAULT, StepExceptionTypeEnum.THROTTLING],
        interval_seconds=5,
        backoff_rate=2.0,
        max_attempts=5,
    )


def code_of(setting: Setting, script: str) -> str:
    """S3 URI of one job's script with all that it needs, and nothing else: its own digest is its cache key."""
    return f"{setting.code}/{script.removesuffix('.py')}"


def job_input(name: str, uri: Any, *, data_type: str = "S3Prefix") -> ProcessingInput:
    source = ProcessingS3Input(s3_uri=uri, local_path=f"{INPUT}/{name}", s3_data_type=data_type, s3_input_mode="File")
    return ProcessingInput(input_name=name, s3_input=source)


def job_output(setting: Setting, name: str) -> ProcessingOutput:
    destination = ProcessingS3Output(
        s3_uri=output_uri(setting, name), local_path=f"{OUTPUT}/{name}", s3_upload_mode="EndOfJob"
    )
    return ProcessingOutput(output_name=name, s3_output=destination)


def output_uri(setting: Setting, name: str) -> Join:
    return Join(on="/", values=[setting.outputs, ExecutionVariables.PIPELINE_EXECUTION_ID, name])


def output_of(step: ProcessingStep, name: str) -> Any:
    """Where an earlier step left an output; from the cache, that is another execution's."""
    return step.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri
