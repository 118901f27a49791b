"""The ports of this package: one protocol per collaborator, with only the methods that the package calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Protocol

from sluice.batch.run import BatchRun
from sluice.names import Names
from sluice.rollout.batch.ports import (
    BatchFileStore,
    BatchRolloutStore,
    ReadableBucket,
    ScoredInputHistory,
    TransformJobs,
)
from sluice.rollout.gates.ports import DomainEventPublisher
from sluice.rollout.planning.ports import PlanningRegistry
from sluice.spec.model import ModelSpec
from sluice.telemetry.port import Telemetry


class BatchRunStore(ScoredInputHistory, Protocol):
    """Every method is idempotent: called again with the same arguments, it leaves the same state."""

    def runs(self, model: str) -> Iterator[BatchRun]:
        """The runs of a model, the latest request first."""

    def open(self, run: BatchRun) -> BatchRun:
        """Store a new run; returns the stored one, which is another if this request came before."""

    def get(self, model: str, job: str) -> BatchRun | None:
        """The run as it is now (consistent read)."""

    def advance(self, run: BatchRun) -> bool:
        """Store the run as checked, running or ended; False, and nothing written, if it has got so far before."""

    def mark_end_told(self, run: BatchRun) -> None:
        """Store an ended run as told; it changes in nothing else any more."""

    def mark_replayed(self, run: BatchRun, now: datetime, again_after: timedelta) -> bool:
        """Store that the end of the run's job is replayed now; False if it was less than ``again_after`` ago."""


class BatchBucket(ReadableBucket, Protocol):
    """The operations on the data bucket that this package uses."""

    @property
    def name(self) -> str: ...

    def write(self, key: str, body: str) -> None:
        """Write a small JSON object; writing the same again changes nothing."""


class BatchRunFiles(BatchFileStore, Protocol):
    """Reads and writes files that may exceed a function's memory."""

    def chunks(self, key: str, etag: str) -> Iterator[bytes] | None:
        """The bytes of an object; None if it does not exist or has been overwritten since."""

    def write_chunks(self, key: str, chunks: Iterable[bytes]) -> None:
        """Write a copy of any size, which is deleted in time; writing the same again changes nothing."""


class BatchSpecs(Protocol):
    """The specs of one stage."""

    def get(self, model: str) -> ModelSpec:
        """The spec of a model."""


class BatchPorts(Protocol):
    """All ports of this package."""

    @property
    def batches(self) -> BatchRunStore: ...

    @property
    def bucket(self) -> BatchBucket: ...

    @property
    def events(self) -> DomainEventPublisher: ...

    @property
    def files(self) -> BatchRunFiles: ...

    @property
    def names(self) -> Names: ...

    @property
    def now(self) -> Callable[[], datetime]: ...

    @property
    def registry(self) -> PlanningRegistry: ...

    @property
    def specs(self) -> BatchSpecs: ...

    @property
    def store(self) -> BatchRolloutStore: ...

    @property
    def telemetry(self) -> Telemetry: ...

    @property
    def transforms(self) -> TransformJobs: ...
