"""Scheduled actions: bounds that change at a time. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from localaws.service_api import invalid
from localaws.services.autoscaling.target import Key
from localaws.services.events.schedule import ScheduleError, parse_schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledAction:
    """One action. ``due`` is its next time, None when there is none any more."""

    key: Key
    name: str
    arn: str
    created: datetime
    request: Mapping[str, Any]
    due: datetime | None

    @property
    def bounds(self) -> tuple[int | None, int | None]:
        """The new minimum and maximum, None for what stays."""
        action = self.request.get("ScalableTargetAction") or {}
        return action.get("MinCapacity"), action.get("MaxCapacity")

    def shown(self) -> dict[str, Any]:
        """One entry of DescribeScheduledActions."""
        fields = ("Schedule", "Timezone", "StartTime", "EndTime", "ScalableTargetAction")
        given = {field: self.request[field] for field in fields if self.request.get(field) is not None}
        return {
            **self.key.shown(),
            "ScheduledActionName": self.name,
            "ScheduledActionARN": self.arn,
            "CreationTime": self.created,
            **given,
        }


def next_time(request: Mapping[str, Any], *, after: datetime, created: datetime) -> datetime | None:
    """When an action falls due next; raises ValidationException for a schedule that cannot be read."""
    try:
        zone = ZoneInfo(request.get("Timezone") or "UTC")
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise invalid(f"Invalid time zone: {request.get('Timezone')}") from error
    begin = request.get("StartTime")
    moment = max(after, begin.astimezone(UTC)) if begin else after
    found = _occurrence(str(request["Schedule"]), moment, created, zone)
    end = request.get("EndTime")
    return None if found is None or (end and found > end) else found


def _occurrence(schedule: str, moment: datetime, created: datetime, zone: ZoneInfo) -> datetime | None:
    if schedule.startswith("at(") and schedule.endswith(")"):
        try:
            once = datetime.strptime(schedule[3:-1], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=zone)
        except ValueError as error:
            raise invalid(f"Invalid schedule expression: {schedule}") from error
        return once.astimezone(UTC) if once > moment else None
    try:
        found = parse_schedule(schedule).next_after(moment.astimezone(zone), created.astimezone(zone))
    except ScheduleError as error:
        raise invalid(f"Invalid schedule expression: {schedule}") from error
    return found.astimezone(UTC) if found else None
