"""What this room asks of the world: a protocol for each collaborator, with no more than is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Protocol

from sluice.batch.run import BatchRun
from sluice.names import Names
from sluice.rollout.batch.ports import (
    RolloutBatchBatches,
    RolloutBatchBucket,
    RolloutBatchFiles,
    RolloutBatchHosting,
    RolloutBatchStore,
    RolloutBatchTransforms,
)
from sluice.rollout.gates.ports import GatesEvents, GatesGates
from sluice.rollout.planning.ports import PlanningMetrics, PlanningRegistry
from sluice.spec.model import ModelSpec
from sluice.telemetry.port import Telemetry


class BatchBatches(RolloutBatchBatches, Protocol):
    """Every method may be called again with the same arguments and leaves the same state."""

    def runs(self, model: str) -> Iterator[BatchRun]:
        """Asked for last first."""

    def open(self, run: BatchRun) -> BatchRun:
        """Store a new run; returns the stored one, which is another if this request came before."""

    def get(self, model: str, job: str) -> BatchRun | None:
        """The run as it is now (consistent read)."""

    def advance(self, run: BatchRun) -> bool:
        """Store that the run is running or has ended; False, and nothing written, if it has got so far before."""


class BatchBucket(RolloutBatchBucket, Protocol):
    """What Sluice asks of the data bucket."""

    @property
    def name(self) -> str: ...

    def write(self, key: str, body: str) -> None:
        """Write a small JSON object; writing the same again changes nothing."""


class BatchSpecs(Protocol):
    """The specs of one stage."""

    def get(self, model: str) -> ModelSpec:
        """The spec of a model."""


class BatchPorts(Protocol):
    """Everything that this room is given."""

    @property
    def batches(self) -> BatchBatches: ...

    @property
    def bucket(self) -> BatchBucket: ...

    @property
    def events(self) -> GatesEvents: ...

    @property
    def files(self) -> RolloutBatchFiles: ...

    @property
    def gates(self) -> GatesGates: ...

    @property
    def hosting(self) -> RolloutBatchHosting: ...

    @property
    def metrics(self) -> PlanningMetrics: ...

    @property
    def model_role_arn(self) -> str: ...

    @property
    def names(self) -> Names: ...

    @property
    def now(self) -> Callable[[], datetime]: ...

    @property
    def registry(self) -> PlanningRegistry: ...

    @property
    def specs(self) -> BatchSpecs: ...

    @property
    def store(self) -> RolloutBatchStore: ...

    @property
    def telemetry(self) -> Telemetry: ...

    @property
    def transforms(self) -> RolloutBatchTransforms: ...
