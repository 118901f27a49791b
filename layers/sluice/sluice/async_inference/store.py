"""Where asynchronous inferences are kept: one item each, in a table of its own.

<inference id>     RESULT                        the entry

Index ``by-model`` has all of a model by time. Index ``attention`` has only what is not over: under ``<model>#pending``
by when something must have been heard, under ``<model>#parked`` by when it was parked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from sluice.async_inference.inference import Entry, Status, attention, moment
from sluice.aws.dynamodb import ConditionFailedError, Index
from sluice.aws.table import ItemTable
from sluice.errors import RetryableError

BY_MODEL = Index("by-model", "model", "since")
ATTENTION = Index("attention", "attention", "at")
_UPDATE_TRIES = 5


class ResultStore:
    """Entries by inference id. Every method may be called again with the same arguments."""

    def __init__(self, table: ItemTable) -> None:
        self._table = table

    def get(self, inference_id: str) -> Entry | None:
        item = self._table.get(_key(inference_id))
        return Entry.parse(inference_id, item) if item else None

    def get_all(self, inference_ids: Iterable[str]) -> Mapping[str, Entry]:
        """Those that are there, by id."""
        found = self._table.get_all(_key(each) for each in dict.fromkeys(inference_ids))
        return {item["pk"]: Entry.parse(item["pk"], item) for item in found}

    def add(self, entry: Entry) -> bool:
        """Keep a new entry; False, and nothing written, if there is one with this id."""
        return self._table.put_new(_item(entry))

    def save(self, entry: Entry) -> bool:
        """Write an entry if nobody has since it was read; False, and nothing written, otherwise."""
        condition = "revision = :seen" if entry.revision else "attribute_not_exists(pk) OR revision = :seen"
        kept = _item(replace(entry, revision=entry.revision + 1))
        try:
            self._table.replace(kept, condition, {":seen": entry.revision})
        except ConditionFailedError:
            return False
        return True

    def save_ready(self, entries: Iterable[Entry]) -> None:
        """Write entries whose result is there, 25 in one call, whatever has happened to them meanwhile.

        A result is final, so nothing is lost by it; and having no revision it cannot be overwritten by ``save``.
        """
        self._table.put_all(_item(each) for each in entries)

    def update(self, inference_id: str, change: Callable[[Entry], Entry]) -> Entry | None:
        """Make a change to an entry as it is now; the entry after it, None if there is no such entry.

        Raises:
            RetryableError: others change it all the time.
        """
        for _ in range(_UPDATE_TRIES):
            entry = self.get(inference_id)
            if entry is None:
                return None
            changed = change(entry)
            if changed == entry or self.save(changed):
                return changed
        raise RetryableError(f"inference {inference_id} is being changed all the time")

    def of_model(self, model: str) -> Iterator[Entry]:
        """All of a model, the newest first."""
        return _parsed(self._table.query_index(BY_MODEL, model, newest_first=True))

    def unsettled(self, model: str, status: Status) -> Iterator[Entry]:
        """Those of a model that are not over and have this status, the most urgent first."""
        found = _parsed(self._table.query_index(ATTENTION, attention(model, status)))
        return (entry for entry in found if entry.status == status)

    def overdue(self, model: str, now: datetime) -> Iterator[Entry]:
        """Pending ones of which something must have been heard by now."""
        return _parsed(self._table.query_index(ATTENTION, attention(model, "submitted"), until=moment(now)))


def _parsed(items: Iterable[Mapping[str, str]]) -> Iterator[Entry]:
    return (Entry.parse(item["pk"], item) for item in items)


def _key(inference_id: str) -> dict[str, str]:
    return {"pk": inference_id, "sk": "RESULT"}


def _item(entry: Entry) -> dict[str, str | int]:
    return {**_key(entry.id), **entry.item()}
