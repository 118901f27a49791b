"""What all List… operations share: filters by name and time, a sort order, pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localaws.service_api import invalid

Record = Mapping[str, Any]

_DEFAULT_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a listing may be sorted by: ``SortBy`` value → sort key. Times get ties broken by arrival."""

    keys: Mapping[str, Callable[[Any], Any]]
    default: str
    descending: bool = False


def sorted_page(
    records: Iterable[Any], params: Mapping[str, Any], order: Order
) -> tuple[Sequence[Any], dict[str, str]]:
    """Sort and cut as ``SortBy``, ``SortOrder``, ``MaxResults`` and ``NextToken`` say.

    Returns the page and ``{"NextToken": …}``, empty on the last page.
    """
    key = order.keys[params.get("SortBy") or order.default]
    descending = params["SortOrder"] == "Descending" if params.get("SortOrder") else order.descending
    found = sorted(records, key=key)
    if descending:
        found.reverse()
    start = _offset(params.get("NextToken"))
    end = start + (params.get("MaxResults") or _DEFAULT_PAGE)
    return found[start:end], ({"NextToken": str(end)} if end < len(found) else {})


def in_time(record: Record, field: str, params: Mapping[str, Any], prefix: str) -> bool:
    """Whether ``record[field]`` lies after ``<prefix>After`` and before ``<prefix>Before``, where given."""
    after, before = params.get(f"{prefix}After"), params.get(f"{prefix}Before")
    return (after is None or record[field] > after) and (before is None or record[field] < before)


def _offset(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdecimal():
        raise invalid("Invalid NextToken")
    return int(token)
