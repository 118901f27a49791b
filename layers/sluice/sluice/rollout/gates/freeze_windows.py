"""Freeze windows: whether a rollout may advance now, and when it may again. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from sluice.spec.windows import DAYS, ReleaseWindow, ReleaseWindows

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_DAYS_AHEAD = 8  # a window that has just closed opens again within a week


def is_open(windows: ReleaseWindows, now: datetime) -> bool:
    """Whether ``now`` lies in a window; the moment in which one opens does, the one in which it closes does not."""
    return any(start <= now < end for start, end in _spans(windows, now))


def opens_at(windows: ReleaseWindows, now: datetime) -> datetime | None:
    """When the next window opens after ``now``, in UTC; None if none does within eight days."""
    return min((start for start, _ in _spans(windows, now) if start > now), default=None)


def zone(name: str) -> ZoneInfo:
    """The time zone of that name.

    Raises:
        LookupError: there is none.
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # only for models that have windows

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError) as error:  # a folder's name, or a path out of the database
        raise LookupError(f"there is no time zone {name!r}") from error


def _spans(windows: ReleaseWindows, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Every window that begins from yesterday on, as moments in UTC; hours that a clock skips are left out."""
    where = zone(windows.timezone)
    today = now.astimezone(where).date()
    for offset in range(-1, _DAYS_AHEAD):
        day = today + timedelta(days=offset)
        for window in windows.open:
            if DAYS[day.weekday()] in window.days:
                start = _moment(day, window.from_, where)
                end = _moment(day + timedelta(days=_ends_tomorrow(window)), window.to, where)
                if start < end:
                    yield start, end


def _ends_tomorrow(window: ReleaseWindow) -> bool:
    return window.to <= window.from_  # HH:MM compares as text


def _moment(day: date, at: str, where: ZoneInfo) -> datetime:
    """The time on that day's clock in ``where``; where the clock shows it twice, the first."""
    if at == "24:00":
        return _moment(day + timedelta(days=1), "00:00", where)
    return datetime.combine(day, time.fromisoformat(at), tzinfo=where).astimezone(UTC)
