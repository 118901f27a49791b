"""The ports of this package: one protocol per collaborator, with only the methods that the package calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from sluice.aws.metric_data import Dimensions, LatencySummary, Span
from sluice.aws.model_registry import Package
from sluice.aws.s3 import StoredObject
from sluice.names import Names
from sluice.rollout.model.record import FenceKind, RolloutRecord
from sluice.rollout.planning.origin import TrustedOrigins
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec


class PlanningMetrics(Protocol):
    """The calls that this package makes to CloudWatch."""

    def latency_summaries(self, of: Dimensions, span: Span) -> list[LatencySummary]:
        """One per period with requests, the newest first."""

    def alarm_states(self, names: Sequence[str]) -> dict[str, str]:
        """``OK``, ``ALARM`` or ``INSUFFICIENT_DATA`` by name; an alarm that does not exist has no entry."""


class PlanningRegistry(Protocol):
    """The calls that this package makes to the Model Registry."""

    def describe(self, arn: str) -> Package:
        """The version as it is now; the event that named it may be old."""


class PlanningStore(Protocol):
    """Every method is idempotent: called again with the same arguments, it leaves the same state."""

    def fence(
        self, rollout_id: RolloutId, kind: FenceKind, reason: str, now: datetime, *, is_unknown: bool = False
    ) -> RolloutRecord:
        """Stop the rollout from advancing and return its record; the first fence stays."""


class PlanningPorts(Protocol):
    """All ports of this package."""

    @property
    def metrics(self) -> PlanningMetrics: ...

    @property
    def now(self) -> Callable[[], datetime]: ...

    @property
    def registry(self) -> PlanningRegistry: ...

    @property
    def store(self) -> PlanningStore: ...


class ArtifactReader(Protocol):
    """Looks at objects in S3."""

    def head(self, uri: str) -> StoredObject | None:
        """An object's size, age and digest by its ``s3://`` URI, in any bucket; None if it is not there."""


class PlanningSpecs(Protocol):
    """The specs of one stage."""

    def get(self, model: str) -> ModelSpec:
        """The spec of a model."""


class OriginPorts(Protocol):
    """The ports for a version's origin."""

    @property
    def bucket(self) -> ArtifactReader: ...

    @property
    def names(self) -> Names: ...

    @property
    def registry(self) -> PlanningRegistry: ...

    @property
    def specs(self) -> PlanningSpecs: ...

    @property
    def trusted(self) -> TrustedOrigins: ...
