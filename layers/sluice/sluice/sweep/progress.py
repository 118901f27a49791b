"""How far the sweep has come, so that each goes on where the last one ended, and what it has told people.

SWEEP      PROGRESS            the model that was swept last
SWEEP      STUCK#<rollout>     when people were last told of a rollout that nothing will close
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from sluice.aws.dynamodb import ConditionFailedError
from sluice.aws.table import ItemTable
from sluice.rollout_id import RolloutId

_KEY = {"pk": "SWEEP", "sk": "PROGRESS"}


class SweepProgressStore:
    """Stores what a sweep has to know of those before it. Idempotent."""

    def __init__(self, table: ItemTable) -> None:
        self._table = table

    def last(self) -> str:
        """The model that was swept last; empty before the first sweep."""
        item = self._table.get(_KEY) or {}
        return str(item.get("model", ""))

    def note(self, model: str) -> None:
        """Store that the sweep has come as far as this model."""
        with suppress(ConditionFailedError):  # it says so already
            self._table.set(_KEY, {"model": model}, "attribute_not_exists(model) OR model <> :it", {":it": model})

    def told_at(self, rollout: RolloutId) -> datetime | None:
        """When people were last told that nothing will close this rollout; None if they were not."""
        item = self._table.get(_stuck_key(rollout))
        return datetime.fromisoformat(item["told_at"]) if item else None

    def note_told(self, rollout: RolloutId, now: datetime) -> None:
        """Store that people were told so now."""
        at = now.isoformat()
        with suppress(ConditionFailedError):  # it says so already
            self._table.set(
                _stuck_key(rollout), {"told_at": at}, "attribute_not_exists(told_at) OR told_at <> :it", {":it": at}
            )


def _stuck_key(rollout: RolloutId) -> dict[str, str]:
    return {"pk": "SWEEP", "sk": f"STUCK#{rollout}"}


def in_turn(models: Sequence[str], last: str) -> list[str]:
    """All models once, beginning with the one after ``last``, which may be gone by now. Pure."""
    ordered = sorted(models)
    return [*(each for each in ordered if each > last), *(each for each in ordered if each <= last)]
