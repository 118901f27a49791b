"""What this room asks of the world: a protocol for each collaborator, with no more than is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from sluice.events import ObjectCreated
from sluice.names import Names
from sluice.rollout.model.ports import LiveVersionBucket, LiveVersionHosting, LiveVersionRegistry, LiveVersionStore
from sluice.spec.model import ModelSpec
from sluice.training.manifest import File
from sluice.training.pending_inputs import Fate, Request, Waiting, WaitingFile
from sluice.training.run_slot import Phase, Turn


class TrainingBucket(LiveVersionBucket, Protocol):
    """What Sluice asks of the data bucket."""

    def current_versions(self, keys: Iterable[str]) -> dict[str, str]:
        """By key, the version S3 hands out now (empty in a bucket without versions); deleted keys are left out."""

    def uri(self, key: str) -> str: ...

    def write(self, key: str, body: str) -> None:
        """Write a small JSON object; writing the same again changes nothing."""


class TrainingEvents(Protocol):
    """Puts domain events on the default bus; the same fact may be published twice after a crash."""

    def publish(self, detail_type: str, **detail: Any) -> None:
        """Publish one event, e.g. ``publish("RolloutOpened", model="fraud", version=7)``."""


class TrainingPipelines(Protocol):
    """What Sluice asks of SageMaker Pipelines."""

    def start(self, pipeline: str, run: str, token: str, parameters: Mapping[str, str]) -> str:
        """Start an execution called ``run`` and return its ARN; the same token starts it once."""

    def find(self, pipeline: str, run: str, since: datetime) -> str | None:
        """The ARN of the execution called ``run`` that was started after ``since``, None if there is none."""


class TrainingQuarantine(Protocol):
    """Every method may be called again with the same arguments and leaves the same state."""

    def open(self, upload: ObjectCreated) -> Any | None:
        """The content of exactly the uploaded version, to be read and closed; None if it is gone."""

    def keep(self, upload: ObjectCreated, reason: Mapping[str, Any]) -> str:
        """Copy the uploaded version and write the reason beside it; returns the copy's key."""

    def remove(self, upload: ObjectCreated) -> None:
        """Delete that version for good. A good file of the same name, replaced by it, is current again."""


class TrainingSpecs(Protocol):
    """The specs of one stage."""

    def get(self, model: str) -> ModelSpec:
        """The spec of a model."""


class TrainingStore(LiveVersionStore, Protocol):
    """Every method may be called again with the same arguments and leaves the same state."""

    def claim_upload(self, key: str, version_id: str, fate: Mapping[str, str]) -> Mapping[str, str]:
        """Note what becomes of an upload; returns the fate noted first, which is the one that counts."""


class TrainingTurns(Protocol):
    """Each change names the turn it is about: one that comes late, for an earlier turn, changes nothing."""

    def get(self, model: str) -> Turn | None:
        """The current turn, or the last one; None before the first."""

    def claim(self, turn: Turn, last: Turn | None) -> bool:
        """Take the model's turn, if ``last`` is still its last and over; False if it is not."""

    def move(self, turn: Turn, phase: Phase, **changes: str) -> bool:
        """Enter the next phase; False if someone else has."""

    def mark_ended(self, model: str, run: str, status: str) -> bool:
        """Note that a run's execution has ended; False if it is not the model's current run."""

    def mark_started(self, turn: Turn) -> None:
        """Remember for good that this run has been started."""

    def started(self, model: str, run: str) -> str | None:
        """The ARN of the execution of a run that has been started, None if none has been."""


class TrainingWaiting(Protocol):
    """Every method may be called again with the same arguments and leaves the same state."""

    def add_file(self, model: str, file: File, now: datetime) -> bool:
        """Have a file wait; False if something has become of it already, or it waits."""

    def add_request(self, model: str, request: Request) -> bool:
        """Have a request wait; False if something has become of it already, or it waits."""

    def of(self, model: str) -> Waiting:
        """What waits for the model now."""

    def settle_files(self, model: str, fates: Iterable[tuple[WaitingFile, Fate]]) -> None:
        """Write what became of files and have them wait no longer. A fate once written must never be another."""

    def drop_file(self, model: str, file: File, fate: dict[str, str | int]) -> None:
        """A file is never to be in a run: deleted or replaced while it waited."""

    def settle_requests(self, model: str, ids: Iterable[str], fate: Fate) -> None:
        """Write what became of requests and have them wait no longer."""

    def fate_of_file(self, file: File) -> Fate:
        """What has become of an upload; empty if it is not known."""


class TrainingWakeups(Protocol):
    """What Sluice asks of the queue that starts pipelines."""

    def book(self, model: str, delay_seconds: float) -> None:
        """Have the model's turn looked at after ``delay_seconds``, or a little later; once too often does no harm."""


class TrainingPorts(Protocol):
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
    def registry(self) -> LiveVersionRegistry: ...

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
