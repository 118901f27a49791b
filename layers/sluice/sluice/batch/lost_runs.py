"""Replays lost events of batch runs that make no progress without them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from sluice.batch.announcement import input_of
from sluice.batch.run import BatchRun

if TYPE_CHECKING:
    from sluice.batch.ports import BatchPorts

START_GRACE = timedelta(minutes=2)
"""How long a request may be in transit before it counts as lost."""

CHECK_GRACE = timedelta(hours=1)
"""How long the files of a request may be checked: the function may run for a quarter of an hour, and Lambda invokes it
twice more after errors, a minute and two minutes later:
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html"""

END_GRACE = timedelta(hours=1)
"""How long the end of a job may be in transit: the function that counts the rows may take as long."""

GIVE_UP_AFTER = timedelta(days=1)
"""A request that has failed for so long would fail again; it is in the dead-letter queue."""

AGAIN_AFTER = timedelta(days=1)
"""After how long an end that was replayed is replayed again, once sweeps no longer do so each time."""

MAX_RUNS_CHECKED = 50


def replay_lost_batch_events(model: str, ports: BatchPorts) -> Iterator[str]:
    """Replay what has a run started, told as started, closed, or told as ended, if its events were lost."""
    for run in islice(ports.batches.runs(model), MAX_RUNS_CHECKED):
        if run.has_ended:
            yield from _replay_untold_end(run, ports)
        elif ports.now() - run.requested_at >= (START_GRACE if run.input_digest else CHECK_GRACE):
            yield from _replay_open(run, ports)


def _replay_open(run: BatchRun, ports: BatchPorts) -> Iterator[str]:
    job = ports.transforms.describe(run.job)
    if job is not None and job.has_ended:
        if job.ended_at and _is_due(run, ports.now() - job.ended_at, END_GRACE, ports):
            yield _republish_end(run, job.status, ports)
    elif run.phase == "starting" and ports.now() - run.requested_at < GIVE_UP_AFTER:
        _republish_request(run, ports)
        yield f"{run.job} was never started" if job is None else f"{run.job} is not told to have started"


def _replay_untold_end(run: BatchRun, ports: BatchPorts) -> Iterator[str]:
    """EventBridge refused it as often as it was tried; whoever was invoked for the end tells it once more."""
    if run.end_told or run.ended_at is None or not _is_due(run, ports.now() - run.ended_at, START_GRACE, ports):
        return
    if run.had_job:
        yield _republish_end(run, run.job_status, ports)
    else:
        _republish_request(run, ports)
        yield f"{run.job} is {run.phase}, which is not told"


def _republish_end(run: BatchRun, status: str, ports: BatchPorts) -> str:
    ports.events.publish("SageMaker Transform Job State Change", TransformJobName=run.job, TransformJobStatus=status)
    return f"{run.job} is {status}"


def _is_due(run: BatchRun, since_end: timedelta, grace: timedelta, ports: BatchPorts) -> bool:
    """Whether an end is replayed: with each sweep on the first day, and after the second one once a day.

    A run may still be open long after its job has ended, as after the table was restored from a backup; one whose
    completion fails each time must not fill the dead-letter queue. When it was replayed last is stored, as a sweep may
    come to a model at any time: with many models, not every time that the schedule fires.
    """
    if since_end < 2 * GIVE_UP_AFTER:
        return grace <= since_end < GIVE_UP_AFTER
    return ports.batches.mark_replayed(run, ports.now(), AGAIN_AFTER)


def _republish_request(run: BatchRun, ports: BatchPorts) -> None:
    ports.events.publish(
        "BatchRequested",
        stage=ports.names.stage,
        model=run.model,
        request=run.request,
        at=run.requested_at.isoformat(),
        input=input_of(run, ports.bucket),
    )
