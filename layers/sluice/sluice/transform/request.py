"""Builds the CreateTransformJob request of a run. Pure.

Files are CSV without a header; each line is a record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sluice.spec.serving import Batch
from sluice.spec.serving_modes import model_server_environment

CSV = "text/csv"
_STRATEGIES = {"many": "MultiRecord", "one": "SingleRecord"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformJobRequest:
    """One transform job: its name, model, input, output and instance type."""

    name: str
    model: str  # the SageMaker model
    source: str  # an s3:// URI
    source_type: str  # S3Prefix | ManifestFile
    output: str  # an s3:// folder
    instance_type: str


def transform_request(job: TransformJobRequest, batch: Batch) -> dict[str, Any]:
    """The request for ``job`` with the settings of the spec.

    The environment is that of the job's containers. It is set again, because the model may have been made when the spec
    allowed another time, or before Sluice told containers of it. ``Transforms.create`` adds the model's own.
    """
    environment = model_server_environment(batch.invocation_timeout_seconds)
    return {
        "TransformJobName": job.name,
        "ModelName": job.model,
        "MaxConcurrentTransforms": batch.max_concurrent_transforms,
        "MaxPayloadInMB": batch.max_payload_mb,
        "BatchStrategy": _STRATEGIES[batch.records_per_request],
        "ModelClientConfig": {
            "InvocationsTimeoutInSeconds": batch.invocation_timeout_seconds,
            "InvocationsMaxRetries": batch.max_retries,
        },
        **({"Environment": environment} if environment else {}),
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": job.source_type, "S3Uri": job.source}},
            "ContentType": CSV,
            "CompressionType": "None",
            "SplitType": "Line",
        },
        "TransformOutput": {"S3OutputPath": job.output, "Accept": CSV, "AssembleWith": "Line"},
        "DataProcessing": {
            "InputFilter": batch.input_filter,
            "OutputFilter": batch.output_filter,
            "JoinSource": "Input" if batch.join_input else "None",
        },
        "TransformResources": {"InstanceType": job.instance_type, "InstanceCount": batch.instance_count},
    }
