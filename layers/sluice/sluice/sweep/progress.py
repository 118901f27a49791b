"""How far the sweep has come, so that each goes on where the last one ended.

SWEEP      PROGRESS            the model that was swept last
"""

from __future__ import annotations

from contextlib import suppress

from sluice.aws.dynamodb import ConditionFailedError
from sluice.aws.table import ItemTable

_KEY = {"pk": "SWEEP", "sk": "PROGRESS"}


class SweepProgressStore:
    """Stores what a sweep has to know of those before it. Idempotent."""

    def __init__(self, table: ItemTable) -> None:
        self._table = table

    def last(self) -> str:
        """The model after which the next sweep begins; empty if it begins with the first one."""
        item = self._table.get(_KEY) or {}
        return str(item.get("model", ""))

    def begun(self) -> str:
        """If the last sweep died: the first of the models among which it did, of which ``last`` is the last one."""
        item = self._table.get(_KEY) or {}
        return str(item.get("begun", ""))

    def note(self, model: str, begun: str = "") -> None:
        """Store ``last``, and ``begun`` unless a sweep that dies now is to go on after ``last``."""
        condition = "attribute_not_exists(begun) OR model <> :model OR begun <> :begun"
        with suppress(ConditionFailedError):  # it says so already
            self._table.set(_KEY, {"model": model, "begun": begun}, condition, {":model": model, ":begun": begun})
