"""Starts a batch run for a request: lists and checks its files and creates its transform job, or records why not.

Idempotent: the job's name is derived from the request, and the run is stored before its files are checked and again
before the job is created. So a request that comes twice, or after a crash, ends in one job over the files that were
there at first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sluice.batch.announcement import about
from sluice.batch.end_without_job import tell_end_without_job
from sluice.batch.events import BatchRequested
from sluice.batch.input import BatchInputError, check_input
from sluice.batch.run import REFUSED, BatchRun
from sluice.errors import SpecError, UnknownModelError
from sluice.rollout.batch.current_version import current_promotion, sagemaker_model
from sluice.rollout.model.record import RolloutRecord
from sluice.transform.input_listing import BatchInput
from sluice.transform.jobs import TransformRefusedError
from sluice.transform.locations import chosen_folder, manifest_key, output_folder
from sluice.transform.request import TransformJobRequest, transform_request

if TYPE_CHECKING:
    from sluice.batch.ports import BatchPorts


class NothingToScoreError(Exception):
    """The request is skipped: no job starts. The message holds the reason."""


def start_batch(requested: BatchRequested, ports: BatchPorts) -> BatchRun:
    """Returns the run of a request, running now, or ended without a job.

    Raises:
        RetryableError: AWS has no capacity for the job, or is busy; the run stays ``starting`` until a retry.
    """
    ports.telemetry.identify("model", requested.model)
    job = ports.names.batch_job(requested.model, requested.at, requested.request)
    ports.telemetry.identify("job", job)
    run = ports.batches.get(requested.model, job) or _open(job, requested, ports)
    ports.telemetry.identify("version", run.version)
    if run.phase == "starting" and not run.input_digest:
        run = _checked(run, ports)
    if run.phase == "starting":
        run = _create(run, ports)
    if run.has_ended and not run.had_job:
        tell_end_without_job(run, ports)
    return run


def _open(job: str, requested: BatchRequested, ports: BatchPorts) -> BatchRun:
    """Store the run with its files, or as skipped with the reason."""
    run = BatchRun(
        job=job,
        model=requested.model,
        request=requested.request,
        requested_at=requested.at,
        phase="starting",
        folder=requested.input,
    )
    try:
        return ports.batches.open(_planned(run, requested, ports))
    except NothingToScoreError as error:
        skipped = _skipped(run, error, ports)
    return ports.batches.open(skipped)


def _skipped(run: BatchRun, why: Exception, ports: BatchPorts) -> BatchRun:
    return replace(run, phase="skipped", reason=str(why), ended_at=ports.now(), end_told=False)


def _planned(run: BatchRun, requested: BatchRequested, ports: BatchPorts) -> BatchRun:
    """The run with its version and its files, whose manifest is written.

    Raises:
        NothingToScoreError: there is no such model, no version, or no file.
    """
    promotion = _promotion(requested.model, ports)
    try:
        folder = chosen_folder(requested.model, requested.input, ports.bucket.name)
    except ValueError as error:
        raise NothingToScoreError(str(error)) from error
    found = BatchInput.of(folder, ports.files.below(folder))
    if not found.files:
        raise NothingToScoreError(f"there is no file below {ports.bucket.uri(folder)}")
    ports.bucket.write(f"{manifest_key(run.model, found.digest)}.json", found.text())
    return replace(
        run,
        folder=folder,
        version=promotion.id.version,
        sagemaker_model=sagemaker_model(promotion),
        given_digest=found.digest,
        files=len(found.files),
        size=found.size,
    )


def _checked(run: BatchRun, ports: BatchPorts) -> BatchRun:
    """The run with the manifest that its job gets, or skipped because its files cannot be scored."""
    manifest = ports.bucket.read(ports.bucket.uri(f"{manifest_key(run.model, run.given_digest)}.json"))
    try:
        if manifest is None:
            raise BatchInputError("the list of its files is gone")
        checked = check_input(BatchInput.parse(manifest), run, ports)
    except BatchInputError as error:
        skipped = _skipped(run, error, ports)
        return _stored(skipped, ports)
    scored = manifest_key(run.model, checked.scored.digest)
    ports.bucket.write(f"{scored}.json", checked.scored.text())
    ports.bucket.write(f"{scored}.manifest", checked.scored.native(ports.bucket.name))
    if checked.rows_set_aside:
        ports.telemetry.measure("BatchRowsSetAside", checked.rows_set_aside, model=run.model)
    return _stored(
        replace(run, input_digest=checked.scored.digest, rows_set_aside=checked.rows_set_aside),
        ports,
    )


def _stored(run: BatchRun, ports: BatchPorts) -> BatchRun:
    """The run as it is stored now: another delivery of the same request may have got further."""
    return run if ports.batches.advance(run) else ports.batches.get(run.model, run.job) or run


def _promotion(model: str, ports: BatchPorts) -> RolloutRecord:
    try:
        served = ports.specs.get(model).endpoint.type
    except (UnknownModelError, SpecError) as error:
        raise NothingToScoreError(str(error)) from error
    if served != "batch":
        raise NothingToScoreError(f"endpoint.type of {model} is {served}, not batch")
    promotion = current_promotion(model, ports)
    if promotion is None:
        raise NothingToScoreError(f"no version of {model} is approved and rolled out")
    return promotion


def _create(run: BatchRun, ports: BatchPorts) -> BatchRun:
    endpoint = ports.specs.get(run.model).endpoint
    job = TransformJobRequest(
        name=run.job,
        model=run.sagemaker_model,
        source=ports.bucket.uri(f"{manifest_key(run.model, run.input_digest)}.manifest"),
        source_type="ManifestFile",
        output=ports.bucket.uri(output_folder(run.model, run.job)),
        instance_type=endpoint.instance_type,
    )
    try:
        ports.transforms.create(transform_request(job, endpoint.batch))
    except TransformRefusedError as error:
        failed = replace(run, phase="failed", reason=str(error), ended_at=ports.now())
        return _stored(replace(failed, job_status=REFUSED, end_told=False), ports)
    running = replace(run, phase="running")
    ports.events.publish(
        "BatchStarted",
        **about(run, ports.bucket),
        files=run.files,
        bytes=run.size,
        rows_set_aside=run.rows_set_aside,
        set_aside=ports.bucket.uri(run.set_aside) if run.set_aside else "",
    )
    ports.batches.advance(running)
    return running
