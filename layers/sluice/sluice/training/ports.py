"""The ports of this package: one protocol per collaborator, with only the methods that the package calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from sluice.events import ObjectCreated
from sluice.names import Names
from sluice.rollout.model.ports import LiveVersionBucket, LiveVersionHosting, LiveVersionRegistry, LiveVersionStore
from sluice.spec.model import ModelSpec
from sluice.telemetry.port import Telemetry
from sluice.training.manifest import File
from sluice.training.pending_inputs import InputStatus, PendingFile, PendingInputs, RunRequest
from sluice.training.run_slot import RunSlot, SlotPhase


class TrainingBucket(LiveVersionBucket, Protocol):
    """The operations on the data bucket that this package uses."""

    @property
    def name(self) -> str: ...

    def current_versions(self, keys: Iterable[str]) -> dict[str, str]:
        """By key, the version S3 hands out now (empty in a bucket without versions); deleted keys are left out."""

    def uri(self, key: str) -> str: ...

    def write(self, key: str, body: str) -> None:
        """Write a small JSON object; writing the same again changes nothing."""


class TrainingEventPublisher(Protocol):
    """Puts domain events on the default bus; the same fact may be published twice after a crash."""

    def publish(self, detail_type: str, **detail: Any) -> None:
        """Publish one event, e.g. ``publish("RolloutOpened", model="fraud", version=7)``."""


class TrainingPipelines(Protocol):
    """The calls that this package makes to SageMaker Pipelines."""

    def definition(self, pipeline: str) -> Mapping[str, Any]:
        """The pipeline's definition as it is now."""

    def start(self, pipeline: str, run: str, token: str, parameters: Mapping[str, str]) -> str:
        """Start an execution called ``run`` and return its ARN. Idempotent: the same token starts it once."""

    def find(self, pipeline: str, run: str, since: datetime) -> str | None:
        """The ARN of the execution called ``run`` that was started after ``since``, None if there is none."""


class TrainingQuarantine(Protocol):
    """Every method is idempotent: called again with the same arguments, it leaves the same state."""

    def open(self, upload: ObjectCreated) -> Any | None:
        """The content of exactly the uploaded version, to be read and closed; None if it is gone.

        Raises:
            UnreadableUploadError: its KMS key cannot be used.
        """

    def keep(self, upload: ObjectCreated, reason: Mapping[str, Any]) -> str:
        """Copy the uploaded version and write the reason beside it; returns the copy's key."""

    def remove(self, upload: ObjectCreated) -> None:
        """Delete that version for good. A good file of the same name, replaced by it, is current again."""


class TrainingSpecs(Protocol):
    """The specs of one stage."""

    def get(self, model: str) -> ModelSpec:
        """The spec of a model."""


class TrainingRunSlots(Protocol):
    """Each change names the claim that it is about: one that comes late, for an earlier claim, changes nothing."""

    def get(self, model: str) -> RunSlot | None:
        """The current claim, or the last one; None before the first."""

    def claim(self, slot: RunSlot, last: RunSlot | None) -> bool:
        """Claim the model's slot, if ``last`` is still its last claim and free; False if it is not."""

    def enter_phase(self, slot: RunSlot, phase: SlotPhase, **changes: str) -> bool:
        """Move a claim to its next phase; False if another invocation has."""

    def mark_started(self, slot: RunSlot) -> None:
        """Remember for good that this run has been started."""

    def started_execution(self, model: str, run: str) -> str | None:
        """The ARN of the execution of a run that has been started; None if the run has not been."""


class TrainingPendingInputs(Protocol):
    """Every method is idempotent: called again with the same arguments, it leaves the same state."""

    def add_file(self, model: str, file: File, now: datetime) -> bool:
        """Make a file a pending input; False if it has a status already."""

    def reject_file(self, file: File, reason: str, now: datetime) -> bool:
        """Note that a file is rejected, for good; False if it has a status already."""

    def add_request(self, model: str, request: RunRequest, *, refused: str = "") -> bool:
        """Make a request a pending input, or one that is to be told as refused; False if it has a status already."""

    def request_status(self, model: str, request_id: str) -> InputStatus | None:
        """The status of a request; None if it is not known."""

    def get(self, model: str) -> PendingInputs:
        """The model's pending inputs now."""

    def resolve_files(self, model: str, statuses: Iterable[tuple[PendingFile, InputStatus]]) -> None:
        """Write the final status of files, which are pending no longer. A file must never get two final statuses."""

    def drop_file(self, model: str, file: File, status: InputStatus) -> None:
        """Take a file that was deleted or replaced while it was pending out of the pending inputs."""

    def settle_requests(self, model: str, ids: Iterable[str], status: InputStatus) -> None:
        """Write the final status of requests; one that has another final status keeps it. They stay pending."""

    def drop_requests(self, model: str, ids: Iterable[str]) -> None:
        """Take requests that have their final status out of the pending inputs."""

    def file_status(self, file: File) -> InputStatus | None:
        """The status of an upload; None if it is not known."""


class TrainingWakeups(Protocol):
    """The operations on the upload queue that this package uses."""

    def send_wake_up(self, model: str, delay_seconds: float) -> None:
        """Wake the model's run queue after ``delay_seconds``, or a little later; once too often does no harm."""

    def send_again(self, message: Mapping[str, Any], delay_seconds: float) -> None:
        """Put a message into the queue once more, to arrive after ``delay_seconds``."""


class TrainingPorts(Protocol):
    """All ports of this package."""

    @property
    def bucket(self) -> TrainingBucket: ...

    @property
    def events(self) -> TrainingEventPublisher: ...

    @property
    def hosting(self) -> LiveVersionHosting: ...

    @property
    def names(self) -> Names: ...

    @property
    def now(self) -> Callable[[], datetime]: ...

    @property
    def pending_inputs(self) -> TrainingPendingInputs: ...

    @property
    def pipelines(self) -> TrainingPipelines: ...

    @property
    def quarantine(self) -> TrainingQuarantine: ...

    @property
    def registry(self) -> LiveVersionRegistry: ...

    @property
    def run_slots(self) -> TrainingRunSlots: ...

    @property
    def specs(self) -> TrainingSpecs: ...

    @property
    def store(self) -> LiveVersionStore: ...

    @property
    def telemetry(self) -> Telemetry: ...

    @property
    def wakeups(self) -> TrainingWakeups: ...
