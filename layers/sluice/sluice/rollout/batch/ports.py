"""The ports of this package: one protocol per collaborator, with only the methods that the package calls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol

from sluice.aws.s3 import StoredObject
from sluice.names import Names
from sluice.rollout.gates.ports import DomainEventPublisher, GateInvoker, HistoryWriter, HoldStore
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.planning.origin import TrustedOrigins
from sluice.rollout.planning.ports import PlanningMetrics, PlanningRegistry, PlanningSpecs, PlanningStore
from sluice.telemetry.port import Telemetry
from sluice.transform.input_listing import InputFile
from sluice.transform.jobs import TransformJob


class ScoredInput(Protocol):
    """The part of a batch run that this package reads: the digest of the input that it scored."""

    @property
    def input_digest(self) -> str: ...


class ScoredInputHistory(Protocol):
    """Every method is idempotent: called again with the same arguments, it leaves the same state."""

    def runs(self, model: str) -> Iterator[ScoredInput]:
        """The runs of a model, the latest request first."""


class ReadableBucket(Protocol):
    """The operations on the data bucket that this package uses."""

    def read(self, uri: str, most_bytes: int | None = None) -> bytes | None:
        """A small object by its ``s3://`` URI; None if it is not there."""

    def uri(self, key: str) -> str: ...

    def head(self, uri: str) -> StoredObject | None:
        """An object's size, age and digest by its ``s3://`` URI, in any bucket; None if it is not there."""


class BatchFileStore(Protocol):
    """Reads and writes the input and output files of batch inference."""

    def below(self, folder: str) -> Iterator[InputFile]:
        """Every object below a folder, by key."""

    def count_lines(self, key: str, etag: str = "") -> int | None:
        """Lines of an object, the last one with or without its end; None if it is gone."""

    def lines(self, key: str, errors: str = "replace") -> Iterator[str]:
        """The lines of an object, without their ends; none if it is gone. ``errors`` is as in ``bytes.decode``."""

    def write(self, key: str, text: str) -> None:
        """Write an object; writing the same again changes nothing."""


class ModelCreator(Protocol):
    """The calls that this package makes to SageMaker hosting."""

    def create_model(
        self,
        name: str,
        package_arn: str,
        role_arn: str,
        environment: Mapping[str, str] | None = None,
        *,
        network_isolation: bool = False,
    ) -> None:
        """Create a SageMaker model from an approved package."""


class CurrentVersionStore(Protocol):
    """The records of rollouts."""

    def rollouts(self, model: str, version: int | None = None) -> Iterator[RolloutRecord]:
        """Rollouts of a model, newest version and attempt first."""

    def last_promotion(self, model: str) -> RolloutRecord | None:
        """The rollout that was promoted last, of whatever version; None if none was."""


class CurrentVersionPorts(Protocol):
    """The ports that reading a batch model's current version needs."""

    @property
    def registry(self) -> PlanningRegistry: ...

    @property
    def store(self) -> CurrentVersionStore: ...


class BatchRolloutStore(HoldStore, PlanningStore, CurrentVersionStore, Protocol):
    """Every method is idempotent: called again with the same arguments, it leaves the same state."""


class TransformJobs(Protocol):
    """The calls that this package makes to SageMaker's transform jobs."""

    def create(self, request: Mapping[str, Any]) -> bool:
        """Start the job of a CreateTransformJob request; False if one of this name was started before."""

    def describe(self, name: str) -> TransformJob | None:
        """The job as it is now; None if there is none."""

    def stop(self, name: str) -> None:
        """Have the job stop; one that has ended, or that there never was, stays as it is."""


class BatchRolloutPorts(Protocol):
    """All ports of this package."""

    @property
    def batches(self) -> ScoredInputHistory: ...

    @property
    def bucket(self) -> ReadableBucket: ...

    @property
    def events(self) -> DomainEventPublisher: ...

    @property
    def files(self) -> BatchFileStore: ...

    @property
    def gates(self) -> GateInvoker: ...

    @property
    def history(self) -> HistoryWriter: ...

    @property
    def hosting(self) -> ModelCreator: ...

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
    def specs(self) -> PlanningSpecs: ...

    @property
    def store(self) -> BatchRolloutStore: ...

    @property
    def telemetry(self) -> Telemetry: ...

    @property
    def trusted(self) -> TrustedOrigins: ...

    @property
    def transforms(self) -> TransformJobs: ...
