"""The run queue: serializes the pipeline runs of each model, so that no two of them overlap.

A model's run slot goes through the phases claimed → started → taken → free. Every step is idempotent and may be done
by any invocation at any time: what it needs was written down by the step before, and it enters its phase by a
conditional write. So every wake-up, by an upload, by the end of a run or by the sweep, advances the queue as far as
possible.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sluice.errors import AccessRefusedError, AwsError, PermanentError, RetryableError, SluiceError
from sluice.training.debounce import CLOCK_TOLERANCE
from sluice.training.manifest import added_files
from sluice.training.manifest_store import input_data_uri, known_files, read_manifest
from sluice.training.pipeline_parameters import live_parameters
from sluice.training.request_parameters import refusal
from sluice.training.run_claim import claim_next_run, refuse_requests, refused_before, resolve_inputs
from sluice.training.run_slot import RunSlot
from sluice.training.start_backoff import seconds_to_retry, spread_of

if TYPE_CHECKING:
    from sluice.training.ports import TrainingPorts

MAX_EVENT_FILES = 100
"""Files named in an event, the others are in the manifest: EventBridge refuses an event that is too large."""

_INVALID_REQUEST = ("ValidationException", "ParamValidationError")
"""Codes of a request that SageMaker, or boto3 before it, will never accept."""

ROLE_SETTLES = timedelta(minutes=3)
"""How long the role of a pipeline may not be assumed yet: it takes seconds after a deployment."""

_MAX_STEPS = 12
_CLOCK_SLACK = timedelta(minutes=5)


def advance_queue(model: str, ports: TrainingPorts) -> None:
    """Advance the model's run queue as far as it goes now.

    Raises:
        ManifestGoneError: the model can have no run before a person has restored the file that is named.
    """
    for _ in range(_MAX_STEPS):
        slot = ports.run_slots.get(model)
        if not _step(model, slot, ports):
            return
    ports.wakeups.send_wake_up(model, 1)


def _step(model: str, slot: RunSlot | None, ports: TrainingPorts) -> bool:
    """Do the next step; True if there may be another."""
    if slot is None or slot.phase == "free":
        return claim_next_run(model, slot, ports)
    if slot.phase == "claimed":
        return _start_execution(slot, ports)
    if slot.phase == "started":
        return _take_inputs(slot, ports)
    if slot.is_running:
        return False
    ports.run_slots.enter_phase(slot, "free")
    return True


def _start_execution(slot: RunSlot, ports: TrainingPorts) -> bool:
    if slot.retry_at and ports.now() + CLOCK_TOLERANCE < datetime.fromisoformat(slot.retry_at):
        return False  # each upload wakes the queue, too: without this, every one of them would retry beside the others
    pipeline = ports.names.pipeline(slot.model)
    since = datetime.fromisoformat(slot.claimed_at) - _CLOCK_SLACK
    if slot.parameters and (reason := _refusal(slot, pipeline, ports)):
        return _refuse(slot, PermanentError(reason), ports)
    try:
        arn = ports.pipelines.find(pipeline, slot.run, since) or ports.pipelines.start(
            pipeline, slot.run, slot.token, _parameters(slot, ports)
        )
    except AccessRefusedError as error:
        if ports.now() - datetime.fromisoformat(slot.claimed_at) < ROLE_SETTLES:
            return _start_later(slot, error, ports)
        return _refuse(slot, error, ports)
    except RetryableError as error:
        return _start_later(slot, error, ports)
    except AwsError as error:
        if error.code not in _INVALID_REQUEST:
            raise
        return _refuse(slot, error, ports)
    ports.run_slots.enter_phase(slot, "started", execution=arn)
    return True


def _refusal(slot: RunSlot, pipeline: str, ports: TrainingPorts) -> str:
    """Why the parameters of a run are refused; empty if they are not.

    Checked when the request came, too; the definition may be another by now, or a person wrote to the table.
    """
    before = refused_before(slot.model, slot.requests, ports)
    return before or refusal(ports.pipelines.definition(pipeline), slot.parameters)


def _start_later(slot: RunSlot, error: RetryableError, ports: TrainingPorts) -> bool:
    seconds = seconds_to_retry(slot.refusals, spread_of(slot.run, slot.refusals))
    retry_at = ports.now() + timedelta(seconds=seconds)  # before the wake-up is sent, which must not come before it
    ports.wakeups.send_wake_up(slot.model, seconds)
    changes = {"retry_at": retry_at.isoformat(), "refusals": str(slot.refusals + 1)}
    ports.run_slots.enter_phase(slot, "claimed", **changes)
    ports.events.publish("PipelineDelayed", model=slot.model, run=slot.run, reason=str(error))
    return False


def _refuse(slot: RunSlot, error: SluiceError, ports: TrainingPorts) -> bool:
    """Refuse the requests of a run that SageMaker will never start; the files wait for another run.

    Without parameters the fault is none of a request's: then the error is raised, and the message that led to the start
    ends in the dead-letter queue, whose alarm tells people.
    """
    if not slot.parameters:
        raise error.__cause__ if isinstance(error.__cause__, AwsError) else error
    refuse_requests(slot.model, slot.requests, str(error), ports)
    ports.run_slots.enter_phase(slot, "free")
    return True


def _take_inputs(slot: RunSlot, ports: TrainingPorts) -> bool:
    """Mark what the started run has taken, and announce its start."""
    files = read_manifest(slot.model, slot.digest, ports).files
    new = added_files(files, known_files(slot.model, slot.newest, ports))
    resolve_inputs(slot, ports.pending_inputs.get(slot.model), files, ports)
    ports.run_slots.mark_started(slot)
    ports.events.publish(
        "PipelineStarted",
        model=slot.model,
        run=slot.run,
        execution=slot.execution,
        input_data=input_data_uri(slot.model, slot.digest, ports),
        parameters=dict(slot.parameters),
        files=[each.key for each in new[:MAX_EVENT_FILES]],
        file_count=len(files),
        new_file_count=len(new),
    )
    if ports.run_slots.enter_phase(slot, "taken", newest=slot.digest):
        ports.telemetry.log("pipeline run started", model=slot.model, run=slot.run, execution=slot.execution)
    return True


def _parameters(slot: RunSlot, ports: TrainingPorts) -> dict[str, str]:
    live = live_parameters(ports.specs.get(slot.model), ports)
    return {**slot.parameters, **live, "InputData": input_data_uri(slot.model, slot.digest, ports)}
