"""Speeds up transactions of moto's DynamoDB, which copies every item of a table twice to write two of them."""

from __future__ import annotations

import copy
import threading
from typing import Any

_of_thread = threading.local()


def speed_up_transactions() -> None:
    """Have moto copy a table's index instead of its items, which most writes replace whole.

    The copy is what moto returns to when a transaction fails. An Update changes an item in place, so the items that
    it may touch are copied, too: those with its partition key.
    """
    from moto.dynamodb.models import DynamoDBBackend
    from moto.dynamodb.models.table import Table

    if hasattr(Table, "__deepcopy__"):
        return
    write = DynamoDBBackend.transact_write_items

    def transact_write_items(self: Any, transact_items: list[dict[str, Any]]) -> None:
        _of_thread.updates = [item["Update"] for item in transact_items if "Update" in item]
        try:
            write(self, transact_items)
        finally:
            _of_thread.updates = None

    DynamoDBBackend.transact_write_items = transact_write_items
    Table.__deepcopy__ = _copy


def _copy(table: Any, memo: dict[int, Any]) -> Any:
    updates = getattr(_of_thread, "updates", None)
    copied = object.__new__(type(table))
    memo[id(table)] = copied
    if updates is None:  # not for a transaction
        copied.__dict__.update(copy.deepcopy(table.__dict__, memo))
        return copied
    copied.__dict__.update(table.__dict__)
    copied.items = copy.copy(table.items)
    touched = {_partition(table, update) for update in updates if update["TableName"] == table.name}
    for key, held in table.items.items():
        copied.items[key] = copy.deepcopy(held) if key in touched else copy.copy(held)
    return copied


def _partition(table: Any, update: dict[str, Any]) -> Any:
    from moto.dynamodb.models.dynamo_type import DynamoType

    return DynamoType(update["Key"][table.hash_key_attr])
