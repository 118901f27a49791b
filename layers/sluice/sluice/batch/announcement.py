"""What the events of a batch run say of it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sluice.batch.run import BatchRun
from sluice.transform.locations import output_folder

if TYPE_CHECKING:
    from sluice.batch.ports import BatchBucket


def about(run: BatchRun, bucket: BatchBucket) -> dict[str, Any]:
    """What all events of a run with a version say of it."""
    return {
        "model": run.model,
        "version": run.version,
        "job": run.job,
        "input": input_of(run, bucket),
        "output": bucket.uri(output_folder(run.model, run.job)),
    }


def input_of(run: BatchRun, bucket: BatchBucket) -> str:
    """The folder of the input as an URI; as it was requested if the run was skipped before its files were listed."""
    return run.folder if run.phase == "skipped" and not run.given_digest else bucket.uri(run.folder)
