"""Stores schedules and their groups."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from localaws.service_api import AwsError
from localaws.services.scheduler.when import When

DEFAULT_GROUP = "default"
_SETTINGS = (
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "EndDate",
    "Description",
    "State",
    "KmsKeyArn",
    "Target",
    "FlexibleTimeWindow",
    "ActionAfterCompletion",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One schedule; what was not given has the service's default."""

    arn: str
    group: str
    name: str
    when: When
    settings: Mapping[str, Any]
    created_at: datetime
    modified_at: datetime

    @classmethod
    def make(cls, params: Mapping[str, Any], arn: str, now: datetime) -> Schedule:
        timezone = params.get("ScheduleExpressionTimezone", "UTC")
        given = {name: params[name] for name in _SETTINGS if params.get(name) is not None}
        return cls(
            arn=arn,
            group=params.get("GroupName", DEFAULT_GROUP),
            name=params["Name"],
            when=When.parse(params["ScheduleExpression"], timezone),
            settings={"State": "ENABLED", "ScheduleExpressionTimezone": timezone, "ActionAfterCompletion": "NONE"}
            | given,
            created_at=now,
            modified_at=now,
        )

    @property
    def key(self) -> tuple[str, str]:
        return self.group, self.name

    def due(self, after: datetime, until: datetime) -> datetime | None:
        """When it fires later than ``after`` and by ``until``; None if it does not."""
        if self.settings["State"] != "ENABLED":
            return None
        start = self.settings.get("StartDate") or self.modified_at
        due = self.when.next_after(max(after, start), start)
        end = self.settings.get("EndDate")
        return due if due is not None and due <= until and (end is None or due <= end) else None

    def described(self) -> dict[str, Any]:
        return {
            "Arn": self.arn,
            "GroupName": self.group,
            "Name": self.name,
            "CreationDate": self.created_at,
            "LastModificationDate": self.modified_at,
            **self.settings,
        }

    def summary(self) -> dict[str, Any]:
        described = self.described()
        kept = ("Arn", "GroupName", "Name", "State", "CreationDate", "LastModificationDate")
        return {name: described[name] for name in kept} | {"Target": {"Arn": self.settings["Target"]["Arn"]}}


@dataclass(slots=True)
class ScheduleStore:
    """All groups and schedules of the account. Raises what the service answers."""

    groups: dict[str, dict[str, Any]]
    _tags: dict[str, dict[str, str]] = field(default_factory=dict)  # by group; schedules themselves have none
    _schedules: dict[tuple[str, str], Schedule] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add_group(self, name: str, about: dict[str, Any]) -> None:
        with self._lock:
            if name in self.groups:
                raise AwsError("ConflictException", f"Schedule group {name} already exists.", 409)
            self.groups[name] = about

    def retag(self, name: str, tags: Mapping[str, str], gone: Sequence[str] = ()) -> None:
        """Add ``tags`` to a group, and take the keys ``gone`` off it."""
        with self._lock:
            self._group(name)
            both = {**self._tags.get(name, {}), **tags}
            self._tags[name] = {key: value for key, value in both.items() if key not in gone}

    def tags_of(self, name: str) -> Mapping[str, str]:
        with self._lock:
            self._group(name)
            return self._tags.get(name, {})

    def remove_group(self, name: str) -> None:
        """With all its schedules, as AWS does."""
        with self._lock:
            self._group(name)
            del self.groups[name]
            self._tags.pop(name, None)
            self._schedules = {key: each for key, each in self._schedules.items() if each.group != name}

    def group(self, name: str) -> dict[str, Any]:
        with self._lock:
            return self._group(name)

    def add(self, schedule: Schedule) -> None:
        with self._lock:
            self._group(schedule.group)
            if schedule.key in self._schedules:
                raise AwsError("ConflictException", f"Schedule {schedule.name} already exists.", 409)
            self._schedules[schedule.key] = schedule

    def change(self, schedule: Schedule) -> Schedule:
        """Replace all settings: what an update does not name returns to its default."""
        with self._lock:
            changed = replace(schedule, created_at=self._found(schedule.key).created_at)
            self._schedules[schedule.key] = changed
            return changed

    def get(self, group: str, name: str) -> Schedule:
        with self._lock:
            return self._found((group, name))

    def remove(self, group: str, name: str) -> None:
        with self._lock:
            del self._schedules[self._found((group, name)).key]

    def all(self) -> Iterator[Schedule]:
        with self._lock:
            return iter(sorted(self._schedules.values(), key=lambda each: each.key))

    def _group(self, name: str) -> dict[str, Any]:
        if name not in self.groups:
            raise AwsError("ResourceNotFoundException", f"Schedule group {name} does not exist.", 404)
        return self.groups[name]

    def _found(self, key: tuple[str, str]) -> Schedule:
        if key not in self._schedules:
            raise AwsError("ResourceNotFoundException", f"Schedule {key[1]} does not exist.", 404)
        return self._schedules[key]
