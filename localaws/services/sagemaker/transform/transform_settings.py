"""The settings of a transform job: validation, and defaults that the container may choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localaws.service_api import AwsError, invalid
from localaws.services.sagemaker.transform.json_path import PathError
from localaws.services.sagemaker.transform.transform_records import FORMATS, JSON, media_type, processing_of

MEGABYTE = 1024 * 1024
_MAX_MEGABYTES = 100
_DEFAULT_MEGABYTES = 6
_DEFAULT_TIMEOUT_SECONDS = 600
_DEFAULT_RETRIES = 3


def check_transform(request: Mapping[str, Any]) -> None:
    """Refuse what AWS refuses beyond the service model, and by name what is not supported by the local AWS."""
    split = request["TransformInput"].get("SplitType") or "None"
    _refuse_what_is_unsupported(request, split)
    megabytes = request.get("MaxPayloadInMB", _DEFAULT_MEGABYTES)
    if megabytes > _MAX_MEGABYTES or megabytes * (request.get("MaxConcurrentTransforms") or 1) > _MAX_MEGABYTES:
        raise invalid("MaxConcurrentTransforms * MaxPayloadInMB must not exceed 100 MB.")
    if request.get("BatchStrategy") == "MultiRecord" and split == "None":
        raise invalid("BatchStrategy MultiRecord requires SplitType Line, RecordIO or TFRecord.")
    _check_processing(request, split)


def _refuse_what_is_unsupported(request: Mapping[str, Any], split: str) -> None:
    source = request["TransformInput"]["DataSource"]["S3DataSource"]
    for what, used in (
        (f"SplitType {split}", split not in {"None", "Line"}),
        (f"S3DataType {source['S3DataType']}", source["S3DataType"] not in {"S3Prefix", "ManifestFile"}),
        ("MaxPayloadInMB 0, the chunked encoding,", request.get("MaxPayloadInMB") == 0),
        ("data capture of transform jobs", bool(request.get("DataCaptureConfig"))),
        ("ExperimentConfig", bool(request.get("ExperimentConfig"))),
    ):
        if used:
            raise AwsError("NotImplemented", f"{what} is not supported by the local AWS", 501)


def _check_processing(request: Mapping[str, Any], split: str) -> None:
    try:
        processing = processing_of(request)
    except PathError as error:
        raise invalid(str(error)) from error
    if processing.input_filter.is_root and not processing.shapes_output:
        return
    output = request["TransformOutput"]
    if processing.format not in FORMATS:
        raise invalid(f"DataProcessing supports the content types {', '.join(FORMATS)}, not {processing.format}.")
    if processing.joins_input and media_type(output.get("Accept") or processing.format) != processing.format:
        raise invalid("To join the input, Accept must be the same as ContentType.")
    if split == "None" and processing.format != JSON:
        raise AwsError("NotImplemented", f"DataProcessing of {processing.format} without SplitType Line", 501)
    if split == "Line" and processing.shapes_output and (output.get("AssembleWith") or "None") != "Line":
        raise invalid("DataProcessing with SplitType Line requires AssembleWith Line.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the files of a job are sent to the model."""

    splits_lines: bool
    one_record_each: bool
    assembles_lines: bool
    max_bytes: int
    concurrent: int  # requests under way on each instance
    timeout_seconds: float
    retries: int  # beyond the first attempt
    headers: Mapping[str, str]

    @property
    def max_records(self) -> int | None:
        """Records of one request; None for as many as fit."""
        return 1 if self.one_record_each else None

    def environment(self) -> dict[str, str]:
        """The environment variables by which SageMaker passes them to the container."""
        return {
            "SAGEMAKER_BATCH": "True",
            "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD" if self.one_record_each else "MULTI_RECORD",
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(self.max_bytes // MEGABYTE),
            "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(self.concurrent),
        }


def settings_of(request: Mapping[str, Any], suggested: Mapping[str, Any]) -> Settings:
    """The request's settings; where it is silent what the container suggests, then SageMaker's defaults."""
    source, output = request["TransformInput"], request["TransformOutput"]
    client = request.get("ModelClientConfig") or {}
    strategy = request.get("BatchStrategy") or suggested.get("BatchStrategy", "MULTI_RECORD")
    megabytes = request.get("MaxPayloadInMB") or suggested.get("MaxPayloadInMB", _DEFAULT_MEGABYTES)
    headers = {"Content-Type": source.get("ContentType"), "Accept": output.get("Accept")}
    return Settings(
        splits_lines=source.get("SplitType") == "Line",
        one_record_each=strategy in {"SingleRecord", "SINGLE_RECORD"},
        assembles_lines=output.get("AssembleWith") == "Line",
        max_bytes=int(megabytes) * MEGABYTE,
        concurrent=int(request.get("MaxConcurrentTransforms") or suggested.get("MaxConcurrentTransforms", 1)),
        timeout_seconds=float(client.get("InvocationsTimeoutInSeconds", _DEFAULT_TIMEOUT_SECONDS)),
        retries=int(client.get("InvocationsMaxRetries", _DEFAULT_RETRIES)),
        headers={name: value for name, value in headers.items() if value},
    )
