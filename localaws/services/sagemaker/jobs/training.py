"""Runs a training job: channels in, the image's ``train`` command, the model out."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from localaws.containers import TRAIN
from localaws.service_api import AwsError
from localaws.services.sagemaker.containers.images import ImageUse, require_played_image
from localaws.services.sagemaker.containers.s3_storage import S3Uri, download, fetch, find_sources, pack, store
from localaws.services.sagemaker.jobs.cluster import ClusterOutcome, Ending
from localaws.services.sagemaker.jobs.job_container import JobContainer
from localaws.services.sagemaker.jobs.task import JobResult, Task, failed, failure_of
from localaws.services.sagemaker.jobs.training_metrics import final_metrics, metric_definitions

_SOURCE = "/opt/ml/input/sourcedir.tar.gz"


def check_training(request: Mapping[str, Any]) -> None:
    """Refuse what is not supported by the local AWS."""
    algorithm = request["AlgorithmSpecification"]
    modes = {algorithm["TrainingInputMode"], *(c.get("InputMode") or "File" for c in _channels(request))}
    if request["ResourceConfig"].get("InstanceCount", 1) != 1:
        raise AwsError("NotImplemented", "training on more than one instance is not supported by the local AWS", 501)
    if "TrainingImage" not in algorithm or "Pipe" in modes:
        raise AwsError("NotImplemented", "only a TrainingImage, with data as files, is supported by the local AWS", 501)
    if (request["OutputDataConfig"].get("CompressionType") or "GZIP") != "GZIP":
        raise AwsError("NotImplemented", "only a compressed model output is supported by the local AWS", 501)


def completed_training(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request with what DescribeTrainingJob shows besides: the metrics of the image, and an empty key.

    Clients read both without asking whether they are there (Estimator.attach of version 2 of the SageMaker SDK).
    """
    algorithm = request["AlgorithmSpecification"]
    return {
        **request,
        "AlgorithmSpecification": {**algorithm, "MetricDefinitions": _definitions(request)},
        "OutputDataConfig": {"KmsKeyId": "", **request["OutputDataConfig"]},
        "FinalMetricDataList": [],
    }


def run_training(task: Task) -> JobResult:
    """Run the job to its end; raises TransferError when data cannot be moved."""
    require_played_image(task.request["AlgorithmSpecification"]["TrainingImage"], ImageUse.TRAINING)
    container = task.container(0)
    _write_configuration(task, container)
    task.enter("Downloading")
    _download(task, container)
    task.enter("Training")
    environment = {
        "TRAINING_JOB_NAME": task.name,
        "TRAINING_JOB_ARN": task.arn,
        **(task.request.get("Environment") or {}),
    }
    max_seconds = (task.request.get("StoppingCondition") or {}).get("MaxRuntimeInSeconds", 24 * 3600)
    outcome = task.cluster.run([functools.partial(container.start, _argv(task), environment)], max_seconds)
    if outcome.ending is Ending.FAILED:
        return failed(failure_of(outcome, container, "failure"))
    task.enter("Uploading")
    return _finish(task, container, outcome)


def _argv(task: Task) -> list[str]:
    """The image's program, unless the job brings an entrypoint of its own, as ModelTrainer of SDK v3 does."""
    algorithm = task.request["AlgorithmSpecification"]
    arguments = algorithm.get("ContainerArguments") or []
    if algorithm.get("ContainerEntrypoint"):
        return [*algorithm["ContainerEntrypoint"], *arguments]
    return [str(task.context.interpreters.containers), str(TRAIN), *(arguments or ["train"])]


def _finish(task: Task, container: JobContainer, outcome: ClusterOutcome) -> JobResult:
    """Upload what there is, also of a job that was stopped, as SageMaker does."""
    output = S3Uri.parse(task.request["OutputDataConfig"]["S3OutputPath"]).child(f"{task.name}/output")
    fields: dict[str, Any] = {}
    model, data = container.path("/opt/ml/model"), container.path("/opt/ml/output/data")
    if outcome.ending is Ending.COMPLETED or any(model.iterdir()):
        artifact = output.child("model.tar.gz")
        store(task.s3, pack(model), artifact)
        fields["ModelArtifacts"] = {"S3ModelArtifacts": str(artifact)}
    if any(data.iterdir()):
        store(task.s3, pack(data), output.child("output.tar.gz"))
    container.discard_data()
    log = container.log.read_text(errors="replace") if container.log.is_file() else ""
    fields["FinalMetricDataList"] = final_metrics(_definitions(task.request), log, task.context.now())
    if outcome.ending is Ending.COMPLETED:
        return JobResult("Completed", fields)
    if outcome.ending is Ending.TIMED_OUT:
        return JobResult("Stopped", {**fields, "SecondaryStatus": "MaxRuntimeExceeded"})
    return JobResult("Stopped", fields)


def _write_configuration(task: Task, container: JobContainer) -> None:
    resources = task.request["ResourceConfig"]
    config = "/opt/ml/input/config"
    container.write_json(f"{config}/hyperparameters.json", task.request.get("HyperParameters") or {})
    container.write_json(
        f"{config}/resourceconfig.json",
        {
            "current_host": container.host,
            "hosts": [container.host],
            "current_instance_type": resources.get("InstanceType"),
            "network_interface_name": "lo",
        },
    )
    container.write_json(
        f"{config}/inputdataconfig.json",
        {channel["ChannelName"]: _channel_config(channel) for channel in _channels(task.request)},
    )


def _channel_config(channel: Mapping[str, Any]) -> dict[str, Any]:
    source = channel["DataSource"]["S3DataSource"]
    config = {
        "TrainingInputMode": "File",
        "S3DistributionType": source.get("S3DataDistributionType") or "FullyReplicated",
        "RecordWrapperType": channel.get("RecordWrapperType") or "None",
    }
    return config | ({"ContentType": channel["ContentType"]} if channel.get("ContentType") else {})


def _download(task: Task, container: JobContainer) -> None:
    """Fetch the channels and the source archive.

    On AWS the toolkit in the container fetches the archive itself, with the same role; here it finds the archive
    beside its input, and needs no AWS SDK for that, which would take it longer than many a training.
    """
    for channel in _channels(task.request):
        source = channel["DataSource"]["S3DataSource"]
        sources = find_sources(task.s3, S3Uri.parse(source["S3Uri"]), source["S3DataType"])
        directory = container.make_directory(f"/opt/ml/input/data/{channel['ChannelName']}")
        download(task.s3, sources, directory)
    container.make_directory("/opt/ml/model")
    container.make_directory("/opt/ml/output/data")
    submitted = (task.request.get("HyperParameters") or {}).get("sagemaker_submit_directory", "").strip('"')
    if submitted.startswith("s3://"):
        container.path(_SOURCE).write_bytes(fetch(task.s3, S3Uri.parse(submitted)))


def _definitions(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    algorithm = request["AlgorithmSpecification"]
    is_script = "sagemaker_program" in (request.get("HyperParameters") or {}) or algorithm.get("ContainerEntrypoint")
    return metric_definitions(algorithm.get("MetricDefinitions") or [], built_in=not is_script)


def _channels(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    return request.get("InputDataConfig") or []
