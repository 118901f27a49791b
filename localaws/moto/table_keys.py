"""The partition keys of moto's tables."""

from __future__ import annotations

from collections.abc import Callable


def partition_keys(account: str, region: str) -> Callable[[str], str | None]:
    """Of a table's name the attribute that is its partition key; None if there is no such table."""

    def of_table(name: str) -> str | None:
        from moto.dynamodb.models import dynamodb_backends

        table = dynamodb_backends[account][region].tables.get(name)
        return str(table.hash_key_attr) if table is not None else None

    return of_table
