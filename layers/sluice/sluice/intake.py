"""What becomes of an upload: rejected with a reason, or part of a run. Told once, whatever is repeated."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from sluice.assembly import Ports
from sluice.dataset import flaw, manifest_for, manifest_key, model_of
from sluice.errors import SpecError, UnknownModelError
from sluice.events import ObjectCreated
from sluice.spec import ModelSpec

SpecOf = Callable[[str], ModelSpec]

FILES_TOLD = 100
"""Files named in an event, the rest is in the manifest: EventBridge refuses an event that is too large."""


def judge_upload(upload: ObjectCreated, spec_of: SpecOf, ports: Ports) -> str | None:
    """The model whose pipeline the upload belongs to; None if it is no data, or has been rejected.

    ``spec_of`` is ``ports.specs.get``, remembered for a batch: Parameter Store allows few reads a second.
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
    return model


def start_run(model: str, uploads: Sequence[ObjectCreated], ports: Ports) -> None:
    """Start the model's pipeline on these uploads; those claimed by an earlier run stay with it."""
    fresh = manifest_for(model, uploads)
    # Before the claims: a claim must never name a manifest that a crash kept from being written.
    ports.bucket.write(fresh.key, fresh.body)
    runs: dict[str, list[ObjectCreated]] = defaultdict(list)
    for upload in uploads:
        fate = ports.store.claim_upload(
            upload.key,
            upload.version_id,
            {"fate": "run", "digest": fresh.digest, "at": ports.now().isoformat()},
        )
        if fate.get("fate") == "run":
            runs[fate["digest"]].append(upload)
    for digest, members in runs.items():
        input_data = ports.bucket.uri(manifest_key(model, digest))
        arn = ports.pipelines.start(ports.names.pipeline(model), input_data, digest)
        files = sorted({upload.key for upload in members})
        ports.events.publish(
            "PipelineStarted",
            model=model,
            execution=arn,
            input_data=input_data,
            files=files[:FILES_TOLD],
            file_count=len(files),
        )


def _reject(upload: ObjectCreated, model: str, reason: str, ports: Ports) -> None:
    fate = {"fate": "rejected", "reason": reason, "at": ports.now().isoformat()}
    ports.store.claim_upload(upload.key, upload.version_id, fate)
    ports.events.publish(
        "DataRejected",
        model=model,
        bucket=upload.bucket,
        key=upload.key,
        version_id=upload.version_id,
        reason=reason,
    )
