"""Tells how the job of a batch run ended, from what is stored of it: first kept, then told, then noted as told.

Not before it is kept: the next delivery might find files, or a model, and end otherwise. A crash before the note has
it told once more, and the sweep has it told that was not (``lost_runs``).
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from sluice.batch.announcement import about
from sluice.batch.instance_prices import shipped_prices
from sluice.batch.run import BatchRun
from sluice.data_contract.contract import printable
from sluice.errors import SpecError, UnknownModelError
from sluice.transform.locations import output_folder

if TYPE_CHECKING:
    from sluice.batch.ports import BatchPorts

PREVIEW_ROWS = 5
PREVIEW_CHARACTERS = 200
MAX_LISTED_FILES = 20
"""Names of files in an event: EventBridge refuses an event that is too large."""


def tell_end_of_job(run: BatchRun, ports: BatchPorts) -> None:
    """Publish how a run that is stored as ended has ended, unless that is noted as told."""
    if run.end_told:
        return
    if run.phase == "completed":
        _tell_completed(run, ports)
    else:
        written = [each.key for each in islice(ports.files.below(output_folder(run.model, run.job)), MAX_LISTED_FILES)]
        ports.events.publish(
            "BatchFailed",
            **about(run, ports.bucket),
            reason=run.reason,
            status=run.job_status,
            files_written=written,
        )
    ports.batches.mark_end_told(replace(run, end_told=True))


def _tell_completed(run: BatchRun, ports: BatchPorts) -> None:
    prices = shipped_prices()
    ports.events.publish(
        "BatchCompleted",
        **about(run, ports.bucket),
        files=run.files,
        rows_in=run.rows_in,
        rows_out=run.rows_out,
        rows_set_aside=run.rows_set_aside,
        set_aside=ports.bucket.uri(run.set_aside) if run.set_aside else "",
        seconds=run.seconds,
        estimated_usd=run.estimated_usd,
        estimated_with=f"list prices of {prices.region} as of {prices.as_of}, while the job worked",
        preview=_preview(run, ports) if _may_quote(run.model, ports) else [],
    )


def _may_quote(model: str, ports: BatchPorts) -> bool:
    """Whether scored rows may go to an event; the model may be gone by now."""
    try:
        return ports.specs.get(model).data.examples_in_reasons
    except (UnknownModelError, SpecError):
        return False


def _preview(run: BatchRun, ports: BatchPorts) -> list[str]:
    """The first rows of the first file."""
    first = next(iter(ports.files.below(output_folder(run.model, run.job))), None)
    lines = islice(ports.files.lines(first.key), PREVIEW_ROWS) if first else ()
    return [printable(line[:PREVIEW_CHARACTERS]) for line in lines]
