"""Runs a transform job: a container per instance, every input object through the model, outputs to S3."""

from __future__ import annotations

import functools
import hashlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from localaws.runtime.process import ChildStartError
from localaws.service_api import AwsError
from localaws.services.sagemaker.containers.artifact import ArtifactError
from localaws.services.sagemaker.containers.container import Container
from localaws.services.sagemaker.containers.images import ImageError
from localaws.services.sagemaker.containers.s3_storage import S3Uri, Source, find_sources
from localaws.services.sagemaker.containers.serving_process import becomes_healthy, start_serving
from localaws.services.sagemaker.jobs.job import Kind
from localaws.services.sagemaker.jobs.job_usage import measure_usage
from localaws.services.sagemaker.jobs.task import JobResult, Task, failed
from localaws.services.sagemaker.models.models import ContainerSpec, Models
from localaws.services.sagemaker.transform.transform_files import FileError, StoppedError, TransformInstance, distribute
from localaws.services.sagemaker.transform.transform_records import processing_of
from localaws.services.sagemaker.transform.transform_settings import Settings, check_transform, settings_of

HEALTHY_WITHIN_SECONDS = 60.0
_PING_EVERY_SECONDS = 0.1
_SEE_LOGS = "See job logs for more information"


@dataclass(slots=True)
class _Run:
    """A job under way, shared by the threads of its instances."""

    task: Task
    s3: Any
    prefix: str = ""  # of the input, as a key
    outputs: dict[str, Path] = field(default_factory=dict)  # key below S3OutputPath → file
    blames: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, source: Source, text: str) -> None:
        """A line of the job's data log, which is about the data and not the container's own."""
        with self.lock:
            self.log.append(f"[sagemaker logs]: {source.uri.bucket}/{source.uri.key}: {text}")

    def is_stopped(self) -> bool:
        return self.task.cluster.stop_requested or self.task.context.stopping.is_set()


def transform_kind(models: Models) -> Kind:
    """Transform jobs with the models of CreateModel."""

    def check(request: Mapping[str, Any]) -> None:
        check_transform(request)
        models.store.get(request["ModelName"])

    return Kind(word="Transform", check=check, run=functools.partial(run_transform, models))


def run_transform(models: Models, task: Task) -> JobResult:
    """Run the job to its end; raises TransferError when its input cannot be found."""
    try:
        spec = models.store.get(task.request["ModelName"]).container
        task.context.refuse_role(spec.role_arn, task.arn)
    except AwsError as error:  # both were there when the job was created, or when the model was
        return failed(f"ClientError: {error.message}")
    run = _Run(task, task.context.client("s3", spec.role_arn))
    source = task.request["TransformInput"]["DataSource"]["S3DataSource"]
    sources = find_sources(run.s3, S3Uri.parse(source["S3Uri"]), source["S3DataType"])
    run.prefix = sources[0].uri.key.removesuffix(sources[0].path)
    containers: list[Container] = []
    try:
        for index in range(task.request["TransformResources"]["InstanceCount"]):
            containers.append(_start(task, spec, index))
        return _run(run, containers, sources)
    except ImageError as error:
        return failed(str(error))
    except (ArtifactError, ChildStartError) as error:
        return failed(f"ClientError: {error}")
    finally:
        for container in containers:
            container.stop()


def _start(task: Task, spec: ContainerSpec, index: int) -> Container:
    home = task.directory / f"algo-{index + 1}"
    home.mkdir()
    added = task.request.get("Environment") or {}
    is_alone = bool(added) and task.context.choices.added_environment == "replace"
    whole = replace(spec, environment={**({} if is_alone else spec.environment), **added})
    return start_serving(task.context, whole, home, settings_of(task.request, {}).environment())


def _run(run: _Run, containers: list[Container], sources: list[Source]) -> JobResult:
    task = run.task
    for container in containers:  # they come up side by side
        if not becomes_healthy(
            task.context,
            container,
            allowed_seconds=HEALTHY_WITHIN_SECONDS,
            ping_every_seconds=_PING_EVERY_SECONDS,
        ):
            return failed(f"AlgorithmError: The container did not pass the ping health check. {_SEE_LOGS}")
    settings = settings_of(task.request, _execution_parameters(containers[0]))
    with measure_usage(task.context, "/aws/sagemaker/TransformJobs", task.name, containers):
        _in_parallel(
            task,
            [
                functools.partial(_work, run, container, settings, files)
                for container, files in zip(containers, distribute(sources, len(containers)), strict=True)
            ],
        )
    _write_data_log(run, settings)
    if run.is_stopped():
        return JobResult("Stopped")  # what a stopped job has done is not stored
    problem = _upload(run)
    if problem is None and run.blames:
        problem = f"{run.blames[0]}: {_SEE_LOGS}"
    return failed(problem) if problem else JobResult("Completed")


def _work(run: _Run, container: Container, settings: Settings, files: list[Source]) -> None:
    """One instance's share. A file that fails leaves no output, and the others go on."""
    for source in files:
        instance = TransformInstance(
            container=container,
            settings=settings,
            processing=processing_of(run.task.request),
            is_gzipped=run.task.request["TransformInput"].get("CompressionType") == "Gzip",
            is_stopped=run.is_stopped,
            note=functools.partial(run.note, source),
            line_end=b"\n" if run.task.context.choices.transform_keeps_carriage_returns else b"\r\n",
        )
        # Not by its path, which may be longer than a file's name.
        output = run.task.directory / "outputs" / hashlib.sha256(source.path.encode()).hexdigest()
        try:
            instance.transform(run.s3, source, output)
        except StoppedError:
            return
        except (FileError, ClientError) as error:
            run.note(source, str(error))
            with run.lock:
                run.blames.append(error.blame if isinstance(error, FileError) else "ClientError")
        else:
            with run.lock:
                run.outputs[f"{source.path}.out"] = output


def _upload(run: _Run) -> str | None:
    """Store what succeeded; the FailureReason when that is refused."""
    target = S3Uri.parse(run.task.request["TransformOutput"]["S3OutputPath"])
    if run.task.context.choices.transform_output_keeps_prefix:
        target = target.child(run.prefix.rstrip("/").rpartition("/")[2])
    for path, file in sorted(run.outputs.items()):
        uri = target.child(path)
        try:
            with file.open("rb") as content:
                run.s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=content)
        except ClientError as error:
            return f"ClientError: Failed to upload data to {uri}: {error.response['Error']['Code']}"
        file.unlink()
    return None


def _write_data_log(run: _Run, settings: Settings) -> None:
    """Beside the containers' logs, from where it is shipped like them."""
    strategy = settings.environment()["SAGEMAKER_BATCH_STRATEGY"]
    head = (
        f"MaxConcurrentTransforms={settings.concurrent}, "
        f"MaxPayloadInMB={settings.environment()['SAGEMAKER_MAX_PAYLOAD_IN_MB']}, BatchStrategy={strategy}"
    )
    directory = run.task.directory / "data-log"
    directory.mkdir()
    (directory / "container.log").write_text("\n".join([head, *run.log]) + "\n")


def _execution_parameters(container: Container) -> Mapping[str, Any]:
    """What the container suggests for settings the request leaves open; nothing if it does not say."""
    answer = container.get("/execution-parameters")
    found = json.loads(answer.body) if answer.status == 200 else {}
    return found if isinstance(found, dict) else {}


def _in_parallel(task: Task, works: list[Callable[[], None]]) -> None:
    """Run all to their end; what one raises is raised after that."""
    problems: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # carried over to the job's own thread, which knows what to do with it
            problems.append(error)

    threads = [
        task.context.background(f"transform-{task.name}-{index}", functools.partial(guarded, work))
        for index, work in enumerate(works)
    ]
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]
