"""When scheduled rules fire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from localaws.services.events.rules import Rule
from localaws.services.events.schedule import ScheduleError, parse_schedule
from localaws.services.events.scheduled import fallen_due

WRITTEN = datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fires(expression: str, after: str) -> datetime | None:
    return parse_schedule(expression).next_after(at(after), WRITTEN)


def test_a_rate_counts_from_when_the_rule_was_written() -> None:
    assert fires("rate(5 minutes)", "2026-01-01T00:00:30") == WRITTEN + timedelta(minutes=5)
    assert fires("rate(5 minutes)", "2026-01-01T00:05:29") == WRITTEN + timedelta(minutes=5)
    assert fires("rate(5 minutes)", "2026-01-01T00:05:30") == WRITTEN + timedelta(minutes=10)
    assert fires("rate(1 day)", "2026-01-03T12:00:00") == at("2026-01-04T00:00:30")


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("cron(0 10 * * ? *)", "2026-03-04T09:59:59", "2026-03-04T10:00:00"),
        ("cron(0 10 * * ? *)", "2026-03-04T10:00:00", "2026-03-05T10:00:00"),
        ("cron(15/20 * * * ? *)", "2026-03-04T10:36:00", "2026-03-04T10:55:00"),
        ("cron(0 18 ? * MON-FRI *)", "2026-03-06T19:00:00", "2026-03-09T18:00:00"),
        ("cron(0 8 1 * ? *)", "2026-12-01T08:00:00", "2027-01-01T08:00:00"),
        ("cron(0 0 L * ? *)", "2028-02-01T00:00:00", "2028-02-29T00:00:00"),
        ("cron(0 0 1W * ? *)", "2026-07-31T12:00:00", "2026-08-03T00:00:00"),
        ("cron(0 0 31W * ? *)", "2026-05-01T00:00:00", "2026-05-29T00:00:00"),
        ("cron(0 0 ? * 6L *)", "2026-03-01T00:00:00", "2026-03-27T00:00:00"),
        ("cron(0 0 ? * MON#2 *)", "2026-03-01T00:00:00", "2026-03-09T00:00:00"),
        ("cron(0 0 29 FEB ? *)", "2026-03-01T00:00:00", "2028-02-29T00:00:00"),
        ("cron(0 9,17 ? * * 2027)", "2026-03-01T00:00:00", "2027-01-01T09:00:00"),
    ],
)
def test_cron(expression: str, after: str, expected: str) -> None:
    assert fires(expression, after) == at(expected)


def test_a_cron_of_past_years_never_fires() -> None:
    assert fires("cron(0 0 * * ? 2020)", "2026-03-01T00:00:00") is None


@pytest.mark.parametrize(
    "expression",
    [
        "rate(1 minutes)",
        "rate(5 minute)",
        "rate(0 minutes)",
        "rate(5 seconds)",
        "cron(* * * * * *)",
        "cron(0 10 ? * ? *)",
        "cron(0 10 * * ?)",
        "cron(60 10 * * ? *)",
        "cron(0 10 32 * ? *)",
        "cron(0 10 ? * FUN *)",
        "cron(0 10 * 5-2 ? *)",
        "every 5 minutes",
    ],
)
def test_what_eventbridge_refuses_is_refused(expression: str) -> None:
    with pytest.raises(ScheduleError):
        parse_schedule(expression)


def due(after: str, until: str, *, enabled: bool = True) -> list[datetime]:
    every_minute = parse_schedule("rate(1 minute)")
    rules = [
        Rule(name="a", arn="a", written_at=WRITTEN, schedule=every_minute, enabled=enabled),
        Rule(name="b", arn="b", written_at=WRITTEN, pattern={"source": ["x"]}),
    ]
    return [moment for _, moment in fallen_due(rules, after=at(after), until=at(until))]


def test_each_tick_fires_what_fell_due_since_the_last() -> None:
    assert due("2026-01-01T00:01:29", "2026-01-01T00:01:30") == [at("2026-01-01T00:01:30")]
    assert due("2026-01-01T00:01:30", "2026-01-01T00:02:29") == []
    assert due("2026-01-01T00:00:00", "2026-01-01T00:01:00") == []


def test_missed_ticks_fire_once() -> None:
    assert due("2026-01-01T00:00:30", "2026-01-01T00:09:00") == [at("2026-01-01T00:01:30")]


def test_a_disabled_rule_does_not_fire() -> None:
    assert due("2026-01-01T00:01:29", "2026-01-01T00:01:30", enabled=False) == []
