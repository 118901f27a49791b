"""The ports of this package: one protocol per collaborator, with only the methods that the package calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from sluice.aws.model_registry import Package
from sluice.endpoint.state import EndpointState
from sluice.names import Names
from sluice.rollout.model.record import RolloutRecord


class LiveVersionBucket(Protocol):
    """The operations on the data bucket that this package uses."""

    def read(self, uri: str, most_bytes: int | None = None) -> bytes | None:
        """An object by its ``s3://`` URI, or its first ``most_bytes``; None if it is not there."""


class LiveVersionHosting(Protocol):
    """The calls that this package makes to SageMaker hosting."""

    def describe(self, endpoint: str) -> EndpointState | None:
        """The endpoint as it is now, None if there is none."""


class LiveVersionRegistry(Protocol):
    """The calls that this package makes to the Model Registry."""

    def describe(self, arn: str) -> Package:
        """The version as it is now; the event that named it may be old."""


class LiveVersionStore(Protocol):
    """Every method is idempotent: called again with the same arguments, it leaves the same state."""

    def rollouts(self, model: str, version: int | None = None) -> Iterator[RolloutRecord]:
        """Rollouts of a model, newest version and attempt first."""

    def newest(self, model: str) -> RolloutRecord | None:
        """The last attempt of the newest version that was rolled out; None if there is no rollout."""

    def open_rollouts(self, model: str) -> list[RolloutRecord]:
        """The rollouts of a model that are not closed, newest version and attempt first."""

    def last_promotion(self, model: str) -> RolloutRecord | None:
        """The rollout that was promoted last, of whatever version; None if none was."""


class LiveVersionPorts(Protocol):
    """All ports of this package."""

    @property
    def bucket(self) -> LiveVersionBucket: ...

    @property
    def hosting(self) -> LiveVersionHosting: ...

    @property
    def names(self) -> Names: ...

    @property
    def registry(self) -> LiveVersionRegistry: ...

    @property
    def store(self) -> LiveVersionStore: ...
