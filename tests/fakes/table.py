"""The table in memory, with the few forms of condition that the store uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from sluice.aws.dynamodb import ConditionFailedError, Index, ItemKey
from sluice.errors import AwsRefusedError

from tests.fakes.aws_state import Faults

_PAGE_BYTES = 2**20
_KEY_BYTES = {"pk": 2048, "sk": 1024}
_ITEM_BYTES = 400 << 10
"""Limits of DynamoDB: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html."""


class FakeTable:
    """What ``sluice.table.Table`` promises, held to the same tests."""

    name = "sluice-dev"

    def __init__(self, faults: Faults | None = None) -> None:
        self._faults = faults or Faults()
        self._items: dict[tuple[str, str], dict[str, Any]] = {}
        self.read_units = 0  # of consistent reads, as DynamoDB counts them: 4 KB each

    def get(self, key: ItemKey) -> dict[str, Any] | None:
        _check_limits(key)
        found = self._faults.around(lambda: self._items.get(_of(key)))
        self.read_units += _units([found or {}])
        return dict(found) if found else None

    def get_all(self, keys: Iterable[ItemKey]) -> list[dict[str, Any]]:
        asked = list(keys)
        _check_limits(*asked)
        wanted = [_of(key) for key in asked]
        return self._faults.around(  # type: ignore[no-any-return]
            lambda: [dict(self._items[key]) for key in wanted if key in self._items]
        )

    def replace(self, item: Mapping[str, str | int], condition: str, values: Mapping[str, str | int]) -> None:
        def effect() -> None:
            self._check(item, condition, values)
            self._items[_of(item)] = dict(item)

        _check_limits(item)
        self._faults.around(effect)

    def put_new(self, item: Mapping[str, str | int], also: Mapping[str, str | int] | None = None) -> bool:
        return self._faults.around(lambda: self._put_new(item, also))  # type: ignore[no-any-return]

    def put_all(self, items: Iterable[Mapping[str, str | int]]) -> None:
        """One call for each item, so that a fault can hit between any two."""
        items = list(items)
        _check_limits(*items)
        for item in items:
            self._faults.around(partial(self._items.__setitem__, _of(item), dict(item)))

    def delete_all(self, keys: Iterable[ItemKey]) -> None:
        for key in keys:
            self._faults.around(partial(self._items.pop, _of(key), None))

    def set(self, key: ItemKey, changes: Mapping[str, str | int], condition: str, values: Mapping[str, str]) -> None:
        def effect() -> None:
            self._check(key, condition, values)
            self._items.setdefault(_of(key), dict(key)).update(changes)

        self._faults.around(effect)

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
        def effect() -> None:
            self._check(key, condition, values)
            self._items.setdefault(_of(key), dict(key)).update(changes)
            self._items.pop(_of(gone), None)
            if also is not None:
                self._items.setdefault(_of(also), {}).update(also)

        self._faults.around(effect)

    def set_once(self, key: ItemKey, name: str, value: str) -> None:
        self._faults.around(lambda: self._items.setdefault(_of(key), dict(key)).setdefault(name, value))

    def add_to_set(self, key: ItemKey, name: str, member: str) -> None:
        def effect() -> None:
            item = self._items.setdefault(_of(key), dict(key))
            item[name] = [*dict.fromkeys([*item.get(name, []), member])]

        self._faults.around(effect)

    def delete(self, key: ItemKey, condition: str, values: Mapping[str, str]) -> None:
        def effect() -> None:
            self._check(key, condition, values)
            self._items.pop(_of(key), None)

        self._faults.around(effect)

    def query(
        self, pk: str, prefix: str, *, newest_first: bool = False, page_items: int | None = None
    ) -> Iterator[dict[str, Any]]:
        assert prefix, "DynamoDB refuses an empty key"
        found = self._faults.around(
            lambda: sorted(at for at in self._items if at[0] == pk and at[1].startswith(prefix))
        )
        ordered = [dict(self._items[at]) for at in (reversed(found) if newest_first else found)]
        return self._paid_for(ordered, page_items)

    def _paid_for(self, items: list[dict[str, Any]], page_items: int | None) -> Iterator[dict[str, Any]]:
        """Page by page, each read as a whole: a megabyte, or fewer items where the caller says so."""
        page: list[dict[str, Any]] = []
        size = 0
        for item in items:
            if page and (len(page) == page_items or size + _bytes(item) > _PAGE_BYTES):
                self.read_units += _units(page)
                yield from page
                page, size = [], 0
            page.append(item)
            size += _bytes(item)
        self.read_units += _units(page)
        yield from page

    def query_index(
        self, index: Index, value: str, *, until: str | None = None, newest_first: bool = False
    ) -> Iterator[dict[str, Any]]:
        found = self._faults.around(
            lambda: sorted(
                (item for item in self._items.values() if item.get(index.key) == value and index.sort in item),
                key=lambda item: str(item[index.sort]),
                reverse=newest_first,
            )
        )
        return (dict(item) for item in found if until is None or item[index.sort] <= until)

    def count_new(
        self, notes: Sequence[Mapping[str, str | int]], counter: ItemKey, amounts: Mapping[str, float], expires: int
    ) -> frozenset[int]:
        _check_limits(*notes, counter)

        def effect() -> frozenset[int]:
            known = frozenset(index for index, note in enumerate(notes) if _of(note) in self._items)
            if not known:
                self._items.update({_of(note): dict(note) for note in notes})
                held = self._items.setdefault(_of(counter), dict(counter))
                held["expires"] = expires
                for name, amount in amounts.items():
                    held[name] = str(Decimal(held.get(name, 0)) + Decimal(f"{amount:.9f}"))
            return known

        return self._faults.around(effect)  # type: ignore[no-any-return]

    def _put_new(self, item: Mapping[str, str | int], also: Mapping[str, str | int] | None) -> bool:
        _check_limits(item, also or {})
        if _of(item) in self._items:
            return False
        for each in (item, also or {}):
            if each:
                self._items[_of(each)] = dict(each)
        return True

    def _check(self, key: Mapping[str, Any], condition: str, values: Mapping[str, Any]) -> None:
        item = self._items.get(_of(key), {})
        alternatives = (part.split(" AND ") for part in condition.split(" OR "))
        if not any(all(_holds(term, item, values) for term in terms) for terms in alternatives):
            raise ConditionFailedError


def _check_limits(*items: Mapping[str, Any]) -> None:
    """One item that is beyond a limit has the whole call refused, as by DynamoDB."""
    for item in items:
        try:
            sizes = {name: len(str(value).encode()) for name, value in item.items()}
        except UnicodeEncodeError:
            raise _refused("SerializationException", "a text is no Unicode") from None
        if any(name in item and not 0 < sizes[name] <= most for name, most in _KEY_BYTES.items()):
            raise _refused("ValidationException", "One or more parameter values were invalid: size of a key")
        if sum(sizes.values()) > _ITEM_BYTES:
            raise _refused("ValidationException", "Item size has exceeded the maximum allowed size")


def _refused(code: str, message: str) -> AwsRefusedError:
    return AwsRefusedError(message, code=code, message=message, operation="", response={})


def _of(key: Mapping[str, Any]) -> tuple[str, str]:
    return str(key["pk"]), str(key["sk"])


def _units(items: Sequence[Mapping[str, Any]]) -> int:
    return max(1, -(-sum(map(_bytes, items)) // 4096))


def _bytes(item: Mapping[str, Any]) -> int:
    return sum(len(name) + len(str(value)) for name, value in item.items())


def _holds(term: str, item: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    if term.startswith("attribute_"):
        function, name = term.removesuffix(")").split("(")
        return (name in item) == (function == "attribute_exists")
    name, comparison, value = term.split()
    found = item.get(name)
    if comparison == "=":
        return bool(found == values[value])
    if comparison == "<>":
        return bool(found != values[value])
    if comparison == "<=":
        return found is not None and bool(found <= values[value])
    raise ValueError(f"the fake does not know {term!r}")
