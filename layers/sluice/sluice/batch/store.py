"""Stores batch runs in the table. A run advances from one phase to the next and never goes back.

MODEL#<model>      BATCH#<job>     a run; the job's name begins with the time of the request
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from sluice.aws.dynamodb import ConditionFailedError
from sluice.aws.table import ItemTable
from sluice.batch.run import ADDED_FIELDS, BatchRun
from sluice.stored import join_added, split_added

_PAGE = 50
"""Runs read at once: most callers look at the newest, and a page is paid for as a whole."""


class BatchStore:
    """Every method is idempotent: called again with the same arguments it leaves the same state."""

    def __init__(self, table: ItemTable) -> None:
        self._table = table

    def open(self, run: BatchRun) -> BatchRun:
        """Store a new run; returns the stored one, which is another if this request came before."""
        if self._table.put_new({**_key(run.model, run.job), "phase": run.phase, **_written(run)}):
            return run
        return self.get(run.model, run.job) or run

    def get(self, model: str, job: str) -> BatchRun | None:
        """The run as it is now (consistent read)."""
        item = self._table.get(_key(model, job))
        return _read(item) if item else None

    def advance(self, run: BatchRun) -> bool:
        """Store the run as checked, running or ended; False, and nothing written, if it has got so far before."""
        before = (
            "phase = :starting" if run.phase in ("starting", "running") else "phase = :starting OR phase = :running"
        )
        values = {":starting": "starting", ":running": "running"}
        try:
            self._table.set(
                _key(run.model, run.job),
                {"phase": run.phase, **_written(run)},
                before,
                {name: value for name, value in values.items() if name in before},
            )
        except ConditionFailedError:  # another delivery of the same event was quicker
            return False
        return True

    def mark_replayed(self, run: BatchRun, now: datetime, again_after: timedelta) -> bool:
        """Store that the end of the run's job is replayed now; False if it was less than ``again_after`` ago.

        Beside the run and not in it, which an earlier release could not read then.
        """
        before = {":before": (now - again_after).isoformat()}
        condition = "attribute_not_exists(replayed_at) OR replayed_at <= :before"
        try:
            self._table.set(_key(run.model, run.job), {"replayed_at": now.isoformat()}, condition, before)
        except ConditionFailedError:
            return False
        return True

    def mark_end_told(self, run: BatchRun) -> None:
        """Store an ended run as told; it changes in nothing else any more."""
        added = {"run_added": _written(run)["run_added"]}
        self._table.set(_key(run.model, run.job), added, "phase = :phase", {":phase": run.phase})

    def runs(self, model: str) -> Iterator[BatchRun]:
        """The newest request first."""
        for item in self._table.query(f"MODEL#{model}", "BATCH#", newest_first=True, page_items=_PAGE):
            yield _read(item)


def _key(model: str, job: str) -> dict[str, str]:
    return {"pk": f"MODEL#{model}", "sk": f"BATCH#{job}"}


def _written(run: BatchRun) -> dict[str, str]:
    known, added = split_added(run.to_json(), ADDED_FIELDS)
    return {"run": json.dumps(known), "run_added": json.dumps(added)}


def _read(item: Mapping[str, Any]) -> BatchRun:
    return BatchRun.parse(join_added(json.loads(item["run"]), json.loads(item.get("run_added", "{}"))))
