"""The API of EventBridge Scheduler, and the loop that fires due schedules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from localaws.context import Context
from localaws.service_api import AwsError, Call, Operation, Params, Result, invalid
from localaws.services.scheduler.firing import TargetSender
from localaws.services.scheduler.schedules import DEFAULT_GROUP, Schedule, ScheduleStore

_TARGETS = ("lambda", "sqs")
_TICK_SECONDS = 0.5


class Scheduler:
    """``now`` is the clock that schedules go by, the context's own unless a test has another."""

    name = "scheduler"

    def __init__(self, context: Context, *, now: Callable[[], datetime] | None = None, time_scale: float = 1.0) -> None:
        self._context = context
        self._now = now or context.now
        self._sender = TargetSender(context, time_scale=time_scale)
        started_at = self._now()
        self._store = ScheduleStore({DEFAULT_GROUP: self._about_group(DEFAULT_GROUP, started_at)})

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreateSchedule": self.create,
            "UpdateSchedule": self.update,
            "GetSchedule": self.get,
            "DeleteSchedule": self.delete,
            "ListSchedules": self.list_schedules,
            "CreateScheduleGroup": self.create_group,
            "GetScheduleGroup": self.get_group,
            "DeleteScheduleGroup": self.delete_group,
            "ListScheduleGroups": self.list_groups,
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "ListTagsForResource": self.list_tags,
        }

    def start(self) -> None:
        self._sender.start()
        self._context.background("scheduler-clock", self._watch)

    def stop(self) -> None:
        self._sender.stop()

    def create(self, params: Params, call: Call) -> Result:
        schedule = self._checked(params, call)
        self._store.add(schedule)
        return {"ScheduleArn": schedule.arn}

    def update(self, params: Params, call: Call) -> Result:
        return {"ScheduleArn": self._store.change(self._checked(params, call)).arn}

    def get(self, params: Params, _call: Call) -> Result:
        return self._store.get(params.get("GroupName", DEFAULT_GROUP), params["Name"]).described()

    def delete(self, params: Params, _call: Call) -> Result:
        self._store.remove(params.get("GroupName", DEFAULT_GROUP), params["Name"])
        return {}

    def list_schedules(self, params: Params, _call: Call) -> Result:
        found = [
            each.summary()
            for each in self._store.all()
            if params.get("GroupName") in (None, each.group)
            and each.name.startswith(params.get("NamePrefix", ""))
            and params.get("State") in (None, each.settings["State"])
        ]
        return {"Schedules": found}

    def create_group(self, params: Params, _call: Call) -> Result:
        about = self._about_group(params["Name"], self._now())
        self._store.add_group(params["Name"], about)
        self._store.retag(params["Name"], _tags(params))
        return {"ScheduleGroupArn": about["Arn"]}

    def get_group(self, params: Params, _call: Call) -> Result:
        return self._store.group(params["Name"])

    def delete_group(self, params: Params, _call: Call) -> Result:
        if params["Name"] == DEFAULT_GROUP:
            raise invalid("The default schedule group cannot be deleted.")
        self._store.remove_group(params["Name"])
        return {}

    def list_groups(self, _params: Params, _call: Call) -> Result:
        return {"ScheduleGroups": list(self._store.groups.values())}

    def tag(self, params: Params, _call: Call) -> Result:
        self._store.retag(_group_of(params), _tags(params))
        return {}

    def untag(self, params: Params, _call: Call) -> Result:
        self._store.retag(_group_of(params), {}, params["TagKeys"])
        return {}

    def list_tags(self, params: Params, _call: Call) -> Result:
        tags = self._store.tags_of(_group_of(params))
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _watch(self) -> None:
        checked_at = self._now()
        while not self._context.stopping.wait(_TICK_SECONDS):
            now = self._now()
            for schedule in self._store.all():
                due = schedule.due(checked_at, now)
                if due is not None:
                    self._sender.fire(schedule, due)
                    self._complete(schedule)
            checked_at = now

    def _complete(self, schedule: Schedule) -> None:
        if schedule.when.is_once and schedule.settings["ActionAfterCompletion"] == "DELETE":
            self._store.remove(*schedule.key)

    def _checked(self, params: Params, call: Call) -> Schedule:
        if params["FlexibleTimeWindow"]["Mode"] != "OFF":
            raise AwsError("NotImplemented", "flexible time windows are not supported by the local AWS", 501)
        target = params["Target"]
        if target["Arn"].split(":")[2] not in _TARGETS:
            raise AwsError("NotImplemented", f"target {target['Arn']} is not supported by the local AWS", 501)
        group = params.get("GroupName", DEFAULT_GROUP)
        arn = f"arn:aws:scheduler:{call.region}:{call.account}:schedule/{group}/{params['Name']}"
        return Schedule.make(params, arn, self._now())

    def _about_group(self, name: str, now: datetime) -> dict[str, Any]:
        arn = f"arn:aws:scheduler:{self._context.region}:{self._context.account}:schedule-group/{name}"
        return {"Arn": arn, "Name": name, "State": "ACTIVE", "CreationDate": now, "LastModificationDate": now}


def _group_of(params: Params) -> str:
    """The group of an operation that takes its ARN."""
    return str(params["ResourceArn"]).rsplit("/", 1)[-1]


def _tags(params: Params) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in params.get("Tags", [])}
