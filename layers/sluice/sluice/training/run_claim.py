"""Claims a model's free run slot for the next run, once there are inputs for one and uploads have settled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from sluice.training.debounce import have_settled
from sluice.training.manifest import File, Manifest
from sluice.training.manifest_store import known_files, write_manifest
from sluice.training.pending_inputs import InputStatus, PendingInputs
from sluice.training.pipeline_parameters import live_metric
from sluice.training.run_selection import RunSelection, select_run, statuses_after_run
from sluice.training.run_slot import RunSlot
from sluice.training.run_token import Recipe, definition_digest, run_name, run_token

if TYPE_CHECKING:
    from sluice.training.ports import TrainingPorts


def claim_next_run(model: str, last: RunSlot | None, ports: TrainingPorts) -> bool:
    """Decide on the next run and claim the slot for it; True if the queue may be advanced further.

    ``last`` is the slot's last claim, which is free; None before the first.
    """
    pending = ports.pending_inputs.get(model)
    if not pending:
        return False
    if settled := [each.id for each in pending.requests if not _is_waiting(model, each.id, ports)]:
        drop_settled(model, settled, ports)  # a crash came before it
        return True
    spec, now = ports.specs.get(model), ports.now()
    if not have_settled(pending.files, spec.data.settle_seconds, now):
        return False  # a later upload has booked a later wake-up
    base = known_files(model, last.newest, ports) if last else ()
    pending, current = _without_gone_files(model, pending, base, ports)
    selection = select_run(pending, base, current, spec.data.mode)
    if selection is None or not have_settled(selection.new, spec.data.settle_seconds, now):
        return False
    if not selection.files:
        ids = [each.id for each in selection.requests]
        refuse_requests(model, ids, "there is no data to train on yet", ports)
        return True
    manifest = Manifest.of(model, selection.files, selection.left_out)
    recipe = Recipe(
        pipeline=definition_digest(ports.pipelines.definition(ports.names.pipeline(model))),
        live=live_metric(spec, ports),
        parameters=selection.requests[0].parameters if selection.requests else {},
    )
    slot = _slot_for(manifest, recipe, selection, last, now)
    if ports.run_slots.started_execution(model, slot.run):
        resolve_inputs(slot, pending, manifest.files, ports)  # the same has been done with the same data before
        return True
    write_manifest(manifest, ports)  # before the claim, which must never name a manifest that a crash left unwritten
    ports.run_slots.claim(slot, last)  # if another invocation did, the next step is to help it
    return True


def resolve_inputs(slot: RunSlot, pending: PendingInputs, files: tuple[File, ...], ports: TrainingPorts) -> None:
    """Mark the pending inputs that the run in the slot takes, or has taken: a run trains on ``files``."""
    ports.pending_inputs.resolve_files(slot.model, statuses_after_run(pending.files, files, slot.run))
    ports.pending_inputs.settle_requests(slot.model, slot.requests, InputStatus(state="run", run=slot.run))
    ports.pending_inputs.drop_requests(slot.model, slot.requests)


def refuse_requests(model: str, ids: Sequence[str], reason: str, ports: TrainingPorts) -> None:
    """Refuse requests, which will never be a run, and publish why.

    Not before it is kept: after a crash the reason may have passed. Until it is told they stay pending, so that the
    sweep wakes the queue, and it is told then.
    """
    ports.pending_inputs.settle_requests(model, ids, InputStatus(state="refused", reason=reason))
    drop_settled(model, ids, ports)


def refused_before(model: str, ids: Sequence[str], ports: TrainingPorts) -> str:
    """Why these requests have been refused; empty if they have not been."""
    found = (ports.pending_inputs.request_status(model, each) for each in ids)
    return next((each.reason for each in found if each is not None and each.state == "refused"), "")


def drop_settled(model: str, ids: Sequence[str], ports: TrainingPorts) -> None:
    """Publish which of these requests were refused, then take all of them out of the pending inputs."""
    refused: dict[str, list[str]] = {}
    for each in ids:
        if reason := refused_before(model, [each], ports):
            refused.setdefault(reason, []).append(each)
    for reason, those in refused.items():
        ports.events.publish("TrainingRefused", model=model, requests=those, reason=reason)
    ports.pending_inputs.drop_requests(model, ids)


def _is_waiting(model: str, request: str, ports: TrainingPorts) -> bool:
    status = ports.pending_inputs.request_status(model, request)
    return status is None or status.state == "waiting"


def _slot_for(
    manifest: Manifest, recipe: Recipe, selection: RunSelection, last: RunSlot | None, now: datetime
) -> RunSlot:
    nonces = [each.id for each in selection.requests if each.is_again]
    token = run_token(manifest.digest, recipe, nonces)
    return RunSlot(
        model=manifest.model,
        number=last.number + 1 if last else 1,
        run=run_name(token),
        token=token,
        digest=manifest.digest,
        parameters=recipe.parameters,
        requests=tuple(each.id for each in selection.requests),
        claimed_at=now.isoformat(),
        recent=last.executions if last else (),
        newest=last.newest if last else "",
    )


def _without_gone_files(
    model: str, pending: PendingInputs, base: tuple[File, ...], ports: TrainingPorts
) -> tuple[PendingInputs, dict[str, str]]:
    """The inputs that may still be in some run, and the version of each key that S3 would hand out."""
    current = ports.bucket.current_versions([*(each.file.key for each in pending.files), *(each.key for each in base)])
    there = tuple(each for each in pending.files if not _is_gone(model, each.file, current, ports))
    return PendingInputs(files=there, requests=pending.requests), current


def _is_gone(model: str, file: File, current: dict[str, str], ports: TrainingPorts) -> bool:
    """Whether a pending file has been deleted, or its event came only after its successor was in a run."""
    version = current.get(file.key)
    if version == file.version_id:
        return False
    if version is None:
        ports.pending_inputs.drop_file(model, file, InputStatus(state="deleted"))
        return True
    successor = ports.pending_inputs.file_status(replace(file, version_id=version))
    if successor is None or successor.state != "run":
        return False  # the successor may yet be rejected
    ports.pending_inputs.drop_file(model, file, InputStatus(state="superseded", successor=version))
    return True
