"""When schedules of EventBridge Scheduler fire: in their time zone, across daylight saving, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from localaws.service_api import AwsError
from localaws.services.scheduler.schedules import Schedule
from localaws.services.scheduler.when import When

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "zone", "after", "due"),
    [
        ("rate(5 minutes)", "UTC", NOON, NOON + timedelta(minutes=5)),
        ("cron(0 2 * * ? *)", "UTC", NOON, datetime(2026, 3, 5, 2, tzinfo=UTC)),
        ("cron(0 2 * * ? *)", "Europe/Berlin", NOON, datetime(2026, 3, 5, 1, tzinfo=UTC)),
        ("cron(0 2 * * ? *)", "Europe/Berlin", datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 7, 2, tzinfo=UTC)),
        ("cron(30 23 ? * MON-FRI *)", "Asia/Tokyo", NOON, datetime(2026, 3, 4, 14, 30, tzinfo=UTC)),
        ("at(2026-03-04T14:00:00)", "Europe/Berlin", NOON, datetime(2026, 3, 4, 13, tzinfo=UTC)),
        ("at(2026-03-04T13:00:00)", "Europe/Berlin", NOON, None),
    ],
)
def test_the_next_time(expression: str, zone: str, after: datetime, due: datetime | None) -> None:
    assert When.parse(expression, zone).next_after(after, NOON) == due


@pytest.mark.parametrize(
    ("expression", "zone"), [("rate(1 minutes)", "UTC"), ("cron(0 2 * * * *)", "UTC"), ("rate(1 day)", "Mars/Base")]
)
def test_what_aws_would_refuse(expression: str, zone: str) -> None:
    with pytest.raises(AwsError, match="Invalid"):
        When.parse(expression, zone)


def schedule(**more: object) -> Schedule:
    params = {"Name": "s", "ScheduleExpression": "rate(1 hour)", "Target": {"Arn": "arn"}, **more}
    return Schedule.make(params, "arn:schedule", NOON)


def test_a_schedule_fires_while_it_is_enabled_and_within_its_dates() -> None:
    first, later = NOON + timedelta(hours=1), NOON + timedelta(hours=5)
    assert schedule().due(NOON, later) == first
    assert schedule().due(NOON, first - timedelta(seconds=1)) is None
    assert schedule(State="DISABLED").due(NOON, later) is None
    assert schedule(EndDate=NOON + timedelta(minutes=59)).due(NOON, later) is None
    begun = NOON + timedelta(hours=2)
    assert schedule(StartDate=begun).due(NOON, later) == begun + timedelta(hours=1)
