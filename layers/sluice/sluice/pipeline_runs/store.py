"""The runs of a model in the table: one item each, never overwritten by what was read before it.

MODEL#<model>      RUN#<start>#<execution id>     a run, as last seen
PENDING#<arn>      registered | <time>            a wait for approval that has been announced
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

from sluice.aws.dynamodb import ConditionFailedError
from sluice.aws.table import ItemTable
from sluice.pipeline_runs.run import Run, run_from


class RunStore:
    """Every method may be called again with the same arguments and leaves the same state."""

    def __init__(self, table: ItemTable) -> None:
        self._table = table

    def save(self, run: Run) -> None:
        """Keep what was seen of a run, unless something newer is kept already."""
        seen = _seen(run)
        with suppress(ConditionFailedError):  # an invocation that looked later was quicker to write
            self._table.set(
                _key(run),
                {"id": run.id, "status": run.status, "seen": seen, "run": json.dumps(run.to_json())},
                "attribute_not_exists(seen) OR seen <= :seen",
                {":seen": seen},
            )

    def runs(self, model: str) -> Iterator[Run]:
        """The newest first."""
        for item in self._table.query(f"MODEL#{model}", "RUN#", newest_first=True):
            if "run" in item:
                yield run_from(json.loads(item["run"]))

    def is_told(self, run: Run) -> bool:
        """Whether the end of this run has been announced, with this outcome."""
        item = self._table.get(_key(run)) or {}
        return bool(item.get(_told(run)))

    def mark_told(self, run: Run, now: datetime) -> None:
        self._table.set_once(_key(run), _told(run), now.isoformat())

    def is_pending_told(self, package_arn: str, since: str) -> bool:
        """Whether a version's wait for approval that began at ``since`` has been announced."""
        return self._table.get(_pending(package_arn, since)) is not None

    def mark_pending_told(self, package_arn: str, since: str) -> None:
        self._table.put_new(_pending(package_arn, since))


def _key(run: Run) -> dict[str, str]:
    return {"pk": f"MODEL#{run.model}", "sk": f"RUN#{_sortable(run.started_at)}#{run.id}"}


def _seen(run: Run) -> str:
    """Grows with what SageMaker knows of the run: its last change, then how far its steps are."""
    done = sum(1 + (step.ended_at is not None) for step in run.steps)
    return f"{_sortable(run.modified_at)}#{done:04d}"


def _told(run: Run) -> str:
    """A run that failed may be retried and so end a second time."""
    return "told_" + (run.ended_at or run.modified_at).astimezone(UTC).strftime("%Y%m%dT%H%M%S%f")


def _pending(package_arn: str, since: str) -> dict[str, str]:
    return {"pk": f"PENDING#{package_arn}", "sk": since}


def _sortable(when: datetime) -> str:
    """Text that sorts as the time does."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds")
