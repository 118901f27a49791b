"""How far the sweep has come, so that each goes on where the last one ended."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from sluice.aws.dynamodb import ConditionFailedError
from sluice.aws.table import ItemTable

_KEY = {"pk": "SWEEP", "sk": "PROGRESS"}


class SweepProgressStore:
    """Stores the model that was swept last as ``SWEEP``, ``PROGRESS``. Idempotent."""

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


def in_turn(models: Sequence[str], last: str) -> list[str]:
    """All models once, beginning with the one after ``last``, which may be gone by now. Pure."""
    ordered = sorted(models)
    return [*(each for each in ordered if each > last), *(each for each in ordered if each <= last)]
