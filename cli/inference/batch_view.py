"""How batch runs are shown to people, and to programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sluice.batch.run import BatchRun
from sluice.rollout.model.record import RolloutRecord

from cli.session import CliSession
from cli.training.listings import minute


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStatus:
    """The version that scores the files of a model without an endpoint, and its runs."""

    version: int
    runs: tuple[BatchRun, ...]
    """The newest first."""

    @property
    def last(self) -> str:
        return f"last run {self.runs[0].phase}" if self.runs else "no run yet"


def batch_status(rollouts: Iterable[RolloutRecord], runs: Iterable[BatchRun]) -> BatchStatus | None:
    """None for a model whose last promotion has an endpoint, or that has had none."""
    closed = [(one.closed_at, one) for one in rollouts if one.outcome == "promoted" and one.closed_at]
    if not closed:
        return None
    last = max(closed, key=_closed_at)[1]
    return BatchStatus(version=last.id.version, runs=tuple(runs)) if last.planned().engine == "batch" else None


def _closed_at(entry: tuple[datetime, RolloutRecord]) -> datetime:
    return entry[0]


HEAD = ("job", "state", "version", "asked for", "files", "rows", "reason")


def show_list(session: CliSession, runs: Sequence[BatchRun]) -> None:
    """A line per run."""
    session.out.table("Batch runs", HEAD, batch_rows(runs))


def batch_rows(runs: Sequence[BatchRun]) -> list[tuple[str, ...]]:
    """A row for each run, under ``HEAD``."""
    return [
        (
            one.job,
            one.phase,
            str(one.version or ""),
            minute(one.requested_at),
            str(one.files or ""),
            _rows(one),
            one.reason,
        )
        for one in runs
    ]


def show_one(session: CliSession, run: BatchRun, output: str, set_aside: str) -> None:
    """Everything about one run."""
    session.out.text(f"{run.job}: {run.phase}" + (f", {run.reason}" if run.reason else ""))
    if run.phase == "skipped":
        return
    session.out.text(f"  version {run.version}, asked for {minute(run.requested_at)}")
    session.out.text(f"  input   {run.files} files, {run.size:,} bytes, below {run.folder}")
    session.out.text(f"  output  {output}")
    if run.rows_in is not None:
        session.out.text(f"  rows    {_scored_rows(run)}")
    if run.rows_set_aside:
        session.out.text(f"  left out {run.rows_set_aside:,} rows, with their reasons in {set_aside}")
    if run.seconds is not None:
        cost = "" if run.estimated_usd is None else f", about ${run.estimated_usd:.4f} by the shipped price table"
        session.out.text(f"  took    {run.seconds:.0f} s{cost}")


def _rows(run: BatchRun) -> str:
    """Of the rows that the job got, and those that it did not."""
    return _scored_rows(run) + (f" ({run.rows_set_aside:,} set aside)" if run.rows_set_aside else "")


def _scored_rows(run: BatchRun) -> str:
    if run.rows_in is None:
        return ""
    if run.rows_in == run.rows_out:
        return f"{run.rows_in:,}"
    return f"{run.rows_out:,} of {run.rows_in:,}" if run.rows_out is not None else f"? of {run.rows_in:,}"


def as_json(run: BatchRun) -> dict[str, object]:
    """A run as JSON for programs."""
    return run.to_json()
