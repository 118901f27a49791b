"""What the events of a batch run say of it, from what is stored.

How it ended is kept first, then told, then noted as told: by whoever closed it, or, if that failed, by whoever the
sweep has invoked once more (``lost_runs``). Not told before it is kept: the next delivery might find files, or a model,
and end otherwise. A crash before the note has it told once more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.batch.run import BatchRun

if TYPE_CHECKING:
    from sluice.batch.ports import BatchBucket


def input_of(run: BatchRun, bucket: BatchBucket) -> str:
    """The folder of the input as an URI; as it was requested if the run was skipped before its files were listed."""
    return run.folder if run.phase == "skipped" and not run.given_digest else bucket.uri(run.folder)
