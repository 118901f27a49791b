"""Batch runs that stand still because an event was lost: the sweep says it again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

from sluice.assembly import Ports
from sluice.batch_run import BatchRun

GRACE = timedelta(minutes=2)
"""How long a request or an event may be on its way before it counts as lost."""

RUNS_LOOKED_AT = 50


def lost_batches(model: str, ports: Ports) -> Iterator[str]:
    """Runs whose job was never started, or has ended though nobody said so."""
    for run in islice(ports.batches.runs(model), RUNS_LOOKED_AT):
        if run.has_ended or run.requested_at > ports.now() - GRACE:
            continue
        job = ports.transforms.describe(run.job)
        if job is None and run.phase == "starting":
            _ask_again(run, ports)
            yield f"{run.job} was never started"
        elif job is not None and job.has_ended and job.ended_at and job.ended_at <= ports.now() - GRACE:
            ports.events.publish(
                "SageMaker Transform Job State Change", TransformJobName=run.job, TransformJobStatus=job.status
            )
            yield f"{run.job} is {job.status}"


def _ask_again(run: BatchRun, ports: Ports) -> None:
    ports.events.publish(
        "BatchRequested",
        stage=ports.names.stage,
        model=run.model,
        request=run.request,
        at=run.requested_at.isoformat(),
        input=ports.bucket.uri(run.folder),
    )
