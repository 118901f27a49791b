"""What this room asks of the world: a protocol for each collaborator, with no more than is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Protocol

from sluice.names import Names
from sluice.pipeline_runs.run import Run
from sluice.rollout.model.ports import LiveVersionHosting, LiveVersionRegistry
from sluice.training.ports import (
    TrainingBucket,
    TrainingEvents,
    TrainingPipelines,
    TrainingQuarantine,
    TrainingSpecs,
    TrainingStore,
    TrainingTurns,
    TrainingWaiting,
    TrainingWakeups,
)


class PipelineRunsRegistry(LiveVersionRegistry, Protocol):
    """What Sluice asks of the Model Registry."""

    def annotate(self, arn: str, properties: Mapping[str, str]) -> None:
        """Add custom metadata; characters the registry refuses become spaces."""


class PipelineRunsRunSource(Protocol):
    """What Sluice reads of an execution."""

    def read(self, execution: str, model: str) -> Run | None:
        """The run as it is now, without its metrics; None if its pipeline was deleted, and it with it."""


class PipelineRunsRuns(Protocol):
    """Every method may be called again with the same arguments and leaves the same state."""

    def save(self, run: Run) -> None:
        """Keep what was seen of a run, unless something newer is kept already."""

    def runs(self, model: str) -> Iterator[Run]:
        """The newest first."""

    def is_told(self, run: Run) -> bool:
        """Whether the end of this run has been announced, with this outcome."""

    def mark_told(self, run: Run, now: datetime) -> None: ...

    def is_pending_told(self, package_arn: str, since: str) -> bool:
        """Whether a version's wait for approval that began at ``since`` has been announced."""

    def mark_pending_told(self, package_arn: str, since: str) -> None: ...


class PipelineRunsPorts(Protocol):
    """Everything that this room is given."""

    @property
    def bucket(self) -> TrainingBucket: ...

    @property
    def events(self) -> TrainingEvents: ...

    @property
    def hosting(self) -> LiveVersionHosting: ...

    @property
    def names(self) -> Names: ...

    @property
    def now(self) -> Callable[[], datetime]: ...

    @property
    def pipelines(self) -> TrainingPipelines: ...

    @property
    def quarantine(self) -> TrainingQuarantine: ...

    @property
    def registry(self) -> PipelineRunsRegistry: ...

    @property
    def run_source(self) -> PipelineRunsRunSource: ...

    @property
    def runs(self) -> PipelineRunsRuns: ...

    @property
    def specs(self) -> TrainingSpecs: ...

    @property
    def store(self) -> TrainingStore: ...

    @property
    def turns(self) -> TrainingTurns: ...

    @property
    def waiting(self) -> TrainingWaiting: ...

    @property
    def wakeups(self) -> TrainingWakeups: ...
