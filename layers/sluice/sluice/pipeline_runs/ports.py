"""The ports of this package: one protocol per collaborator, with only the methods that the package calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol

from sluice.aws.s3 import StoredObject
from sluice.names import Names
from sluice.pipeline_runs.run import PipelineRun
from sluice.rollout.model.ports import LiveVersionBucket, LiveVersionHosting, LiveVersionRegistry, LiveVersionStore
from sluice.telemetry.port import Telemetry
from sluice.training.run_slot import RunSlot


class RunEventPublisher(Protocol):
    """Puts domain events on the default bus; the same fact may be published twice after a crash."""

    def publish(self, detail_type: str, **detail: Any) -> None:
        """Publish one event, e.g. ``publish("RolloutOpened", model="fraud", version=7)``."""


class PipelineRunRegistry(LiveVersionRegistry, Protocol):
    """The calls that this package makes to the Model Registry."""

    def annotate(self, arn: str, properties: Mapping[str, str]) -> None:
        """Add custom metadata; characters the registry refuses become spaces."""


class ExecutionReader(Protocol):
    """Reads executions; nothing is cached, since events of them come late and out of order."""

    def read(self, execution: str, model: str) -> PipelineRun | None:
        """The run as it is now, without its metrics; None if it was deleted, with its pipeline."""


class PipelineRunBucket(LiveVersionBucket, Protocol):
    """The operations on the data bucket that this package uses."""

    def head(self, uri: str) -> StoredObject | None:
        """An object's size, age and digest by its ``s3://`` URI, in any bucket; None if it is not there."""


class PipelineRunStore(Protocol):
    """Every method is idempotent: called again with the same arguments, it leaves the same state."""

    def save(self, run: PipelineRun) -> None:
        """Record a run as it was seen, unless something newer is recorded already."""

    def runs(self, model: str) -> Iterator[PipelineRun]:
        """The recorded runs of a model, the newest first."""

    def is_end_announced(self, run: PipelineRun) -> bool:
        """Whether the end of this run has been announced, as it ended this time."""

    def mark_end_announced(self, run: PipelineRun, now: datetime) -> None: ...

    def is_wait_announced(self, package_arn: str, since: str) -> bool:
        """Whether a version's wait for approval that began at ``since`` has been announced."""

    def mark_wait_announced(self, package_arn: str, since: str) -> None: ...


class RunEndSlots(Protocol):
    """The run slots of training: one that a run holds is marked when the run has ended."""

    def get(self, model: str) -> RunSlot | None:
        """The current claim, or the last one; None before the first."""

    def mark_ended(self, model: str, run: str, status: str) -> bool:
        """Note that a run's execution has ended; False if the run does not hold the model's slot."""


class RunEndExecutions(Protocol):
    """The calls to SageMaker Pipelines that tell whether a run has ended."""

    def status_and_name(self, execution: str) -> tuple[str, str]:
        """Status and display name; an execution whose pipeline was deleted is Stopped and has no name any more."""


class RunEndWakeups(Protocol):
    """The operations on the upload queue that this package uses."""

    def send_wake_up(self, model: str, delay_seconds: float) -> None:
        """Wake the model's run queue after ``delay_seconds``, or a little later; once too often does no harm."""


class RunEndPorts(Protocol):
    """The ports that recording the end of a run needs."""

    @property
    def names(self) -> Names: ...

    @property
    def pipelines(self) -> RunEndExecutions: ...

    @property
    def run_slots(self) -> RunEndSlots: ...

    @property
    def wakeups(self) -> RunEndWakeups: ...


class PipelineRunPorts(RunEndPorts, Protocol):
    """All ports of this package."""

    @property
    def bucket(self) -> PipelineRunBucket: ...

    @property
    def events(self) -> RunEventPublisher: ...

    @property
    def hosting(self) -> LiveVersionHosting: ...

    @property
    def now(self) -> Callable[[], datetime]: ...

    @property
    def registry(self) -> PipelineRunRegistry: ...

    @property
    def run_reader(self) -> ExecutionReader: ...

    @property
    def runs(self) -> PipelineRunStore: ...

    @property
    def store(self) -> LiveVersionStore: ...

    @property
    def telemetry(self) -> Telemetry: ...
