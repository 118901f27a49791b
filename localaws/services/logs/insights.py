"""Queries of CloudWatch Logs Insights: ``fields``, ``display``, ``filter``, ``sort`` and ``limit``.

Source: "CloudWatch Logs Insights language query syntax" and "Supported logs and discovered fields" in the CloudWatch
Logs User Guide. Every other command, every function and field that would have to be computed is refused by name: an
answer must not hold what AWS would not answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localaws.services.logs.insights_filter import FieldCondition, QueryError, parse_condition

MAX_ROWS = 10_000
_SYSTEM_FIELDS = frozenset({"@timestamp", "@message", "@logStream", "@log", "@ingestionTime", "@ptr"})
_FIELD = re.compile(r"@?[A-Za-z_][\w.]*|`[^`]+`")
_MAX_DISCOVERED = 200  # fields of one event


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One stored event. Times are in milliseconds since 1970."""

    event_id: str
    group: str
    stream: str
    timestamp: int
    ingestion_time: int
    message: str


@dataclass(slots=True)
class InsightsQuery:
    """A query as it was read."""

    fields: list[str] = field(default_factory=list)
    conditions: list[FieldCondition] = field(default_factory=list)
    sort: tuple[str, bool] = ("@timestamp", True)  # field, whether descending
    limit: int = MAX_ROWS


def parse_query(text: str) -> InsightsQuery:
    """Read a query; raises QueryError."""
    query = InsightsQuery()
    for command in _commands(text):
        name, _, rest = command.partition(" ")
        reader = _READERS.get(name.lower())
        if reader is None:
            known = ", ".join(sorted(_READERS))
            raise QueryError(f"the local AWS does not know the command {name}; it knows {known}")
        reader(query, rest.strip())
    return query


def run_query(query: InsightsQuery, entries: Sequence[LogEntry], account: str) -> list[list[dict[str, str]]]:
    """The rows of the answer, each a list of fields with their values, as GetQueryResults gives them."""
    known = [(entry, _values(entry, account)) for entry in entries]
    matching = [(entry, values) for entry, values in known if all(holds(values) for holds in query.conditions)]
    name, is_descending = query.sort
    matching.sort(key=lambda each: (each[0].timestamp, each[0].event_id), reverse=is_descending)
    if name != "@timestamp":
        matching.sort(key=lambda each: _order(each[1].get(name)), reverse=is_descending)
    shown = query.fields or ["@timestamp", "@message"]
    return [
        [{"field": each, "value": _text(values[each])} for each in [*shown, "@ptr"] if each in values]
        for _, values in matching[: query.limit]
    ]


def _values(entry: LogEntry, account: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "@timestamp": _time(entry.timestamp),
        "@message": entry.message,
        "@logStream": entry.stream,
        "@log": f"{account}:{entry.group}",
        "@ingestionTime": _time(entry.ingestion_time),
        "@ptr": entry.event_id,
    }
    try:
        document = json.loads(entry.message)
    except ValueError:
        return found
    if isinstance(document, dict):
        for name, value in list(_flat(document, ""))[:_MAX_DISCOVERED]:
            found.setdefault(name, value)
    return found


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Members of objects under ``a.b``, elements of arrays under ``a.0``; null is no value."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _flat(inner, f"{name}.{index}")
    elif value is not None:
        yield name, value


def _commands(text: str) -> list[str]:
    """The commands between pipes, which may stand in texts and regular expressions, too; comments are left out."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    parts = re.findall(r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|/(?:[^/\\\n]|\\.)+/|[^|])+""", lines)
    return [" ".join(part.split("\n")).strip() for part in parts if part.strip()]


def _read_fields(query: InsightsQuery, rest: str) -> None:
    for name in (part.strip() for part in rest.split(",")):
        query.fields.append(field_name(name))


def _read_display(query: InsightsQuery, rest: str) -> None:
    query.fields = [field_name(part.strip()) for part in rest.split(",")]


def _read_filter(query: InsightsQuery, rest: str) -> None:
    query.conditions.append(parse_condition(rest, field_name))


def _read_sort(query: InsightsQuery, rest: str) -> None:
    name, *order = rest.split()
    if len(order) > 1 or (order and order[0].lower() not in {"asc", "desc"}):
        raise QueryError(f"sort by one field, asc or desc, not by {rest}")
    query.sort = field_name(name), bool(order) and order[0].lower() == "desc"


def _read_limit(query: InsightsQuery, rest: str) -> None:
    if not rest.isdigit() or not 1 <= int(rest) <= MAX_ROWS:
        raise QueryError(f"limit is a number from 1 to {MAX_ROWS}, not {rest}")
    query.limit = int(rest)


_READERS: dict[str, Callable[[InsightsQuery, str], None]] = {
    "fields": _read_fields,
    "display": _read_display,
    "filter": _read_filter,
    "sort": _read_sort,
    "limit": _read_limit,
}


def field_name(text: str) -> str:
    """The name of a field as it is discovered; raises QueryError for what the local AWS would have to compute."""
    if not _FIELD.fullmatch(text):
        raise QueryError(f"the local AWS knows fields only, no functions, operators and aliases: {text}")
    name = text.strip("`")
    if name.startswith("@") and name not in _SYSTEM_FIELDS:
        raise QueryError(f"the local AWS does not discover the field {name}")
    return name


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return value if isinstance(value, str) else json.dumps(value)


def _order(value: Any) -> tuple[int, float, str]:
    """Numbers by size, before texts by their letters; events without the field come first."""
    if value is None:
        return 0, 0.0, ""
    if isinstance(value, int | float):
        return 1, float(value), ""
    return 2, 0.0, str(value)
