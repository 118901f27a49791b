"""Stores pipeline runs: one item each, which what was read earlier never overwrites.

MODEL#<model>      RUN#<start>#<execution id>     a run, as last seen
PENDING#<arn>      registered | <time>            a wait for approval that has been announced
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sluice.aws.dynamodb import ConditionFailedError
from sluice.aws.table import ItemTable
from sluice.pipeline_runs.run import ADDED_FIELDS, PipelineRun
from sluice.stored import join_added, split_added

_PAGE = 20
"""Runs read at once: most callers look at the newest, and a page is paid for as a whole."""


class RunStore:
    """Every method is idempotent: called again with the same arguments, it leaves the same state."""

    def __init__(self, table: ItemTable) -> None:
        self._table = table

    def save(self, run: PipelineRun) -> None:
        """Record a run as it was seen, unless something newer is recorded already."""
        seen = _seen(run)
        known, added = split_added(run.to_json(), ADDED_FIELDS)
        with suppress(ConditionFailedError):  # an invocation that read the run later was quicker to write it
            self._table.set(
                _key(run),
                {
                    "id": run.id,
                    "status": run.status,
                    "seen": seen,
                    "run": json.dumps(known),
                    "run_added": json.dumps(added),
                },
                "attribute_not_exists(seen) OR seen <= :seen",
                {":seen": seen},
            )

    def runs(self, model: str) -> Iterator[PipelineRun]:
        """The newest first."""
        return (run for run, _ in self._runs(model))

    def newest_runs(self, model: str, most: int) -> list[tuple[PipelineRun, bool]]:
        """The newest runs first, each with whether its end has been announced."""
        return [(run, bool(item.get(_announced(run)))) for run, item in islice(self._runs(model), most)]

    def _runs(self, model: str) -> Iterator[tuple[PipelineRun, Mapping[str, Any]]]:
        """The runs with their items, the newest first."""
        found = self._table.query(f"MODEL#{model}", "RUN#", newest_first=True, page_items=_PAGE)
        return ((_read(item), item) for item in found if "run" in item)

    def is_end_announced(self, run: PipelineRun) -> bool:
        """Whether the end of this run has been announced, as it ended this time."""
        item = self._table.get(_key(run)) or {}
        return bool(item.get(_announced(run)))

    def mark_end_announced(self, run: PipelineRun, now: datetime) -> None:
        self._table.set_once(_key(run), _announced(run), now.isoformat())

    def is_wait_announced(self, package_arn: str, since: str) -> bool:
        """Whether a version's wait for approval that began at ``since`` has been announced."""
        return self._table.get(_pending(package_arn, since)) is not None

    def mark_wait_announced(self, package_arn: str, since: str) -> None:
        self._table.put_new(_pending(package_arn, since))


def _read(item: Mapping[str, Any]) -> PipelineRun:
    added = json.loads(item.get("run_added", "{}"))
    return PipelineRun.parse(join_added(json.loads(item["run"]), added))


def _key(run: PipelineRun) -> dict[str, str]:
    return {"pk": f"MODEL#{run.model}", "sk": f"RUN#{_sortable(run.started_at)}#{run.id}"}


def _seen(run: PipelineRun) -> str:
    """Grows with what SageMaker knows of the run: its last change, then how far its steps are."""
    done = sum(1 + (step.ended_at is not None) for step in run.steps)
    return f"{_sortable(run.modified_at)}#{done:04d}"


def _announced(run: PipelineRun) -> str:
    """The attribute that notes the announcement; a run that failed may be retried and so end a second time."""
    return "told_" + (run.ended_at or run.modified_at).astimezone(UTC).strftime("%Y%m%dT%H%M%S%f")


def _pending(package_arn: str, since: str) -> dict[str, str]:
    return {"pk": f"PENDING#{package_arn}", "sk": since}


def _sortable(when: datetime) -> str:
    """Text that sorts as the time does."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds")
