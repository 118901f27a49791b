"""What comes through the queue that starts pipelines: uploads, requests for a run, and wake-ups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sluice.assembly import Ports
from sluice.dataset import flaw, model_of
from sluice.errors import SpecError, UnknownModelError
from sluice.events import ObjectCreated, TrainRequested
from sluice.manifest import File
from sluice.spec import ModelSpec
from sluice.waiting import Request
from sluice.wakeups import WAKE_UP

SpecOf = Callable[[str], ModelSpec]


@dataclass(frozen=True, slots=True)
class Look:
    """Have the model's turn looked at after so many seconds."""

    model: str
    delay_seconds: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """An upload that may become training data."""

    spec: ModelSpec
    rows: int | None = None  # of data, if the whole file was read


def receive(message: Mapping[str, Any], spec_of: SpecOf, ports: Ports) -> Look | None:
    """Keep what a message says, and say which model's turn it may change; None if it can change none.

    ``spec_of`` is ``ports.specs.get``, remembered for a batch: Parameter Store allows few reads a second.
    """
    kind = message.get("detail-type")
    if kind == WAKE_UP:
        return Look(message["detail"]["model"], 0)
    if kind == TrainRequested.KIND:
        return _keep_request(TrainRequested.parse(message), spec_of, ports)
    return _keep_upload(ObjectCreated.parse(message), spec_of, ports)


def _keep_upload(upload: ObjectCreated, spec_of: SpecOf, ports: Ports) -> Look | None:
    accepted = judge_upload(upload, spec_of, ports)
    if accepted is None:
        return None
    spec = accepted.spec
    file = File(
        bucket=upload.bucket,
        key=upload.key,
        version_id=upload.version_id,
        etag=upload.etag,
        size=upload.size,
        sequencer=upload.sequencer,
        rows=accepted.rows,
    )
    is_new = ports.waiting.add_file(spec.name, file, ports.now())
    # One that came before may still wait because of a crash between it and its wake-up.
    if not is_new and ports.waiting.fate_of_file(file).get("fate") != "waiting":
        return None
    return Look(spec.name, spec.data.settle_seconds)


def _keep_request(wanted: TrainRequested, spec_of: SpecOf, ports: Ports) -> Look | None:
    try:
        spec_of(wanted.model)
    except (UnknownModelError, SpecError) as error:
        ports.events.publish("TrainingRefused", model=wanted.model, requests=[wanted.request], reason=str(error))
        return None
    request = Request(id=wanted.request, parameters=wanted.parameters, is_again=wanted.is_again, since=ports.now())
    ports.waiting.add_request(wanted.model, request)
    return Look(wanted.model, 0)


def judge_upload(upload: ObjectCreated, spec_of: SpecOf, ports: Ports) -> Accepted | None:
    """Whether the upload may become training data; None if it is no data, or has been rejected.

    A rejection is recorded and published as DataRejected; the file stays where it is.
    """
    model = model_of(upload.key)
    if model is None:
        return None
    try:
        spec = spec_of(model)
    except (UnknownModelError, SpecError) as error:
        _reject(upload, model, str(error), ports)
        return None
    start = ports.bucket.peek(upload) if upload.size else b""
    deleted = "the file was deleted before it was read"
    reason = deleted if start is None else flaw(upload.key, upload.size, start, spec.data)
    if reason:
        _reject(upload, model, reason, ports)
        return None
    return Accepted(spec)


def _reject(upload: ObjectCreated, model: str, reason: str, ports: Ports) -> None:
    fate = {"fate": "rejected", "reason": reason, "at": ports.now().isoformat()}
    if ports.store.claim_upload(upload.key, upload.version_id, fate).get("fate") != "rejected":
        return  # it was accepted before, and may have been deleted since
    ports.events.publish(
        "DataRejected",
        model=model,
        bucket=upload.bucket,
        key=upload.key,
        version_id=upload.version_id,
        reason=reason,
    )
