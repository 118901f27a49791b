"""Tells that a batch run was skipped or refused, after that is kept; ``end_of_job`` tells how its job has ended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sluice.batch.announcement import about, input_of
from sluice.batch.run import BatchRun

if TYPE_CHECKING:
    from sluice.batch.ports import BatchPorts


def tell_end_without_job(run: BatchRun, ports: BatchPorts) -> None:
    """Publish why a run that is stored as ended had no job, unless that is noted as told."""
    if run.end_told:
        return
    if run.phase == "skipped":
        ports.events.publish(
            "BatchSkipped", model=run.model, job=run.job, input=input_of(run, ports.bucket), reason=run.reason
        )
    else:
        ports.events.publish(
            "BatchFailed", **about(run, ports.bucket), reason=run.reason, status=run.job_status, files_written=[]
        )
    ports.batches.mark_end_told(replace(run, end_told=True))
