"""One job: its kind, its description and its end. Announces every change of status."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from localaws.context import Context
from localaws.services.sagemaker.jobs.cluster import Cluster
from localaws.services.sagemaker.jobs.job_events import Description, job_event, with_transition
from localaws.services.sagemaker.jobs.processing import DEFAULT_MAX_RUNTIME_SECONDS, check_processing, run_processing
from localaws.services.sagemaker.jobs.task import JobResult, Task
from localaws.services.sagemaker.jobs.training import check_training, completed_training, run_training

TERMINAL = frozenset({"Completed", "Failed", "Stopped"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What differs between processing, training and transform jobs."""

    word: str  # "Processing" | "Training" | "Transform", the first part of every name in the API
    check: Callable[[Mapping[str, Any]], None]
    run: Callable[[Task], JobResult]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    completed: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict  # a request with what its description adds

    @property
    def name(self) -> str:
        return f"{self.word}JobName"

    @property
    def arn(self) -> str:
        return f"{self.word}JobArn"

    @property
    def status(self) -> str:
        return f"{self.word}JobStatus"

    @property
    def log_group(self) -> str:
        return f"/aws/sagemaker/{self.word}Jobs"


PROCESSING = Kind(
    word="Processing",
    check=check_processing,
    run=run_processing,
    defaults={"StoppingCondition": {"MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME_SECONDS}},
)
TRAINING = Kind(
    word="Training",
    check=check_training,
    run=run_training,
    defaults={"StoppingCondition": {"MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME_SECONDS}},
    completed=completed_training,
)


class Job:
    """One job. Its description is replaced, never changed, so a reader needs no lock."""

    def __init__(self, context: Context, kind: Kind, arn: str, request: Mapping[str, Any]) -> None:
        now = context.now()
        self.kind = kind
        self.arn = arn
        self.name = str(request[kind.name])
        self.request = request
        self.cluster = Cluster(context)
        self.finished = threading.Event()
        self._context = context
        self._lock = threading.Lock()
        self._tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}
        self.description: Description = {
            **kind.defaults,
            **{name: value for name, value in kind.completed(request).items() if name != "Tags" and value is not None},
            kind.arn: arn,
            kind.status: "InProgress",
            "CreationTime": now,
            "LastModifiedTime": now,
        }

    @property
    def status(self) -> str:
        return str(self.description[self.kind.status])

    def begin(self) -> None:
        """Announce that the job exists and is about to run."""
        self._change({f"{self.kind.word}StartTime": self._context.now()}, "Starting")

    def enter(self, stage: str) -> None:
        """Announce a stage of the run; only training jobs have them."""
        if self.kind is TRAINING:
            self._change({}, stage)

    def begin_stopping(self) -> bool:
        """Announce that the job is being stopped; False when it has ended or is stopping already."""
        with self._lock:
            if self.status != "InProgress":
                return False
            self.description = {**self.description, self.kind.status: "Stopping"}
        self._change({}, "Stopping")
        return True

    def finish(self, result: JobResult) -> None:
        """Announce the end and wake the threads that wait for it."""
        now = self._context.now()
        ending = {
            self.kind.status: result.status,
            f"{self.kind.word}EndTime": now,
            **(self._times(now) if self.kind is TRAINING else {}),
            **{field: value for field, value in result.fields.items() if field != "SecondaryStatus"},
        }
        try:
            self._change(ending, result.fields.get("SecondaryStatus", result.status))
        finally:
            self.finished.set()

    def _times(self, now: datetime) -> dict[str, int]:
        """How long it trained, in whole seconds; nothing is off the bill here, as there are no spot instances."""
        seconds = max(1, round((now - self.description["TrainingStartTime"]).total_seconds()))
        return {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}

    def _change(self, fields: Mapping[str, Any], secondary: str) -> None:
        now = self._context.now()
        with self._lock:
            description = {**self.description, **fields, "LastModifiedTime": now}
            if self.kind is TRAINING:
                description = with_transition(description, secondary, now)
            self.description = description
        self._context.bus.put(
            source="aws.sagemaker",
            detail_type=f"SageMaker {self.kind.word} Job State Change",
            detail=job_event(self.kind.word, description, self._tags),
            resources=[self.arn],
        )
