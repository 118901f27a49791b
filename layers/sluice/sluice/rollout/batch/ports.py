"""What the package asks of the world: a protocol for each collaborator, with no more than is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol

from sluice.names import Names
from sluice.rollout.gates.ports import GatesEvents, GatesGates, GatesHistory, GatesStore
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.planning.ports import PlanningMetrics, PlanningRegistry, PlanningStore
from sluice.telemetry.port import Telemetry
from sluice.transform.input_listing import InputFile
from sluice.transform.jobs import TransformJob


class ScoredInput(Protocol):
    """What is asked of a batch run: the input that it scored."""

    @property
    def input_digest(self) -> str: ...


class RolloutBatchBatches(Protocol):
    """Every method may be called again with the same arguments and leaves the same state."""

    def runs(self, model: str) -> Iterator[ScoredInput]:
        """Asked for last first."""


class RolloutBatchBucket(Protocol):
    """What Sluice asks of the data bucket."""

    def read(self, uri: str) -> bytes | None:
        """A small object by its ``s3://`` URI; None if it is not there."""

    def uri(self, key: str) -> str: ...


class RolloutBatchFiles(Protocol):
    """What batch inference asks of the data bucket beside small objects."""

    def below(self, folder: str) -> Iterator[InputFile]:
        """Every object below a folder, by key."""

    def count_lines(self, key: str, etag: str = "") -> int | None:
        """Lines of an object, the last one with or without its end; None if it is gone."""

    def lines(self, key: str) -> Iterator[str]:
        """The lines of an object, without their ends; none if it is gone."""

    def write(self, key: str, text: str) -> None:
        """Write an object; writing the same again changes nothing."""


class RolloutBatchHosting(Protocol):
    """What Sluice asks of SageMaker hosting."""

    def create_model(self, name: str, package_arn: str, role_arn: str) -> None:
        """Make a SageMaker model of an approved package."""


class CurrentVersionStore(Protocol):
    """The records of rollouts."""

    def rollouts(self, model: str, version: int | None = None) -> Iterator[RolloutRecord]:
        """Rollouts of a model, newest version and attempt first."""


class CurrentVersionPorts(Protocol):
    """What it takes to know a batch model's current version."""

    @property
    def registry(self) -> PlanningRegistry: ...

    @property
    def store(self) -> CurrentVersionStore: ...


class RolloutBatchStore(GatesStore, PlanningStore, Protocol):
    """Every method may be called again with the same arguments and leaves the same state."""

    def rollouts(self, model: str, version: int | None = None) -> Iterator[RolloutRecord]:
        """Rollouts of a model, newest version and attempt first."""


class RolloutBatchTransforms(Protocol):
    """What Sluice asks of SageMaker's transform jobs."""

    def create(self, request: Mapping[str, Any]) -> bool:
        """Start the job of a CreateTransformJob request; False if one of this name was started before."""

    def describe(self, name: str) -> TransformJob | None:
        """The job as it is now; None if there is none."""

    def stop(self, name: str) -> None:
        """Have the job stop; one that has ended, or that there never was, stays as it is."""


class RolloutBatchPorts(Protocol):
    """Everything that this room is given."""

    @property
    def batches(self) -> RolloutBatchBatches: ...

    @property
    def bucket(self) -> RolloutBatchBucket: ...

    @property
    def events(self) -> GatesEvents: ...

    @property
    def files(self) -> RolloutBatchFiles: ...

    @property
    def gates(self) -> GatesGates: ...

    @property
    def history(self) -> GatesHistory: ...

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
    def store(self) -> RolloutBatchStore: ...

    @property
    def telemetry(self) -> Telemetry: ...

    @property
    def transforms(self) -> RolloutBatchTransforms: ...
