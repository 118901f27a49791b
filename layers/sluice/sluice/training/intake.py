"""Takes in the messages of the queue that starts pipelines: uploads, requests for a run, and wake-ups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sluice.aws.s3 import model_of
from sluice.aws.sqs import WAKE_UP
from sluice.errors import RetryableError, SpecError, UnknownModelError
from sluice.events import ObjectCreated, TrainRequested
from sluice.spec.model import ModelSpec
from sluice.training.manifest import File
from sluice.training.pending_inputs import InputStatus, RunRequest
from sluice.training.request_parameters import refusal
from sluice.training.run_claim import drop_settled
from sluice.training.unreadable_upload import UnreadableUploadError
from sluice.training.upload_validation import loggable_breaches, quarantine_upload, told, validate_upload

if TYPE_CHECKING:
    from sluice.training.ports import TrainingPorts

_PER_FILE_BYTES = 64 << 20
_PER_CALL_BYTES = 256 << 20
"""Bytes of text; read at 8 MB/s with 512 MB of memory, they take 32 of the function's 120 seconds."""

_PER_FILE = timedelta(seconds=20)
_PER_CALL = timedelta(seconds=60)
_LATEST_START = timedelta(seconds=90)  # what begins later may not end within the function's 120 seconds
"""Of the function's 120 seconds, for reading. A file that takes longer is validated only so far, as is one with more
text; whatever is in it, the others are taken in."""

PERMISSION_DELAY = timedelta(minutes=10)
"""A permission that was given a moment ago may still be denied, as after a deploy with the key of the files; what is
denied for so long after the upload is denied for good. The message comes back after the queue's visibility timeout."""

_DELETED = "the file was deleted before it was read"
_Breaches = list[dict[str, object]]
_UNKNOWN_MODEL: _Breaches = [{"rule": "model"}]
_DELETED_FILE: _Breaches = [{"rule": "deleted"}]
_UNREADABLE_FILE: _Breaches = [{"rule": "key"}]

EMPTY_FILE_SECONDS = 60
"""How long an empty file may wait for its content before it is refused."""

_WAITED = "sluice-waited"

NO_MODEL = "(none)"
"""The model dimension of uploads of unknown models: uploaders invent names, and each would cost a metric."""


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """What the messages of one call share."""

    spec_of: Callable[[str], ModelSpec]  # ``specs.get``, cached: Parameter Store allows few reads a second
    messages: int
    started_at: datetime

    def read_until(self, now: datetime) -> datetime:
        """When the reading of a file has to end that begins now."""
        return min(now + _PER_FILE, self.started_at + _PER_CALL)

    def require_time(self, now: datetime) -> None:
        """Leave a file to the next call if this one has no time for it: of each file the first block is read.

        Raises:
            RetryableError: other files of the call have taken its time.
        """
        if now > self.started_at + _LATEST_START:
            raise RetryableError("other files took the time of this call; the file comes again with the next one")

    @property
    def budget_bytes(self) -> int:
        """How much text of each file is validated here; PreprocessData validates all of it before training."""
        return min(_PER_FILE_BYTES, _PER_CALL_BYTES // self.messages)


@dataclass(frozen=True, slots=True)
class QueueCheck:
    """A model's run queue may have something to do, after so many seconds."""

    model: str
    delay_seconds: int  # 0: now; of an upload, its settle window


def take_in(message: Mapping[str, Any], limits: IntakeLimits, ports: TrainingPorts) -> QueueCheck | None:
    """Store what a message brings; returns which model's run queue it may change, None if it can change none.

    Raises:
        RetryableError: the upload's KMS key is denied, as for a while after the permission on it was given; or
            other files took the time of the call.
        SpecError: an upload's model has a spec that this release cannot read. That is not the file's fault, and the
            next release or the next `sluice apply` may mend it: the message goes back to the queue.
        AttributeError, KeyError, TypeError, ValueError: the message is none of those that Sluice knows.
    """
    kind = message.get("detail-type")
    if kind == WAKE_UP:
        return QueueCheck(str(message["detail"]["model"]), 0)
    if kind == TrainRequested.KIND:
        return _take_in_request(TrainRequested.parse(message), limits, ports)
    upload = _own_upload(ObjectCreated.parse(message), ports)
    if upload.size == 0 and not message.get(_WAITED) and _is_of_a_model(upload, limits):
        # Some writers create an object empty and put its content there at once: that is one file.
        ports.wakeups.send_again({**message, _WAITED: True}, EMPTY_FILE_SECONDS)
        return None
    return _take_in_upload(upload, limits, ports)


def _own_upload(upload: ObjectCreated, ports: TrainingPorts) -> ObjectCreated:
    """The upload as S3 knows it: whoever may send to the queue could name another bucket, or an upload once more.

    S3's own events name the version, unless the bucket has none.

    Raises:
        ValueError: it is in another bucket than the stack's.
    """
    if upload.bucket != ports.bucket.name:
        raise ValueError("the upload is in another bucket than the stack's own")
    if upload.version_id or model_of(upload.key) is None:
        return upload
    return replace(upload, version_id=ports.bucket.current_versions([upload.key]).get(upload.key, ""))


def _is_of_a_model(upload: ObjectCreated, limits: IntakeLimits) -> bool:
    model = model_of(upload.key)
    try:
        return model is not None and bool(limits.spec_of(model))
    except UnknownModelError:
        return False


def _take_in_upload(upload: ObjectCreated, limits: IntakeLimits, ports: TrainingPorts) -> QueueCheck | None:
    model = model_of(upload.key)
    if model is None:
        return None
    try:
        spec = limits.spec_of(model)
    except UnknownModelError as error:
        _reject_unread(upload, model, str(error), _UNKNOWN_MODEL, ports)
        return None
    check, file = QueueCheck(model, spec.data.settle_seconds), _file(upload)
    # A file that came before may still be pending because of a crash between its status and its wake-up.
    known = ports.pending_inputs.file_status(file)
    if known is not None and known.state != "rejected":
        return check if known.state == "waiting" else None
    if upload.size == 0 and _is_replaced(upload, ports):
        ports.telemetry.log("empty upload was replaced", model=model, key=file.key, object_version=file.version_id)
        return None
    limits.require_time(ports.now())
    try:
        result = validate_upload(upload, spec, limits.budget_bytes, limits.read_until(ports.now()), ports)
    except UnreadableUploadError as error:
        if error.may_pass and upload.at is not None and ports.now() - upload.at < PERMISSION_DELAY:
            raise RetryableError(str(error)) from error
        _reject_unread(upload, model, str(error), _UNREADABLE_FILE, ports)
        return None
    if result is None:
        _reject_unread(upload, model, _DELETED, _DELETED_FILE, ports)
        return None
    if result.is_accepted:
        return check if _accept(model, replace(file, rows=result.rows if result.is_whole else None), ports) else None
    status = _claim_rejected(file, model, told(result, spec).reason, loggable_breaches(result, spec), ports)
    if status is not None and status.state == "rejected":
        quarantine_upload(upload, spec, result, ports)
    return check  # an older version of the file, which this one had hidden, is current again


def _is_replaced(upload: ObjectCreated, ports: TrainingPorts) -> bool:
    current = ports.bucket.current_versions([upload.key]).get(upload.key)
    return current is not None and current != upload.version_id


def _accept(model: str, file: File, ports: TrainingPorts) -> bool:
    is_new = ports.pending_inputs.add_file(model, file, ports.now())
    if is_new:
        ports.telemetry.measure("UploadAccepted", model=model)
    return is_new


def _file(upload: ObjectCreated) -> File:
    return File(
        bucket=upload.bucket,
        key=upload.key,
        version_id=upload.version_id,
        etag=upload.etag,
        size=upload.size,
        sequencer=upload.sequencer,
    )


def _take_in_request(wanted: TrainRequested, limits: IntakeLimits, ports: TrainingPorts) -> QueueCheck | None:
    """Store a request as pending, or as refused, which is told then."""
    request = RunRequest(id=wanted.request, parameters=wanted.parameters, is_again=wanted.is_again, since=ports.now())
    reason = _refusal(wanted, limits, ports)
    is_new = ports.pending_inputs.add_request(wanted.model, request, refused=reason)
    if reason and is_new:
        drop_settled(wanted.model, [wanted.request], ports)
        return None
    return QueueCheck(wanted.model, 0)  # which tells what was refused before, if a crash came before that


def _refusal(wanted: TrainRequested, limits: IntakeLimits, ports: TrainingPorts) -> str:
    """Why a request is refused at once; empty if it is not."""
    try:
        limits.spec_of(wanted.model)
    except (UnknownModelError, SpecError) as error:
        return str(error)
    if not wanted.parameters:
        return ""
    return refusal(ports.pipelines.definition(ports.names.pipeline(wanted.model)), wanted.parameters)


def _reject_unread(upload: ObjectCreated, model: str, reason: str, breaches: _Breaches, ports: TrainingPorts) -> None:
    """Publish that an upload cannot be validated by any contract; what is there of it stays where it is."""
    status = _claim_rejected(_file(upload), model, reason, breaches, ports)
    if status is None or (status.state, status.reason) != ("rejected", reason):
        return  # it has another status: it was accepted, or is in quarantine by now
    ports.events.publish(
        "DataRejected",
        model=model,
        bucket=upload.bucket,
        key=upload.key,
        version_id=upload.version_id,
        reason=reason,
    )


def _claim_rejected(
    file: File, model: str, reason: str, breaches: _Breaches, ports: TrainingPorts
) -> InputStatus | None:
    """Note that a file is rejected; returns the status noted first, which counts. Logs and counts a rejection once."""
    if not ports.pending_inputs.reject_file(file, reason, ports.now()):
        return ports.pending_inputs.file_status(file)
    ports.telemetry.log("upload rejected", model=model, key=file.key, object_version=file.version_id, breaches=breaches)
    is_known = breaches != _UNKNOWN_MODEL
    ports.telemetry.measure("UploadRejected", model=model if is_known else NO_MODEL)
    return InputStatus(state="rejected", reason=reason)
