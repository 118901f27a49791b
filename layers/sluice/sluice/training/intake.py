"""What comes through the queue that starts pipelines: uploads, requests for a run, and wake-ups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sluice.aws.s3 import model_of
from sluice.aws.sqs import WAKE_UP
from sluice.errors import SpecError, UnknownModelError
from sluice.events import ObjectCreated, TrainRequested
from sluice.spec.model import ModelSpec
from sluice.training.manifest import File
from sluice.training.pending_inputs import Request
from sluice.training.upload_validation import inspect, reject

if TYPE_CHECKING:
    from sluice.training.ports import TrainingPorts

_PER_FILE_BYTES = 64 << 20
_PER_BATCH_BYTES = 256 << 20
"""Of text: at 8 MB/s, which 512 MB of memory give, 32 of the function's 120 seconds."""

_DELETED = "the file was deleted before it was read"


@dataclass(frozen=True, slots=True)
class Batch:
    """What the messages of one call have in common."""

    spec_of: Callable[[str], ModelSpec]  # ``specs.get``, remembered: Parameter Store allows few reads a second
    messages: int

    @property
    def budget_bytes(self) -> int:
        """How much text of each file is read here; PreprocessData reads all of it before training."""
        return min(_PER_FILE_BYTES, _PER_BATCH_BYTES // self.messages)


@dataclass(frozen=True, slots=True)
class Look:
    """Have the model's turn looked at after so many seconds."""

    model: str
    delay_seconds: int


def receive(message: Mapping[str, Any], batch: Batch, ports: TrainingPorts) -> Look | None:
    """Keep what a message says, and say which model's turn it may change; None if it can change none.

    Raises:
        SpecError: an upload's model has a spec that this release cannot read. It is not the file's fault, and the next
            release or the next `sluice apply` may mend it: the message goes back to the queue.
    """
    kind = message.get("detail-type")
    if kind == WAKE_UP:
        return Look(message["detail"]["model"], 0)
    if kind == TrainRequested.KIND:
        return _keep_request(TrainRequested.parse(message), batch, ports)
    return _keep_upload(ObjectCreated.parse(message), batch, ports)


def _keep_upload(upload: ObjectCreated, batch: Batch, ports: TrainingPorts) -> Look | None:
    model = model_of(upload.key)
    if model is None:
        return None
    try:
        spec = batch.spec_of(model)
    except UnknownModelError as error:
        _refuse(upload, model, str(error), ports)
        return None
    look, file = Look(model, spec.data.settle_seconds), _file(upload)
    # One that came before may still wait because of a crash between it and its wake-up.
    fate = ports.waiting.fate_of_file(file).get("fate", "")
    if fate and fate != "rejected":
        return look if fate == "waiting" else None
    verdict = inspect(upload, spec, batch.budget_bytes, ports)
    if verdict is None:
        _refuse(upload, model, _DELETED, ports)
        return None
    if verdict.is_accepted:
        rows = verdict.rows if verdict.is_whole else None
        return look if ports.waiting.add_file(model, replace(file, rows=rows), ports.now()) else None
    if _claim_rejected(upload, verdict.reason, ports).get("fate") == "rejected":
        reject(upload, model, verdict, ports)
    return look  # an older version of the file, which this one had hidden, is current again


def _file(upload: ObjectCreated) -> File:
    return File(
        bucket=upload.bucket,
        key=upload.key,
        version_id=upload.version_id,
        etag=upload.etag,
        size=upload.size,
        sequencer=upload.sequencer,
    )


def _keep_request(wanted: TrainRequested, batch: Batch, ports: TrainingPorts) -> Look | None:
    try:
        batch.spec_of(wanted.model)
    except (UnknownModelError, SpecError) as error:
        ports.events.publish("TrainingRefused", model=wanted.model, requests=[wanted.request], reason=str(error))
        return None
    request = Request(id=wanted.request, parameters=wanted.parameters, is_again=wanted.is_again, since=ports.now())
    ports.waiting.add_request(wanted.model, request)
    return Look(wanted.model, 0)


def _refuse(upload: ObjectCreated, model: str, reason: str, ports: TrainingPorts) -> None:
    """Tell of an upload that cannot be held to any contract; what is there of it stays where it is."""
    fate = _claim_rejected(upload, reason, ports)
    if (fate.get("fate"), fate.get("reason")) != ("rejected", reason):
        return  # something became of it before: it was accepted, or is in quarantine by now
    ports.events.publish(
        "DataRejected",
        model=model,
        bucket=upload.bucket,
        key=upload.key,
        version_id=upload.version_id,
        reason=reason,
    )


def _claim_rejected(upload: ObjectCreated, reason: str, ports: TrainingPorts) -> Mapping[str, str]:
    fate = {"fate": "rejected", "reason": reason, "at": ports.now().isoformat()}
    return ports.store.claim_upload(upload.key, upload.version_id, fate)
