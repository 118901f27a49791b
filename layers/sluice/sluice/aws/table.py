"""What stores ask of a table: consistent reads and conditional writes. Pure; ``dynamodb.Table`` is the real one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sluice.aws.dynamodb import Index, ItemKey


class ItemTable(Protocol):
    """Flat items of strings, numbers and string sets, keyed by ``pk`` and ``sk``."""

    @property
    def name(self) -> str: ...

    def get(self, key: ItemKey) -> dict[str, Any] | None: ...

    def put_new(self, item: Mapping[str, str | int], also: Mapping[str, str | int] | None = None) -> bool:
        """False, and nothing written, if there is an item with this key; ``also`` is written with it or not at all."""

    def put_all(self, items: Iterable[Mapping[str, str | int]]) -> None:
        """Write items, whatever is there; a failure leaves some of them written."""

    def delete_all(self, keys: Iterable[ItemKey]) -> None:
        """Delete items, there or not; a failure leaves some of them deleted."""

    def get_all(self, keys: Iterable[ItemKey]) -> list[dict[str, Any]]:
        """The items that are there, in no order; consistent reads, up to 100 in one call."""

    def replace(self, item: Mapping[str, str | int], condition: str, values: Mapping[str, str | int]) -> None:
        """Write a whole item if ``condition`` holds of the present one; ConditionFailedError otherwise."""

    def set(self, key: ItemKey, changes: Mapping[str, str | int], condition: str, values: Mapping[str, str]) -> None:
        """Set attributes if ``condition`` holds, which may use ``values``; ConditionFailedError otherwise."""

    def set_and_delete(
        self,
        key: ItemKey,
        changes: Mapping[str, str | int],
        condition: str,
        values: Mapping[str, str],
        *,
        gone: ItemKey,
        also: Mapping[str, str | int] | None = None,
    ) -> None:
        """``set``, and with it, or not at all, ``gone`` deleted and the attributes of an item ``also`` set."""

    def set_once(self, key: ItemKey, name: str, value: str) -> None:
        """Set an attribute that keeps its first value."""

    def add_to_set(self, key: ItemKey, name: str, member: str) -> None: ...

    def delete(self, key: ItemKey, condition: str, values: Mapping[str, str]) -> None: ...

    def query(
        self, pk: str, prefix: str, *, newest_first: bool = False, page_items: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """Items of one ``pk`` whose ``sk`` begins with ``prefix``, in the order of ``sk``, page by page.

        A page is read, and paid for, as a whole: ``page_items`` is for a caller that needs only the first items.
        """

    def query_index(
        self, index: Index, value: str, *, until: str | None = None, newest_first: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Items with one ``value`` of an index by its sort key, page by page; ``until`` is the last sort key wanted."""

    def count_new(
        self, notes: Sequence[Mapping[str, str | int]], counter: ItemKey, amounts: Mapping[str, float], expires: int
    ) -> frozenset[int]:
        """Put up to 99 new items and add amounts to a counter; if some exist do nothing and return their indexes."""
