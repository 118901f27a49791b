"""When freeze windows are open: days, midnight, and clocks that change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.rollout.gates.freeze_windows import is_open, opens_at, zone
from sluice.spec.windows import DAYS, ReleaseWindow, ReleaseWindows

WORKDAYS = ("mon", "tue", "wed", "thu", "fri")
OFFICE = ReleaseWindows(timezone="Europe/Berlin", open=(ReleaseWindow(days=WORKDAYS, from_="09:00", to="17:00"),))
NIGHTS = ReleaseWindows(timezone="Europe/Berlin", open=(ReleaseWindow(days=("fri",), from_="22:00", to="04:00"),))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("windows", "now", "expected"),
    [
        pytest.param(OFFICE, "2026-03-04T08:00", True, id="it opens at nine in winter"),
        pytest.param(OFFICE, "2026-03-04T07:59", False, id="a minute before"),
        pytest.param(OFFICE, "2026-03-04T16:00", False, id="it closes at five"),
        pytest.param(OFFICE, "2026-07-01T07:00", True, id="nine is an hour earlier in summer"),
        pytest.param(OFFICE, "2026-03-07T10:00", False, id="Saturday"),
        pytest.param(NIGHTS, "2026-03-06T21:00", True, id="Friday evening"),
        pytest.param(NIGHTS, "2026-03-07T02:59", True, id="which ends on Saturday"),
        pytest.param(NIGHTS, "2026-03-07T03:00", False, id="at four"),
        pytest.param(NIGHTS, "2026-03-07T21:30", False, id="Saturday evening is none of its days"),
        pytest.param(ReleaseWindows(open=(ReleaseWindow(),)), "2026-03-04T00:00", True, id="whole days"),
        pytest.param(ReleaseWindows(open=(ReleaseWindow(),)), "2026-03-04T23:59:59", True, id="to their last second"),
    ],
)
def test_open_or_not(windows: ReleaseWindows, now: str, expected: bool) -> None:
    assert is_open(windows, at(now)) is expected


@pytest.mark.parametrize(
    ("windows", "now", "expected"),
    [
        pytest.param(OFFICE, "2026-03-06T16:00", "2026-03-09T08:00", id="over the weekend"),
        pytest.param(OFFICE, "2026-03-27T20:00", "2026-03-30T07:00", id="over the change to summer time"),
        pytest.param(NIGHTS, "2026-03-07T03:00", "2026-03-13T21:00", id="a week later"),
    ],
)
def test_when_it_opens_again(windows: ReleaseWindows, now: str, expected: str) -> None:
    assert opens_at(windows, at(now)) == at(expected)


def test_hours_that_the_clock_skips_open_when_it_has_jumped() -> None:
    skipped = ReleaseWindows(timezone="Europe/Berlin", open=(ReleaseWindow(days=("sun",), from_="02:30", to="03:30"),))
    spring = at("2026-03-29T01:00")  # 02:00 becomes 03:00
    assert not is_open(skipped, spring + timedelta(minutes=29))
    assert opens_at(skipped, spring) == at("2026-04-05T00:30"), "02:30 to 03:30 has no length on that day"


def test_hours_that_the_clock_repeats_close_when_they_first_end() -> None:
    repeated = ReleaseWindows(timezone="Europe/Berlin", open=(ReleaseWindow(days=("sun",), from_="01:00", to="02:30"),))
    assert is_open(repeated, at("2026-10-25T00:29"))  # 02:29 in summer time
    assert not is_open(repeated, at("2026-10-25T01:15")), "02:15 once more, in winter time"


@given(
    now=st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2027, 1, 1)),  # noqa: DTZ001 - UTC comes below
    days=st.lists(st.sampled_from(DAYS), min_size=1, unique=True),
    hours=st.lists(st.integers(0, 23), min_size=2, max_size=2, unique=True),
    timezone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia"]),
)
def test_a_closed_window_opens_exactly_when_it_is_said(
    now: datetime, days: list[str], hours: list[int], timezone: str
) -> None:
    opens, closes = (f"{hour:02}:15" for hour in hours)
    windows = ReleaseWindows(timezone=timezone, open=(ReleaseWindow(days=tuple(days), from_=opens, to=closes),))
    moment = now.replace(tzinfo=UTC)
    if is_open(windows, moment):
        return
    until = opens_at(windows, moment)
    assert until is not None
    assert is_open(windows, until)
    assert not is_open(windows, until - timedelta(seconds=1))


@pytest.mark.parametrize("name", ["Mars/Olympus", "Europe", "../../etc/passwd", ""])
def test_what_is_no_time_zone(name: str) -> None:
    with pytest.raises(LookupError):
        zone(name)
