"""Batch runs in the table. A run moves on from one phase to the next and never back.

MODEL#<model>      BATCH#<job>     a run; the job's name begins with the time it was asked for
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress

from sluice.aws.dynamodb import ConditionFailedError
from sluice.aws.table import ItemTable
from sluice.batch.run import BatchRun


class BatchStore:
    """Every method may be called again with the same arguments and leaves the same state."""

    def __init__(self, table: ItemTable) -> None:
        self._table = table

    def open(self, run: BatchRun) -> BatchRun:
        """Keep a new run; returns the one that counts, which is another if this request was known before."""
        if self._table.put_new({**_key(run.model, run.job), "phase": run.phase, "run": _text(run)}):
            return run
        return self.get(run.model, run.job) or run

    def get(self, model: str, job: str) -> BatchRun | None:
        """The run as it is now (consistent read)."""
        item = self._table.get(_key(model, job))
        return BatchRun.parse(json.loads(item["run"])) if item else None

    def move(self, run: BatchRun) -> None:
        """Keep that the run is running or has ended, unless more is known already."""
        before = "phase = :starting" if run.phase == "running" else "phase = :starting OR phase = :running"
        values = {":starting": "starting", ":running": "running"}
        with suppress(ConditionFailedError):  # another delivery of the same event was quicker
            self._table.set(
                _key(run.model, run.job),
                {"phase": run.phase, "run": _text(run)},
                before,
                {name: value for name, value in values.items() if name in before},
            )

    def runs(self, model: str) -> Iterator[BatchRun]:
        """Asked for last first."""
        for item in self._table.query(f"MODEL#{model}", "BATCH#", newest_first=True):
            yield BatchRun.parse(json.loads(item["run"]))


def _key(model: str, job: str) -> dict[str, str]:
    return {"pk": f"MODEL#{model}", "sk": f"BATCH#{job}"}


def _text(run: BatchRun) -> str:
    return json.dumps(run.to_json())
