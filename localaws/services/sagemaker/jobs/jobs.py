"""Jobs that really run: one process per instance, S3 under the job's role."""

from __future__ import annotations

import functools
import logging
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from localaws.context import Context
from localaws.service_api import AwsError, Call, Operation, invalid, quota_exceeded
from localaws.services.sagemaker.containers.images import ImageError
from localaws.services.sagemaker.containers.log_shipping import ship_log
from localaws.services.sagemaker.containers.s3_storage import TransferError
from localaws.services.sagemaker.jobs.job import PROCESSING, TERMINAL, TRAINING, Job, Kind
from localaws.services.sagemaker.jobs.task import JobResult, Task, failed
from localaws.services.sagemaker.resources.constraints import check
from localaws.services.sagemaker.resources.listing import Order, in_time, sorted_page
from localaws.services.sagemaker.resources.tags import tag_on_create
from localaws.services.sagemaker.resources.timestamps import epoch_ms

LOG = logging.getLogger(__name__)


class Jobs:
    """The job operations of SageMaker for some kinds of jobs."""

    name = "sagemaker"

    def __init__(self, context: Context, kinds: Sequence[Kind] = (PROCESSING, TRAINING)) -> None:
        self._context = context
        self._kinds = kinds
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}  # by ARN

    @property
    def operations(self) -> Mapping[str, Operation]:
        operations: dict[str, Operation] = {}
        for kind in self._kinds:
            operations[f"Create{kind.word}Job"] = functools.partial(self._create, kind)
            operations[f"Describe{kind.word}Job"] = functools.partial(self._describe, kind)
            operations[f"Stop{kind.word}Job"] = functools.partial(self._stop, kind)
            operations[f"List{kind.word}Jobs"] = functools.partial(self._list, kind)
        return operations

    def wait(self, arn: str) -> None:
        """Block until the job has ended."""
        self._jobs[arn].finished.wait()

    def _create(self, kind: Kind, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check(f"Create{kind.word}Job", params)
        kind.check(params)
        arn = self._arn(kind, params[kind.name])
        self._refuse_existing(arn)
        tag_on_create(self._context, arn, params.get("Tags"))
        job = Job(self._context, kind, arn, params)
        with self._lock:
            if arn in self._jobs:
                raise _in_use(arn)
            self._refuse_beyond_quota(kind, params)
            self._jobs[arn] = job
        job.begin()
        self._context.background(f"job-{job.name}", functools.partial(self._carry_out, job))
        return {kind.arn: arn}

    def _describe(self, kind: Kind, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        return dict(self._job(kind, params).description)

    def _stop(self, kind: Kind, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        job = self._job(kind, params)
        if job.begin_stopping():
            self._context.background(f"stop-{job.name}", job.cluster.stop)
        elif job.status in TERMINAL:
            raise invalid(f"The request was rejected because the {kind.word.lower()} job is in status {job.status}.")
        return {}

    def _list(self, kind: Kind, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check(f"List{kind.word}Jobs", params)
        with self._lock:
            jobs = [job for job in self._jobs.values() if job.kind is kind and _matches(job, params)]
        order = Order(
            keys={
                "Name": lambda job: job.name,
                "CreationTime": lambda job: job.description["CreationTime"],
                "Status": lambda job: job.status,
            },
            default="CreationTime",
        )
        page, token = sorted_page(jobs, params, order)
        return {f"{kind.word}JobSummaries": [_summary(job) for job in page], **token}

    def _carry_out(self, job: Job) -> None:
        """Run a job to a terminal status, whatever happens: others wait for it."""
        directory = self._context.run_dir / "jobs" / f"{job.kind.word.lower()}-{job.name}"
        directory.mkdir(parents=True)
        task = Task(
            context=self._context,
            name=job.name,
            arn=job.arn,
            request=job.request,
            directory=directory,
            cluster=job.cluster,
            enter=job.enter,
        )
        try:
            result = _run(job, task)
            self._ship_logs(job, task)
        except Exception as error:  # a defect of ours is to SageMaker's users an internal error of SageMaker
            if not self._context.stopping.is_set():
                LOG.exception("job %s", job.name)
            result = failed(f"InternalServerError: {error}")
        if result.status == "Failed":
            LOG.warning("%s job %s failed: %s", job.kind.word, job.name, result.fields.get("FailureReason"))
        job.finish(result)

    def _ship_logs(self, job: Job, task: Task) -> None:
        now = self._context.now()
        for log in sorted(task.directory.glob("*/container.log")):
            stream = f"{job.name}/{log.parent.name}-{epoch_ms(now)}"
            ship_log(self._context.client("logs", None), job.kind.log_group, stream, log, now)

    def _job(self, kind: Kind, params: Mapping[str, Any]) -> Job:
        arn = self._arn(kind, params.get(kind.name) or "")
        with self._lock:
            job = self._jobs.get(arn)
        if job is None:
            raise invalid(f"Requested resource not found: {arn}")
        return job

    def _refuse_beyond_quota(self, kind: Kind, params: Mapping[str, Any]) -> None:
        """Raise ResourceLimitExceeded unless the account has room for the job's instances. Call with the lock held."""
        in_use: Counter[str] = Counter()
        for job in self._jobs.values():
            if job.kind is kind and job.status not in TERMINAL:
                in_use += instances_of(job.request)
        excess = self._context.quotas.excess_of_instances(
            f"{kind.word.lower()} job usage", instances_of(params), in_use
        )
        if excess is not None:
            raise quota_exceeded(*excess, "Instances")

    def _refuse_existing(self, arn: str) -> None:
        with self._lock:
            if arn in self._jobs:
                raise _in_use(arn)

    def _arn(self, kind: Kind, name: str) -> str:
        context = self._context
        return f"arn:aws:sagemaker:{context.region}:{context.account}:{kind.word.lower()}-job/{name}"


def instances_of(request: Mapping[str, Any]) -> Counter[str]:
    """The instances that a job asks for, by type."""
    asked = (
        request.get("TransformResources")
        or request.get("ResourceConfig")
        or (request.get("ProcessingResources") or {}).get("ClusterConfig")
        or {}
    )
    return Counter({asked["InstanceType"]: asked["InstanceCount"]}) if asked.get("InstanceType") else Counter()


def _run(job: Job, task: Task) -> JobResult:
    try:
        if "RoleArn" in job.request:  # a transform's is that of its model
            task.context.refuse_role(job.request["RoleArn"], job.arn)
        result = job.kind.run(task)
    except AwsError as error:
        result = failed(f"ClientError: {error.message}")
    except (ImageError, TransferError) as error:
        result = failed(str(error))
    stopped_amid = job.cluster.stop_requested and result.status == "Failed"
    return JobResult("Stopped", result.fields) if stopped_amid else result


def _in_use(arn: str) -> AwsError:
    rule = "Job name must be unique within an AWS account and region, and a job with this name already exists"
    return AwsError("ResourceInUse", f"{rule} ({arn})")


def _matches(job: Job, params: Mapping[str, Any]) -> bool:
    return (
        (params.get("NameContains") or "") in job.name
        and params.get("StatusEquals") in (None, job.status)
        and in_time(job.description, "CreationTime", params, "CreationTime")
        and in_time(job.description, "LastModifiedTime", params, "LastModifiedTime")
    )


def _summary(job: Job) -> dict[str, Any]:
    word = job.kind.word
    fields = (job.kind.name, job.kind.arn, job.kind.status, "CreationTime", "LastModifiedTime")
    optional = (f"{word}EndTime", "FailureReason", "ExitMessage", "SecondaryStatus")
    return {field: job.description[field] for field in (*fields, *optional) if field in job.description}
