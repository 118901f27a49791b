"""Queries of Logs Insights: what is known is answered, what would have to be computed is refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localaws.services.logs.insights import LogEntry, parse_query, run_query
from localaws.services.logs.insights_filter import QueryError


def entry(number: int, message: Any, stream: str = "s") -> LogEntry:
    text = message if isinstance(message, str) else json.dumps(message)
    return LogEntry(
        event_id=str(number), group="/g", stream=stream, timestamp=1_000 * number, ingestion_time=1_000, message=text
    )


ENTRIES = [
    entry(1, {"level": "INFO", "rollout": "r-1", "seconds": 3, "nested": {"list": [{"a": "x"}]}}),
    entry(2, {"level": "ERROR", "correlation_id": "r-1", "seconds": 10, "path": "/a|b"}),
    entry(3, "plain text ERROR"),
    entry(4, {"level": "WARN", "rollout": "r-2", "seconds": "7", "empty": None, "ok": True}, "t"),
]


def answered(query: str) -> list[int]:
    """The numbers of the entries in the answer."""
    rows = run_query(parse_query(query), ENTRIES, "1")
    return [int(each["value"]) for row in rows for each in row if each["field"] == "@ptr"]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("fields @timestamp", [4, 3, 2, 1]),
        ("fields @timestamp | sort @timestamp asc", [1, 2, 3, 4]),
        ("fields @message | limit 2", [4, 3]),
        ('filter level = "ERROR"', [2]),
        ("filter level = 'ERROR'", [2]),
        ('filter level != "ERROR"', [4, 1]),
        ("filter @message like /ERR.R/", [3, 2]),
        ("filter @message =~ /ERR.R/", [3, 2]),
        ('filter @message like "ERROR"', [3, 2]),
        ('filter @message not like "ERROR"', [4, 1]),
        ('filter rollout = "r-1" or correlation_id = "r-1" | sort @timestamp asc', [1, 2]),
        ("filter seconds > 3", [4, 2]),
        ("filter seconds >= 3 and not (seconds = 10)", [4, 1]),
        ('filter level in ["INFO", "WARN"]', [4, 1]),
        ('filter level not in ["INFO"]', [4, 3, 2]),
        ("filter ispresent(rollout)", [4, 1]),
        ("filter not ispresent(rollout)", [3, 2]),
        ("filter ispresent(empty)", []),
        ('filter nested.list.0.a = "x"', [1]),
        ('filter @logStream = "t"', [4]),
        ('filter path like "|b"', [2]),
        ("filter path like /\\/a\\|b/", [2]),
        ("fields seconds | sort seconds desc", [4, 2, 1, 3]),
        ('# a comment | stats\nfields @message\n| filter level = "INFO"', [1]),
        ("filter `level` = 'INFO'", [1]),
    ],
)
def test_a_query_answers_the_entries_that_match_in_order(query: str, numbers: list[int]) -> None:
    assert answered(query) == numbers


def test_a_row_has_the_fields_that_were_asked_for_and_that_the_entry_has() -> None:
    (row,) = run_query(parse_query("fields @timestamp, level, seconds, missing | filter seconds = 10"), ENTRIES, "1")
    assert row == [
        {"field": "@timestamp", "value": "1970-01-01 00:00:02.000"},
        {"field": "level", "value": "ERROR"},
        {"field": "seconds", "value": "10"},
        {"field": "@ptr", "value": "2"},
    ]


def test_without_fields_a_row_has_time_and_message() -> None:
    (row,) = run_query(parse_query("limit 1"), ENTRIES, "1")
    assert [each["field"] for each in row] == ["@timestamp", "@message", "@ptr"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("stats count(*) by level", "command stats; it knows display, fields, filter, limit, sort"),
        ('fields @message | parse @message "a*" as b', "command parse"),
        ("fields @message | dedup level", "command dedup"),
        ("fields strlen(level) as n", "no functions"),
        ("fields seconds / 2", "no functions"),
        ("fields level as l", "aliases"),
        ("fields @duration", "does not discover the field @duration"),
        ("filter @type = 'REPORT'", "does not discover the field @type"),
        ("filter isIpv4InSubnet(a)", "function isIpv4InSubnet"),
        ("filter level", "ends too early"),
        ("filter level = seconds", "compare with a text in quotes or a number"),
        ("filter level like /[/", "no regular expression"),
        ("filter (level = 'a'", "too early|expected"),
        ("filter level = 'a' seconds = 3", "unexpected"),
        ("sort level, seconds", "sort by one field"),
        ("limit 20000", "from 1 to 10000"),
        ("limit all", "from 1 to 10000"),
    ],
)
def test_what_is_not_known_is_refused_by_name(query: str, said: str) -> None:
    with pytest.raises(QueryError, match=said):
        parse_query(query)
