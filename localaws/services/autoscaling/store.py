"""All that Application Auto Scaling keeps: targets, policies, scheduled actions, activities."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from localaws.service_api import AwsError
from localaws.services.autoscaling.decision import Scaling
from localaws.services.autoscaling.policy import ScalingPolicy
from localaws.services.autoscaling.scheduled import ScheduledAction
from localaws.services.autoscaling.target import Key, ScalableTarget

ACTIVITIES_MAX = 1000


@dataclass(slots=True, kw_only=True)
class Activity:
    """One change of a capacity, from its beginning to its end."""

    key: Key
    capacity: int
    cause: str
    started: datetime
    identity: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "InProgress"
    message: str = ""
    ended: datetime | None = None

    def end(self, status: str, message: str, at: datetime) -> None:
        """It is over: Successful, Overridden or Failed."""
        self.status, self.message, self.ended = status, message, at

    def shown(self) -> dict[str, Any]:
        """One entry of DescribeScalingActivities."""
        shown: dict[str, Any] = {
            **self.key.shown(),
            "ActivityId": self.identity,
            "Description": f"Setting {self.what} to {self.capacity}.",
            "Cause": self.cause,
            "StartTime": self.started,
            "StatusCode": self.status,
        }
        return shown | ({"StatusMessage": self.message, "EndTime": self.ended} if self.ended else {})

    @property
    def what(self) -> str:
        """``desired instance count``, ``desired provisioned concurrency``."""
        name = self.key.dimension.rpartition(":Desired")[2]
        return "desired instance count" if name == "InstanceCount" else "desired provisioned concurrency"


@dataclass(slots=True)
class ScalingStore:
    """Does not lock: its owner does."""

    targets: dict[Key, ScalableTarget] = field(default_factory=dict)
    policies: dict[tuple[Key, str], ScalingPolicy] = field(default_factory=dict)
    actions: dict[tuple[Key, str], ScheduledAction] = field(default_factory=dict)
    activities: list[Activity] = field(default_factory=list)
    last: dict[Key, Scaling] = field(default_factory=dict)

    def target(self, key: Key) -> ScalableTarget:
        """Raises ObjectNotFoundException."""
        found = self.targets.get(key)
        if found is None:
            raise missing(f"No scalable target registered for {key.resource_id} and {key.dimension}")
        return found

    def policies_of(self, key: Key) -> list[ScalingPolicy]:
        return [policy for policy in self.policies.values() if policy.key == key]

    def begin(self, activity: Activity) -> None:
        """Note a change; one still under way on the same target is overridden by it."""
        for earlier in self.under_way(activity.key):
            earlier.end("Overridden", "A newer scaling took its place.", activity.started)
        self.activities.append(activity)
        del self.activities[:-ACTIVITIES_MAX]

    def under_way(self, key: Key) -> list[Activity]:
        return [activity for activity in self.activities if activity.key == key and activity.ended is None]

    def forget(self, key: Key) -> list[str]:
        """Drop a target with its policies and actions; the names of the alarms that the policies owned."""
        owned = [alarm for policy in self.policies_of(key) for alarm in policy.alarms]
        self.targets.pop(key, None)
        self.last.pop(key, None)
        self.policies = {place: policy for place, policy in self.policies.items() if place[0] != key}
        self.actions = {place: action for place, action in self.actions.items() if place[0] != key}
        return owned


def missing(message: str) -> AwsError:
    return AwsError("ObjectNotFoundException", message)
