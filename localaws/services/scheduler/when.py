"""When a schedule fires next: ``rate(…)``, ``cron(…)`` in a time zone, ``at(…)``. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from localaws.service_api import invalid
from localaws.services.events.schedule import Cron, Rate, ScheduleError, parse_schedule

_AT = re.compile(r"at\((\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})\)")


@dataclass(frozen=True, slots=True)
class Once:
    """At one moment of the schedule's time zone."""

    moment: datetime  # naive


@dataclass(frozen=True, slots=True)
class When:
    """An expression in its time zone."""

    rule: Rate | Cron | Once
    zone: ZoneInfo

    @classmethod
    def parse(cls, expression: str, timezone: str) -> When:
        """Raises what the service would answer to an expression or a time zone it does not know."""
        try:
            zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise invalid(f"Invalid ScheduleExpressionTimezone {timezone}.") from error
        once = _AT.fullmatch(expression)
        try:
            return cls(Once(datetime.fromisoformat(once[1])) if once else parse_schedule(expression), zone)
        except (ScheduleError, ValueError) as error:
            raise invalid(f"Invalid Schedule Expression {expression}.") from error

    @property
    def is_once(self) -> bool:
        return isinstance(self.rule, Once)

    def next_after(self, moment: datetime, counted_from: datetime) -> datetime | None:
        """The first time later than ``moment``, in UTC; rates are counted from ``counted_from``."""
        match self.rule:
            case Once(at):
                due = at.replace(tzinfo=self.zone).astimezone(UTC)
                return due if due > moment else None
            case Rate():
                return self.rule.next_after(moment, counted_from)
            case Cron():
                found = self.rule.next_after(moment.astimezone(self.zone), counted_from)
                return found.astimezone(UTC) if found else None
