"""FilterLogEvents and the queries of Logs Insights. The events stay where the other operations put them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from localaws.service_api import AwsError, Call, Operation
from localaws.services.logs.filter_pattern import FilterPatternError, parse_filter_pattern
from localaws.services.logs.insights import MAX_ROWS, LogEntry, parse_query, run_query
from localaws.services.logs.insights_filter import QueryError

_MAX_EVENTS = 10_000  # of one answer of FilterLogEvents


class LogStore(Protocol):
    """Where events are stored."""

    def entries(self, group: str) -> Sequence[LogEntry] | None:
        """All events of a group, in the order of their arrival; None when there is no such group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A query, and its answer."""

    query_id: str
    groups: tuple[str, ...]
    text: str
    created: int
    rows: list[list[dict[str, str]]]
    statistics: dict[str, float]


class LogSearches:
    """Answers only these operations; storing and listing stay with moto. Queries are complete once they are started."""

    name = "logs"

    def __init__(self, store: LogStore, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._lock = threading.Lock()
        self._asked: dict[str, _Asked] = {}

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "FilterLogEvents": self._filter_log_events,
            "StartQuery": self._start_query,
            "GetQueryResults": self._get_query_results,
            "DescribeQueries": self._describe_queries,
            "StopQuery": self._stop_query,
        }

    def _filter_log_events(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        if params.get("unmask"):
            raise AwsError("NotImplemented", "The local AWS does not do logs FilterLogEvents with unmask", 501)
        try:
            matches = parse_filter_pattern(params.get("filterPattern") or "")
        except FilterPatternError as error:
            raise AwsError("InvalidParameterException", f"Invalid filter pattern: {error}") from error
        names, prefix = params.get("logStreamNames"), params.get("logStreamNamePrefix")
        if names and prefix:
            raise AwsError(
                "InvalidParameterException", "logStreamNames and logStreamNamePrefix cannot both be specified"
            )
        start, end = params.get("startTime", 0), params.get("endTime", float("inf"))
        found = [
            entry
            for entry in self._entries(_group_of(params))
            if start <= entry.timestamp <= end
            and (not names or entry.stream in names)
            and entry.stream.startswith(prefix or "")
            and matches(entry.message)
        ]
        found.sort(key=lambda entry: entry.timestamp)
        return _page(found, params)

    def _start_query(self, params: dict[str, Any], call: Call) -> dict[str, Any]:
        if params.get("queryLanguage", "CWLI") != "CWLI":
            problem = f"The local AWS does not do logs StartQuery in {params['queryLanguage']}"
            raise AwsError("NotImplemented", problem, 501)
        try:
            query = parse_query(params["queryString"])
        except QueryError as error:
            raise AwsError("MalformedQueryException", str(error)) from error
        query.limit = min(query.limit, params.get("limit") or MAX_ROWS)
        groups = _groups_of(params)
        start, end = _milliseconds(params["startTime"]), _milliseconds(params["endTime"]) + 999
        scanned = [entry for group in groups for entry in self._entries(group) if start <= entry.timestamp <= end]
        rows = run_query(query, scanned, call.account)
        size = sum(len(entry.message.encode()) for entry in scanned)
        query.limit = len(scanned) + 1
        matched = len(run_query(query, scanned, call.account))
        asked = _Asked(
            query_id=str(uuid.uuid4()),
            groups=groups,
            text=params["queryString"],
            created=int(self._now().timestamp() * 1000),
            rows=rows,
            statistics={
                "recordsMatched": float(matched), "recordsScanned": float(len(scanned)), "bytesScanned": float(size),
            },
        )  # fmt: skip
        with self._lock:
            self._asked[asked.query_id] = asked
        return {"queryId": asked.query_id}

    def _get_query_results(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        asked = self._find(params["queryId"])
        return {"status": "Complete", "results": asked.rows, "statistics": asked.statistics, "queryLanguage": "CWLI"}

    def _describe_queries(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        wanted, status = params.get("logGroupName"), params.get("status", "Complete")
        with self._lock:
            kept = [asked for asked in self._asked.values() if wanted is None or wanted in asked.groups]
        queries = [
            {
                "queryId": asked.query_id,
                "queryString": asked.text,
                "status": "Complete",
                "createTime": asked.created,
                "logGroupName": asked.groups[0],
            }
            for asked in reversed(kept)
            if status == "Complete"
        ]
        return {"queries": queries[: params.get("maxResults") or MAX_ROWS]}

    def _stop_query(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        self._find(params["queryId"])
        raise AwsError("InvalidParameterException", f"Query with id {params['queryId']} has already ended")

    def _find(self, query_id: str) -> _Asked:
        with self._lock:
            asked = self._asked.get(query_id)
        if asked is None:
            raise AwsError("ResourceNotFoundException", f"Query with id {query_id} does not exist")
        return asked

    def _entries(self, group: str) -> Sequence[LogEntry]:
        entries = self._store.entries(group)
        if entries is None:
            raise AwsError("ResourceNotFoundException", "The specified log group does not exist.")
        return entries


def _page(found: Sequence[LogEntry], params: Mapping[str, Any]) -> dict[str, Any]:
    token = params.get("nextToken") or "0"
    if not token.isdigit() or int(token) > len(found):
        raise AwsError("InvalidParameterException", f"The specified nextToken is invalid: {token}")
    end = int(token) + (params.get("limit") or _MAX_EVENTS)
    events = [
        {
            "logStreamName": entry.stream,
            "timestamp": entry.timestamp,
            "message": entry.message,
            "ingestionTime": entry.ingestion_time,
            "eventId": entry.event_id,
        }
        for entry in found[int(token) : end]
    ]
    more = {"nextToken": str(end)} if end < len(found) else {}
    return {"events": events, "searchedLogStreams": [], **more}


def _group_of(params: Mapping[str, Any]) -> str:
    """By name or ARN, which one of two members gives."""
    given = [params[name] for name in ("logGroupName", "logGroupIdentifier") if params.get(name)]
    if len(given) != 1:
        raise AwsError("InvalidParameterException", "Give either logGroupName or logGroupIdentifier")
    return _named(given[0])


def _groups_of(params: Mapping[str, Any]) -> tuple[str, ...]:
    given = [params[name] for name in ("logGroupName", "logGroupNames", "logGroupIdentifiers") if params.get(name)]
    if len(given) != 1:
        raise AwsError("InvalidParameterException", "Give one of logGroupName, logGroupNames and logGroupIdentifiers")
    names = [given[0]] if isinstance(given[0], str) else given[0]
    return tuple(_named(name) for name in names)


def _named(identifier: str) -> str:
    """The name of a group in its ARN, ``arn:…:log-group:NAME`` or ``…:NAME:*``."""
    return identifier.partition(":log-group:")[2].removesuffix(":*") if identifier.startswith("arn:") else identifier


def _milliseconds(moment: int) -> int:
    """Times of queries come in seconds, and milliseconds are understood, too."""
    return moment if moment > 100_000_000_000 else moment * 1000
