"""The ports of this package: one protocol per collaborator, with only the methods that the package calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Protocol

from sluice.async_inference.ports import (
    AsyncInvoker,
    EventBatchPublisher,
    InferenceStore,
    NotificationQueue,
    ResultBucket,
)
from sluice.aws.model_registry import Package
from sluice.batch.ports import BatchBucket, BatchRunFiles, BatchRunStore, BatchSpecs
from sluice.endpoint.autoscaling import ScalableTarget
from sluice.endpoint.scaling_rules import ScalingRules
from sluice.endpoint.state import EndpointState
from sluice.names import Names
from sluice.pipeline_runs.run import PipelineRun
from sluice.rollout.batch.ports import BatchRolloutStore, ModelCreator, TransformJobs
from sluice.rollout.gates.ports import DomainEventPublisher
from sluice.rollout.model.approval_status import ApprovalStatus
from sluice.rollout.model.ports import LiveVersionStore
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.planning.ports import PlanningRegistry
from sluice.rollout_id import RolloutId
from sluice.telemetry.port import Telemetry
from sluice.training.pending_inputs import PendingInputs
from sluice.training.run_slot import RunSlot


class SweepBucket(ResultBucket, BatchBucket, Protocol):
    """The operations on the data bucket that this package uses."""


class SweepApprovals(Protocol):
    """The last decision on each version. Idempotent: an older one changes nothing."""

    def all(self, model: str) -> Iterator[tuple[int, ApprovalStatus]]:
        """Each version with its last decision, the newest version first."""

    def record(self, model: str, version: int, decision: ApprovalStatus) -> None:
        """Record a decision unless a later one is."""

    def no_way_back_told_at(self, package_arn: str) -> datetime | None:
        """When people were told last that a rejected version serves on; None if they were not."""

    def is_ignored(self, package_arn: str) -> bool:
        """Whether it is stored that an approval of the version could not be rolled out."""


class SweepExecutions(Protocol):
    """The calls that this package makes to Step Functions."""

    @property
    def state_machine_arn(self) -> str: ...

    def status(self, name: str) -> str | None:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED; None if there is no such execution."""


class SweepHosting(ModelCreator, Protocol):
    """The calls that this package makes to SageMaker hosting."""

    def describe(self, endpoint: str) -> EndpointState | None:
        """The endpoint as it is now, None if there is none."""


class SweepProgress(Protocol):
    """How far the sweep has come. Idempotent."""

    def noted(self) -> tuple[str, str]:
        """The model after which the next sweep begins, empty if it begins with the first one; and ``begun``.

        That is, if the last sweep died, the first of the models among which it did, of which the other is the last.
        """

    def note(self, model: str, begun: str = "") -> None:
        """Store the last model, and ``begun`` unless a sweep that dies now is to go on after the last."""

    def told_at(self, about: str) -> datetime | None:
        """When people were told of this; None if they were not."""

    def note_told(self, about: str, now: datetime) -> None:
        """Store that people were told of it now."""


class SweepRolloutStore(BatchRolloutStore, LiveVersionStore, Protocol):
    """Every method is idempotent: called again with the same arguments, it leaves the same state."""

    def index_open_rollouts(self, model: str, now: datetime) -> list[RolloutRecord]:
        """``open_rollouts``; those of an earlier release are indexed first, twice, and after it was at work again."""

    def note_stuck(self, rollout_id: RolloutId, now: datetime) -> None:
        """Store that people were told that the rollout cannot be restored."""


class SweepPipelines(Protocol):
    """The calls that this package makes to SageMaker Pipelines."""

    def status_and_name(self, execution: str) -> tuple[str, str]:
        """Status and display name; an execution whose pipeline was deleted is Stopped and has no name any more."""


class SweepRegistry(PlanningRegistry, Protocol):
    """The calls that this package makes to the Model Registry."""

    def newest(self, group: str, approval: str) -> Package | None:
        """The version registered last of those with this approval; None if there is none, or no such group."""

    def approved(self, group: str) -> dict[int, str]:
        """The ARNs of the versions that are Approved, by number, of up to 1,000 those registered last."""


class SweepRuns(Protocol):
    """Every method is idempotent: called again with the same arguments, it leaves the same state."""

    def newest_runs(self, model: str, most: int) -> list[tuple[PipelineRun, bool]]:
        """The newest runs first, each with whether its end has been announced."""

    def is_wait_announced(self, package_arn: str, since: str) -> bool:
        """Whether a version's wait for approval that began at ``since`` has been announced."""


class SweepScaling(Protocol):
    """The calls that this package makes to Application Auto Scaling."""

    def registered(self, endpoint: str, variants: Iterable[str]) -> list[ScalableTarget]:
        """The variants that are registered as scalable targets, by Sluice or by somebody else."""

    def ensure(self, endpoint: str, variant: str, rules: ScalingRules) -> bool:
        """Reconcile the variant's autoscaling with these rules; True if anything had to be changed."""

    def deregister(self, endpoint: str, variants: Iterable[str]) -> list[str]:
        """Deregister the variants; their capacity stays as it is. Returns those that were registered."""


class SweepSpecs(BatchSpecs, Protocol):
    """The specs of one stage."""

    def names(self) -> list[str]:
        """The models of the stage, whether their specs are valid or not."""


class SweepLocks(Protocol):
    """The locks of endpoints."""

    def holder(self, endpoint: str) -> RolloutId | None:
        """The rollout that holds the lock; None if it is free."""


class SweepRunSlots(Protocol):
    """The model's run slots."""

    def get(self, model: str) -> RunSlot | None:
        """The current claim, or the last one; None before the first."""


class SweepPendingInputs(Protocol):
    """The inputs of a model's next run."""

    def get(self, model: str) -> PendingInputs:
        """The model's pending inputs now."""


class SweepWakeups(Protocol):
    """The operations on the upload queue that this package uses."""

    def send_wake_up(self, model: str, delay_seconds: float) -> None:
        """Wake the model's run queue after ``delay_seconds``, or a little later; once too often does no harm."""


class SweepEventPublisher(EventBatchPublisher, DomainEventPublisher, Protocol):
    """Puts domain events on the default bus; the same fact may be published twice after a crash."""


class SweepPorts(Protocol):
    """All ports of this package."""

    @property
    def async_queue(self) -> NotificationQueue: ...

    @property
    def async_runtime(self) -> AsyncInvoker: ...

    @property
    def batches(self) -> BatchRunStore: ...

    @property
    def bucket(self) -> SweepBucket: ...

    @property
    def approvals(self) -> SweepApprovals: ...

    @property
    def events(self) -> SweepEventPublisher: ...

    @property
    def executions(self) -> SweepExecutions: ...

    @property
    def files(self) -> BatchRunFiles: ...

    @property
    def locks(self) -> SweepLocks: ...

    @property
    def hosting(self) -> SweepHosting: ...

    @property
    def names(self) -> Names: ...

    @property
    def now(self) -> Callable[[], datetime]: ...

    @property
    def pipelines(self) -> SweepPipelines: ...

    @property
    def registry(self) -> SweepRegistry: ...

    @property
    def results(self) -> InferenceStore: ...

    @property
    def runs(self) -> SweepRuns: ...

    @property
    def scaling(self) -> SweepScaling: ...

    @property
    def specs(self) -> SweepSpecs: ...

    @property
    def store(self) -> SweepRolloutStore: ...

    @property
    def sweep_progress(self) -> SweepProgress: ...

    @property
    def telemetry(self) -> Telemetry: ...

    @property
    def transforms(self) -> TransformJobs: ...

    @property
    def run_slots(self) -> SweepRunSlots: ...

    @property
    def pending_inputs(self) -> SweepPendingInputs: ...

    @property
    def wakeups(self) -> SweepWakeups: ...
