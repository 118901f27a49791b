"""How far the sweep has come, so that each goes on where the last one ended, and what it has told people.

SWEEP      PROGRESS            the model that was swept last
SWEEP      TOLD#<what>         when people were told of something that is told once
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from sluice.aws.dynamodb import ConditionFailedError
from sluice.aws.table import ItemTable

_KEY = {"pk": "SWEEP", "sk": "PROGRESS"}


class SweepProgressStore:
    """Stores what a sweep has to know of those before it. Idempotent."""

    def __init__(self, table: ItemTable) -> None:
        self._table = table

    def noted(self) -> tuple[str, str]:
        """The model after which the next sweep begins, empty if it begins with the first one; and ``begun``.

        That is, if the last sweep died, the first of the models among which it did, of which the other is the last.
        """
        item = self._table.get(_KEY) or {}
        return str(item.get("model", "")), str(item.get("begun", ""))

    def note(self, model: str, begun: str = "") -> None:
        """Store the last model, and ``begun`` unless a sweep that dies now is to go on after the last."""
        condition = "attribute_not_exists(begun) OR model <> :model OR begun <> :begun"
        with suppress(ConditionFailedError):  # it says so already
            self._table.set(_KEY, {"model": model, "begun": begun}, condition, {":model": model, ":begun": begun})

    def told_at(self, about: str) -> datetime | None:
        """When people were told of this; None if they were not."""
        item = self._table.get(_told_key(about))
        return datetime.fromisoformat(item["told_at"]) if item else None

    def note_told(self, about: str, now: datetime) -> None:
        """Store that people were told of it now."""
        self._table.set_once(_told_key(about), "told_at", now.isoformat())


def _told_key(about: str) -> dict[str, str]:
    return {"pk": "SWEEP", "sk": f"TOLD#{about}"}
