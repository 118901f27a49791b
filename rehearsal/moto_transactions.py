"""Quick transactions for moto's DynamoDB, which copies every item of a table twice in order to write two of them."""

from __future__ import annotations

import copy
import threading
from typing import Any

_REPLACING = {"Put", "Delete", "ConditionCheck"}
_of_thread = threading.local()


def quicken_transactions() -> None:
    """Have moto copy a table's index instead of its items where a transaction only replaces whole items.

    The copy is what moto returns to when a transaction fails. An Update changes an item in place, so a transaction
    with one is left as it is.
    """
    from moto.dynamodb.models import DynamoDBBackend
    from moto.dynamodb.models.table import Table

    if hasattr(Table, "__deepcopy__"):
        return
    write = DynamoDBBackend.transact_write_items

    def transact_write_items(self: Any, transact_items: list[dict[str, Any]]) -> None:
        _of_thread.replaces_only = all(set(item) <= _REPLACING for item in transact_items)
        try:
            write(self, transact_items)
        finally:
            _of_thread.replaces_only = False

    DynamoDBBackend.transact_write_items = transact_write_items
    Table.__deepcopy__ = _copy


def _copy(table: Any, memo: dict[int, Any]) -> Any:
    copied = object.__new__(type(table))
    memo[id(table)] = copied
    if not getattr(_of_thread, "replaces_only", False):
        copied.__dict__.update(copy.deepcopy(table.__dict__, memo))
        return copied
    copied.__dict__.update(table.__dict__)
    copied.items = copy.copy(table.items)
    for key, held in table.items.items():
        copied.items[key] = copy.copy(held)
    return copied
