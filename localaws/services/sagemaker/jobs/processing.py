"""Runs a processing job: inputs in, the program on every instance, outputs out."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from localaws.service_api import AwsError, invalid
from localaws.services.sagemaker.containers.images import ImageUse, require_played_image
from localaws.services.sagemaker.containers.s3_storage import (
    WHOLE,
    S3Uri,
    Shard,
    download,
    find_sources,
    upload_directory,
)
from localaws.services.sagemaker.jobs.cluster import Ending
from localaws.services.sagemaker.jobs.job_container import FAILURE_REASON_MAX, JobContainer
from localaws.services.sagemaker.jobs.task import JobResult, Task, failed, failure_of

DEFAULT_MAX_RUNTIME_SECONDS = 24 * 3600


def check_processing(request: Mapping[str, Any]) -> None:
    """Refuse what AWS refuses beyond the service model, and what is not supported by the local AWS."""
    for part in [*_inputs(request), *_outputs(request)]:
        s3_part = part.get("S3Input") or part.get("S3Output")
        if s3_part is None or s3_part.get("S3InputMode") == "Pipe":
            raise AwsError(
                "NotImplemented", "only S3 inputs and outputs in File mode are supported by the local AWS", 501
            )
        path = s3_part.get("LocalPath") or ""
        if not path.startswith("/opt/ml/processing"):
            raise invalid(f"LocalPath {path!r} must be below /opt/ml/processing")


def run_processing(task: Task) -> JobResult:
    """Run the job to its end; raises TransferError when data cannot be moved."""
    request = task.request
    require_played_image(request["AppSpecification"]["ImageUri"], ImageUse.PROCESSING)
    cluster_config = request["ProcessingResources"]["ClusterConfig"]
    containers = [task.container(index) for index in range(cluster_config["InstanceCount"])]
    for index, container in enumerate(containers):
        _prepare(task, container, Shard(index, len(containers)))
    environment = {
        "PROCESSING_JOB_NAME": task.name,
        "PROCESSING_JOB_ARN": task.arn,
        **(request.get("Environment") or {}),
    }
    starts = [functools.partial(container.start, _argv(request), environment) for container in containers]
    limits = request.get("StoppingCondition") or {}
    outcome = task.cluster.run(starts, limits.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_SECONDS))
    _upload(task, containers, completed=outcome.ending is Ending.COMPLETED)
    message = containers[outcome.instance].read_output("message")
    fields = {"ExitMessage": message[:FAILURE_REASON_MAX]} if message else {}
    if outcome.ending is Ending.FAILED:
        return failed(failure_of(outcome, containers[outcome.instance], "message"), **fields)
    if outcome.ending is Ending.COMPLETED:
        for container in containers:
            container.discard_data()
        return JobResult("Completed", fields)
    return JobResult("Stopped", fields)


def _prepare(task: Task, container: JobContainer, shard: Shard) -> None:
    container.write_json(
        "/opt/ml/config/processingjobconfig.json",
        {**task.request, "ProcessingJobArn": task.arn, "ProcessingJobName": task.name},
    )
    container.write_json(
        "/opt/ml/config/resourceconfig.json",
        {"current_host": container.host, "hosts": [f"algo-{n + 1}" for n in range(shard.count)]},
    )
    for part in _inputs(task.request):
        s3_input = part["S3Input"]
        sources = find_sources(task.s3, S3Uri.parse(s3_input["S3Uri"]), s3_input["S3DataType"])
        sharded = s3_input.get("S3DataDistributionType") == "ShardedByS3Key"
        directory = container.make_directory(s3_input["LocalPath"])
        download(task.s3, (shard if sharded else WHOLE).of(sources), directory)
    for part in _outputs(task.request):
        container.make_directory(part["S3Output"]["LocalPath"])


def _upload(task: Task, containers: list[JobContainer], *, completed: bool) -> None:
    """Upload outputs; of a job that did not complete only those that upload continuously."""
    for part in _outputs(task.request):
        s3_output = part["S3Output"]
        if completed or s3_output.get("S3UploadMode") == "Continuous":
            for container in containers:
                upload_directory(task.s3, container.path(s3_output["LocalPath"]), S3Uri.parse(s3_output["S3Uri"]))


def _argv(request: Mapping[str, Any]) -> list[str]:
    app = request["AppSpecification"]
    argv = [*(app.get("ContainerEntrypoint") or []), *(app.get("ContainerArguments") or [])]
    return argv or ["false"]  # the image has no entrypoint of its own for processing


def _inputs(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    return request.get("ProcessingInputs") or []


def _outputs(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    return (request.get("ProcessingOutputConfig") or {}).get("Outputs") or []
