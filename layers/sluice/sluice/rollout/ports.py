"""The ports of this package: one protocol per collaborator, with only the methods that the package calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from sluice.async_inference.runtime import AsyncPlaces
from sluice.aws.model_registry import Package
from sluice.names import Names
from sluice.rollout.analysis.ports import AnalysisCaptures, AnalysisMetrics, OutcomeReader
from sluice.rollout.batch.ports import (
    BatchFileStore,
    BatchRolloutStore,
    ModelCreator,
    ReadableBucket,
    ScoredInputHistory,
    TransformJobs,
)
from sluice.rollout.gates.ports import DomainEventPublisher, GateInvoker, HistoryWriter
from sluice.rollout.model.approval_status import ApprovalStatus
from sluice.rollout.model.maintenance import Maintenance
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.ports import LiveVersionHosting, LiveVersionStore
from sluice.rollout.model.record import RolloutOutcome, RolloutPhase, RolloutRecord
from sluice.rollout.planning.origin import TrustedOrigins
from sluice.rollout.planning.ports import PlanningMetrics
from sluice.rollout.traffic.ports import TrafficHosting, TrafficScaling
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec
from sluice.telemetry.port import Telemetry


class RolloutApprovals(Protocol):
    """The last decision on each version, and what people were told. Idempotent: an older one changes nothing."""

    def get(self, model: str, version: int) -> ApprovalStatus | None:
        """The last decision recorded; None if none is."""

    def record(self, model: str, version: int, decision: ApprovalStatus) -> None:
        """Record a decision unless a later one is."""

    def record_ignored(self, package_arn: str, at: datetime, reason: str) -> None:
        """Store why an approval could not be rolled out."""

    def note_no_way_back(self, package_arn: str, now: datetime) -> None:
        """Store that people were told that a rejected version serves on."""

    def no_way_back_told_at(self, package_arn: str) -> datetime | None:
        """When people were told last that a rejected version serves on; None if they were not."""

    def is_ignored(self, package_arn: str, since: datetime | None = None) -> bool:
        """Whether it is stored that an approval of the version, at ``since`` or later, could not be rolled out."""


class RolloutExecutions(Protocol):
    """The calls that this package makes to Step Functions."""

    def start(self, rollout_id: RolloutId) -> bool:
        """Start the rollout's execution; False if it was started before and has ended."""

    def start_restore(self, rollout_id: RolloutId, attempt: int) -> bool:
        """Start an execution that only rolls back, for a rollout whose own execution failed; False as of ``start``."""

    def status(self, name: str) -> str | None:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED; None if there is no such execution."""

    def started_at(self, name: str) -> datetime | None:
        """When the execution of this name was started; None if Step Functions knows none."""


class RolloutHosting(ModelCreator, LiveVersionHosting, TrafficHosting, Protocol):
    """The calls that this package makes to SageMaker hosting."""

    def delete_config(self, name: str) -> None:
        """The caller makes sure that no endpoint uses it: SageMaker does not."""

    def delete_model(self, name: str) -> None: ...

    def model_created_at(self, name: str) -> datetime | None:
        """When the SageMaker model of this name was created; None if there is none."""


class RolloutLocks(Protocol):
    """The locks of endpoints: at most one rollout at a time changes one. Idempotent."""

    def acquire(self, endpoint: str, rollout_id: RolloutId) -> bool:
        """Acquire the lock; True if this rollout holds it now."""

    def holder(self, endpoint: str) -> RolloutId | None:
        """The rollout that holds the lock; None if it is free."""

    def release(self, endpoint: str, rollout_id: RolloutId) -> None:
        """Release the lock; nothing happens if another rollout holds it."""


class RolloutMetrics(AnalysisMetrics, PlanningMetrics, Protocol):
    """The calls that this package makes to CloudWatch."""

    def put_alarms(self, alarms: Sequence[Mapping[str, Any]]) -> None: ...

    def put_composite_alarm(self, alarm: Mapping[str, Any]) -> None:
        """The alarms its rule names must exist."""

    def delete_alarms(self, names: Sequence[str]) -> None:
        """Alarms that are gone already are no error. Composite ones go first: nothing else may still refer to one."""

    def set_alarm(self, name: str, reason: str) -> bool:
        """Put an alarm into ALARM; False if there is no such alarm (any more)."""


class RolloutRegistry(Protocol):
    """The calls that this package makes to the Model Registry."""

    def describe(self, arn: str) -> Package:
        """The version as it is now; the event that named it may be old."""

    def reject(self, arn: str, reason: str, *, unless_approved_since: datetime | None = None) -> bool:
        """Mark the version Rejected with the reason; False if it was left Approved, as it was approved since."""

    def annotate(self, arn: str, properties: Mapping[str, str]) -> None:
        """Add custom metadata; characters the registry refuses become spaces."""


class RolloutSpecs(Protocol):
    """The specs of one stage."""

    def get(self, model: str) -> ModelSpec:
        """The spec of a model."""


class RolloutStore(BatchRolloutStore, LiveVersionStore, Protocol):
    """Every method is idempotent: called again with the same arguments, it leaves the same state."""

    def open(self, record: RolloutRecord) -> bool:
        """Store a new, queued rollout; False if another call has stored it."""

    def get(self, rollout_id: RolloutId) -> RolloutRecord:
        """The record as it is now (consistent read)."""

    def advance(self, rollout_id: RolloutId, phase: RolloutPhase, **changes: str | int) -> None:
        """Enter a phase, unless the rollout is fenced or closed."""

    def advance_unless_paused(self, rollout_id: RolloutId, phase: RolloutPhase, **changes: str | int) -> bool:
        """``advance``; False, and nothing is changed, if a person has paused the rollout, at whatever moment."""

    def record_maintenance(self, rollout_id: RolloutId, stage: int, seen: Sequence[Maintenance]) -> None:
        """Store what a stage has seen of maintenance; a fenced or closed rollout is left alone."""

    def end_watch(self, rollout_id: RolloutId, reason: str) -> None:
        """End the bake after the promotion early: the rollout closes as promoted at its next poll."""

    def save_plan(self, rollout_id: RolloutId, plan: Plan, now: datetime) -> None:
        """Store the plan. The first plan stays: a repeated task must not plan against its own changes."""

    def note_request(self, rollout_id: RolloutId, now: datetime) -> None:
        """Store that SageMaker is asked now to move the endpoint forward to another config."""

    def mark_requested(self, rollout_id: RolloutId, config: str) -> None:
        """Store that SageMaker accepted an update to this endpoint config."""

    def note_restore(self, rollout_id: RolloutId, number: int) -> None:
        """Store the number of the last execution that only restores."""

    def note_stuck(self, rollout_id: RolloutId, now: datetime) -> None:
        """Store that people were told that the rollout cannot be restored."""

    def begin_restoring(self, rollout_id: RolloutId) -> None:
        """Enter the restoring phase; a closed rollout stays closed."""

    def close_promoted(self, rollout_id: RolloutId, reason: str, now: datetime) -> None:
        """Close the rollout as promoted, unless it was fenced at the last moment."""

    def close(self, rollout_id: RolloutId, outcome: RolloutOutcome, reason: str, now: datetime) -> bool:
        """Close the rollout; False if another call has closed it, with whatever outcome."""

    def begin_test(self, rollout_id: RolloutId) -> None:
        """Store the model's A/B test; its outcomes are counted while its rollout is at the first stage."""


class RolloutPorts(Protocol):
    """All ports of this package."""

    @property
    def async_places(self) -> AsyncPlaces: ...

    @property
    def batches(self) -> ScoredInputHistory: ...

    @property
    def bucket(self) -> ReadableBucket: ...

    @property
    def captures(self) -> AnalysisCaptures: ...

    @property
    def approvals(self) -> RolloutApprovals: ...

    @property
    def events(self) -> DomainEventPublisher: ...

    @property
    def executions(self) -> RolloutExecutions: ...

    @property
    def files(self) -> BatchFileStore: ...

    @property
    def gates(self) -> GateInvoker: ...

    @property
    def history(self) -> HistoryWriter: ...

    @property
    def hosting(self) -> RolloutHosting: ...

    @property
    def locks(self) -> RolloutLocks: ...

    @property
    def metrics(self) -> RolloutMetrics: ...

    @property
    def model_role_arn(self) -> str: ...

    @property
    def names(self) -> Names: ...

    @property
    def now(self) -> Callable[[], datetime]: ...

    @property
    def outcomes(self) -> OutcomeReader: ...

    @property
    def registry(self) -> RolloutRegistry: ...

    @property
    def scaling(self) -> TrafficScaling: ...

    @property
    def serverless_role_arn(self) -> str: ...

    @property
    def specs(self) -> RolloutSpecs: ...

    @property
    def store(self) -> RolloutStore: ...

    @property
    def telemetry(self) -> Telemetry: ...

    @property
    def trusted(self) -> TrustedOrigins: ...

    @property
    def transforms(self) -> TransformJobs: ...
