"""Completes a batch run whose transform job has ended: counts its rows, closes the run and announces it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from sluice.batch.end_of_job import tell_end_of_job
from sluice.batch.instance_prices import Prices, shipped_prices
from sluice.batch.run import BatchRun
from sluice.transform.input_listing import BatchInput
from sluice.transform.jobs import TransformJob
from sluice.transform.locations import manifest_key, output_folder
from sluice.transform.row_count_check import FileRows, problem_of, total_rows

if TYPE_CHECKING:
    from sluice.batch.ports import BatchPorts


def complete_batch(job_name: str, ports: BatchPorts) -> BatchRun | None:
    """Returns the run of this job as it is now; None if the job is no batch run of this stage.

    The end is announced at least once: a crash before that is noted has it announced again.
    """
    ports.telemetry.identify("job", job_name)
    model = ports.names.model_of_batch_job(job_name)
    run = ports.batches.get(model, job_name) if model else None
    if run is None:
        return None
    ports.telemetry.identify("model", run.model)
    ports.telemetry.identify("version", run.version)
    if not run.has_ended:
        run = _closed(run, ports)
    if run.has_ended and run.had_job:
        tell_end_of_job(run, ports)
    return run


def _closed(run: BatchRun, ports: BatchPorts) -> BatchRun:
    """The run as it is stored once its job has ended; unchanged while that goes on."""
    job = ports.transforms.describe(run.job)
    if job is None or not job.has_ended:
        return run
    # The output of a failed job says nothing about its rows.
    rows = list(_count(run, ports)) if job.status == "Completed" else None
    ended = _ended(run, job, rows)
    if not ports.batches.advance(ended):  # another delivery of the same event was quicker
        return ports.batches.get(run.model, run.job) or ended
    if ended.phase == "completed" and ended.rows_out is not None:
        ports.telemetry.measure("BatchRows", ended.rows_out, model=ended.model)
    return ended


def estimated_usd(job: TransformJob, prices: Prices) -> float | None:
    """What the job's instances cost from its start to its end, by the shipped table; None for a type not in it."""
    price = prices.instances.get(job.instance_type)
    if price is None or job.seconds is None:
        return None
    return round(price.usd_per_hour * job.instance_count * job.seconds / 3600, 6)


def _count(run: BatchRun, ports: BatchPorts) -> Iterator[FileRows]:
    """Reads each file to its end, one after the other."""
    manifest = ports.bucket.read(ports.bucket.uri(f"{manifest_key(run.model, run.input_digest)}.json"))
    if manifest is None:
        return
    given = BatchInput.parse(manifest)
    output = output_folder(run.model, run.job)
    outputs = given.outputs(output, (each.key for each in ports.files.below(output)))
    for each in given.files:
        yield FileRows(
            name=each.key,
            rows_in=ports.files.count_lines(each.key, each.etag),
            rows_out=ports.files.count_lines(outputs[each.key]) if each.key in outputs else None,
        )


def _ended(run: BatchRun, job: TransformJob, rows: list[FileRows] | None) -> BatchRun:
    """The run as completed only if its job has completed and no row is missing; as failed otherwise."""
    reason = (job.reason or f"the job was {job.status.lower()}") if rows is None else problem_of(rows)
    return replace(
        run,
        phase="failed" if reason else "completed",
        reason=reason,
        job_status=job.status,
        end_told=False,
        ended_at=job.ended_at,
        seconds=job.seconds,
        rows_in=total_rows(each.rows_in for each in rows) if rows else None,
        rows_out=total_rows(each.rows_out for each in rows) if rows else None,
        estimated_usd=estimated_usd(job, shipped_prices()),
    )
