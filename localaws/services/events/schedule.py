"""When a scheduled rule fires next: ``rate(…)`` and ``cron(…)`` expressions, in UTC."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

_RATE = re.compile(r"rate\((?P<value>[1-9]\d*) (?P<unit>minute|hour|day)(?P<plural>s?)\)")
_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
_SEARCH_DAYS = 366 * 8


class ScheduleError(ValueError):
    """The expression would be refused: "Parameter ScheduleExpression is not valid."."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Every ``period``, counted from when the rule was written."""

    period: timedelta

    def next_after(self, moment: datetime, written_at: datetime) -> datetime | None:
        return written_at + ((moment - written_at) // self.period + 1) * self.period


@dataclass(frozen=True, slots=True)
class Cron:
    """At the minutes, hours and days named; one of the two day fields is ``?``."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days_of_month: str
    months: frozenset[int]
    days_of_week: str
    years: frozenset[int]

    def next_after(self, moment: datetime, written_at: datetime) -> datetime | None:
        """The first whole minute after ``moment``; None if there is none in the next years."""
        del written_at  # only a rate is counted from it
        start = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        for offset in range(_SEARCH_DAYS):
            day = start.date() + timedelta(days=offset)
            if not self._has_day(day):
                continue
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    found = start.replace(year=day.year, month=day.month, day=day.day, hour=hour, minute=minute)
                    if found >= start:
                        return found
        return None

    def _has_day(self, day: date) -> bool:
        if day.year not in self.years or day.month not in self.months:
            return False
        if self.days_of_month != "?":
            return _is_day_of_month(self.days_of_month, day)
        return _is_day_of_week(self.days_of_week, day)


def parse_schedule(expression: str) -> Rate | Cron:
    """The schedule in a rule's ScheduleExpression; ScheduleError if EventBridge would refuse it."""
    rate = _RATE.fullmatch(expression)
    if rate:
        if (rate["value"] == "1") == bool(rate["plural"]):
            raise ScheduleError(f"{expression}: 1 takes a singular unit, other values a plural one")
        return Rate(int(rate["value"]) * _UNITS[rate["unit"]])
    fields = expression.removeprefix("cron(").removesuffix(")").split()
    if not (expression.startswith("cron(") and expression.endswith(")")) or len(fields) != 6:
        raise ScheduleError(f"{expression} is neither rate(value unit) nor cron() of six fields")
    minutes, hours, days_of_month, months, days_of_week, years = (field.upper() for field in fields)
    if (days_of_month == "?") == (days_of_week == "?"):
        raise ScheduleError(f"{expression}: exactly one of day-of-month and day-of-week must be ?")
    _check_days(days_of_month, days_of_week)
    return Cron(
        minutes=_numbers(minutes, 0, 59),
        hours=_numbers(hours, 0, 23),
        days_of_month=days_of_month,
        months=_numbers(months, 1, 12, _MONTHS),
        days_of_week=days_of_week,
        years=_numbers(years, 1970, 2199),
    )


def _check_days(days_of_month: str, days_of_week: str) -> None:
    probe = date(2024, 1, 1)
    if days_of_month != "?":
        _is_day_of_month(days_of_month, probe)
    else:
        _is_day_of_week(days_of_week, probe)


def _is_day_of_month(field: str, day: date) -> bool:
    last = calendar.monthrange(day.year, day.month)[1]
    if field == "L":
        return day.day == last
    nearest = re.fullmatch(r"(\d{1,2})W", field)
    if nearest:
        return day.day == _nearest_weekday(day.replace(day=min(int(nearest[1]), last))).day
    return day.day in _numbers(field, 1, 31)


def _nearest_weekday(day: date) -> date:
    saturday, sunday = 5, 6
    # A working day in another month does not count: the 1st moves forward, the last day back.
    candidates = {saturday: (-1, 2), sunday: (1, -2)}.get(day.weekday(), (0,))
    moved = [day + timedelta(days=shift) for shift in candidates]
    return next(candidate for candidate in moved if candidate.month == day.month)


def _is_day_of_week(field: str, day: date) -> bool:
    number = day.isoweekday() % 7 + 1
    last = re.fullmatch(r"([1-7]|[A-Z]{3})L", field)
    if last:
        return number in _numbers(last[1], 1, 7, _WEEKDAYS) and (day + timedelta(days=7)).month != day.month
    nth = re.fullmatch(r"([1-7]|[A-Z]{3})#([1-5])", field)
    if nth:
        return number in _numbers(nth[1], 1, 7, _WEEKDAYS) and (day.day - 1) // 7 + 1 == int(nth[2])
    return number in _numbers(field, 1, 7, _WEEKDAYS)


def _numbers(field: str, low: int, high: int, names: dict[str, int] | None = None) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start = low if first == "*" else _number(first, names)
        end = _number(last, names) if last else (high if first == "*" or step else start)
        stride = _number(step, None) if step else 1
        if not low <= start <= end <= high or stride < 1:
            raise ScheduleError(f"{part} is not within {low}-{high}")
        found.update(range(start, end + 1, stride))
    return frozenset(found)


def _number(text: str, names: dict[str, int] | None) -> int:
    if names and text in names:
        return names[text]
    if not text.isdecimal():
        raise ScheduleError(f"{text!r} is not a number")
    return int(text)
