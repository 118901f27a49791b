"""Stores asynchronous inferences: one item each, in a table of their own.

<inference id>     RESULT                        the inference

Index ``by-model`` has all inferences of a model by time. Index ``attention`` has only the open ones: under
``<model>#pending`` by when they are overdue, under ``<model>#parked`` by when they were parked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from sluice.async_inference.inference import AsyncInference, InferenceStatus, attention_key, to_timestamp
from sluice.aws.dynamodb import ConditionFailedError, Index
from sluice.aws.table import ItemTable
from sluice.errors import RetryableError

BY_MODEL = Index("by-model", "model", "since")
ATTENTION = Index("attention", "attention", "at")
_UPDATE_TRIES = 5


class ResultStore:
    """Inferences by id. Every method is idempotent: it may be called again with the same arguments."""

    def __init__(self, table: ItemTable) -> None:
        self._table = table

    def get(self, inference_id: str) -> AsyncInference | None:
        item = self._table.get(_key(inference_id))
        return AsyncInference.parse(inference_id, item) if item else None

    def get_all(self, inference_ids: Iterable[str]) -> Mapping[str, AsyncInference]:
        """The inferences that exist, by id."""
        found = self._table.get_all(_key(each) for each in dict.fromkeys(inference_ids))
        return {item["pk"]: AsyncInference.parse(item["pk"], item) for item in found}

    def add(self, inference: AsyncInference) -> bool:
        """Store a new inference; False, and nothing written, if there is one with this id."""
        return self._table.put_new(_item(inference))

    def save(self, inference: AsyncInference) -> bool:
        """Write an inference unless it was changed since it was read; False, and nothing written, on a conflict."""
        condition = "revision = :seen" if inference.revision else "attribute_not_exists(pk) OR revision = :seen"
        item = _item(replace(inference, revision=inference.revision + 1))
        try:
            self._table.replace(item, condition, {":seen": inference.revision})
        except ConditionFailedError:
            return False
        return True

    def save_ready(self, inferences: Iterable[AsyncInference]) -> None:
        """Write ready inferences, 25 in one call, whatever has happened to them meanwhile.

        A result is final, so nothing is lost by it; without a revision it cannot be overwritten by ``save``.
        """
        self._table.put_all(_item(each) for each in inferences)

    def update(self, inference_id: str, change: Callable[[AsyncInference], AsyncInference]) -> AsyncInference | None:
        """Apply a change to an inference as it is now; returns it afterwards, None if there is none with this id.

        Raises:
            RetryableError: it keeps changing concurrently.
        """
        for _ in range(_UPDATE_TRIES):
            inference = self.get(inference_id)
            if inference is None:
                return None
            changed = change(inference)
            if changed == inference or self.save(changed):
                return changed
        raise RetryableError(f"inference {inference_id} keeps changing concurrently")

    def of_model(self, model: str) -> Iterator[AsyncInference]:
        """All inferences of a model, the newest first."""
        return _parsed(self._table.query_index(BY_MODEL, model, newest_first=True))

    def open_with_status(self, model: str, status: InferenceStatus) -> Iterator[AsyncInference]:
        """Open inferences of a model with this status, the most urgent first."""
        found = _parsed(self._table.query_index(ATTENTION, attention_key(model, status)))
        return (inference for inference in found if inference.status == status)

    def overdue(self, model: str, now: datetime) -> Iterator[AsyncInference]:
        """Pending inferences whose next notification or message is overdue."""
        return _parsed(self._table.query_index(ATTENTION, attention_key(model, "submitted"), until=to_timestamp(now)))


def _parsed(items: Iterable[Mapping[str, str]]) -> Iterator[AsyncInference]:
    return (AsyncInference.parse(item["pk"], item) for item in items)


def _key(inference_id: str) -> dict[str, str]:
    return {"pk": inference_id, "sk": "RESULT"}


def _item(inference: AsyncInference) -> dict[str, str | int]:
    return {**_key(inference.id), **inference.item()}
