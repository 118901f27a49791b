"""The operations on alarms."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from localaws.service_api import AwsError, Call, Operation, Params
from localaws.services.cloudwatch.alarms.alarm import State
from localaws.services.cloudwatch.alarms.alarm_settings import composite_alarm, metric_alarm
from localaws.services.cloudwatch.alarms.alarm_views import has_action, shown_alarm, shown_item
from localaws.services.cloudwatch.alarms.alarms import (
    INITIAL_REASON,
    Alarm,
    AlarmState,
    AlarmStore,
    CompositeAlarm,
    HistoryItem,
    MetricAlarm,
    StateChange,
)
from localaws.services.cloudwatch.alarms.evaluator import Evaluator
from localaws.services.cloudwatch.alarms.tags import AlarmTags
from localaws.services.cloudwatch.metrics.paging import epoch, page
from localaws.services.cloudwatch.metrics.query import validation_error

PAGE = 50


class AlarmOperations:
    """``clock`` gives epoch seconds; ``lock`` guards the store and the tags."""

    def __init__(
        self,
        *,
        alarm_store: AlarmStore,
        tags: AlarmTags,
        evaluator: Evaluator,
        lock: threading.RLock,
        clock: Callable[[], float],
    ) -> None:
        self._alarm_store = alarm_store
        self._tags = tags
        self._evaluator = evaluator
        self._lock = lock
        self._clock = clock

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "PutMetricAlarm": self.put_metric_alarm,
            "PutCompositeAlarm": self.put_composite_alarm,
            "DescribeAlarms": self.describe_alarms,
            "DeleteAlarms": self.delete_alarms,
            "SetAlarmState": self.set_alarm_state,
            "DescribeAlarmHistory": self.describe_alarm_history,
            "EnableAlarmActions": self.enable_alarm_actions,
            "DisableAlarmActions": self.disable_alarm_actions,
        }

    def put_metric_alarm(self, params: Params, call: Call) -> dict[str, Any]:
        """Create, or overwrite the whole configuration; an alarm that existed keeps its state."""
        with self._lock:
            standing, now = self._standing(params, MetricAlarm), self._clock()
            self._keep(metric_alarm(params, arn=_arn(params, call), standing=standing, now=now), params)
        return {}

    def put_composite_alarm(self, params: Params, call: Call) -> dict[str, Any]:
        """Like PutMetricAlarm; a composite alarm takes its state from its children at once."""
        with self._lock:
            standing, now = self._standing(params, CompositeAlarm), self._clock()
            alarm = composite_alarm(params, arn=_arn(params, call), standing=standing, now=now)
            self._keep(alarm, params)
            changes = list(self._evaluator.settle_composites(None))
        self._announce(changes)
        return {}

    def describe_alarms(self, params: Params, _call: Call) -> dict[str, Any]:
        """Metric alarms only, unless ``AlarmTypes`` asks for others."""
        names, prefix = params.get("AlarmNames") or [], params.get("AlarmNamePrefix")
        if names and prefix:
            raise validation_error("AlarmNames and AlarmNamePrefix must not be combined")
        for key in ("ChildrenOfAlarmName", "ParentsOfAlarmName"):
            if params.get(key):
                raise AwsError("NotImplemented", f"{key} is not supported by the local AWS", 501)
        types = params.get("AlarmTypes") or ["MetricAlarm"]

        def wanted(alarm: Alarm) -> bool:
            return (
                (not names or alarm.name in names)
                and alarm.name.startswith(prefix or "")
                and params.get("StateValue") in (None, alarm.standing.value.value)
                and type(alarm).__name__ in types
                and has_action(alarm, params.get("ActionPrefix"))
            )

        with self._lock:
            found = sorted(filter(wanted, self._alarm_store.alarms.values()), key=lambda alarm: alarm.name)
            alarms, more = page(found, params.get("NextToken"), params.get("MaxRecords") or PAGE)
            return {
                "MetricAlarms": [shown_alarm(alarm) for alarm in alarms if isinstance(alarm, MetricAlarm)],
                "CompositeAlarms": [shown_alarm(alarm) for alarm in alarms if isinstance(alarm, CompositeAlarm)],
                **more,
            }

    def delete_alarms(self, params: Params, _call: Call) -> dict[str, Any]:
        """All or none: one unknown name refuses the call."""
        with self._lock:
            alarms = [self._alarm_store.get(name) for name in params["AlarmNames"]]
            for alarm in alarms:
                self._alarm_store.alarms.pop(alarm.name, None)
                self._tags.forget(alarm.arn)
                self._log_configuration(alarm, "deleted")
        return {}

    def set_alarm_state(self, params: Params, _call: Call) -> dict[str, Any]:
        """Until the next evaluation finds otherwise."""
        data = params.get("StateReasonData")
        if data is not None:
            _check_json(data)
        with self._lock:
            alarm = self._alarm_store.get(params["AlarmName"])
            standing = AlarmState(State(params["StateValue"]), params["StateReason"], self._clock(), data)
            changes = list(self._evaluator.set_state(alarm, standing))
        self._announce(changes)
        return {}

    def describe_alarm_history(self, params: Params, _call: Call) -> dict[str, Any]:
        begin = epoch(params["StartDate"]) if params.get("StartDate") else 0.0
        end = epoch(params["EndDate"]) if params.get("EndDate") else float("inf")
        types = params.get("AlarmTypes") or ["MetricAlarm", "CompositeAlarm"]
        with self._lock:
            found = [
                item
                for item in self._alarm_store.history
                if params.get("AlarmName") in (None, item.alarm)
                and params.get("HistoryItemType") in (None, item.kind)
                and item.alarm_type in types
                and begin <= item.at <= end
            ]
        if params.get("ScanBy") != "TimestampAscending":
            found.reverse()
        items, more = page(found, params.get("NextToken"), params.get("MaxRecords") or 100)
        return {"AlarmHistoryItems": [shown_item(item) for item in items], **more}

    def enable_alarm_actions(self, params: Params, _call: Call) -> dict[str, Any]:
        return self._set_actions(params["AlarmNames"], enabled=True)

    def disable_alarm_actions(self, params: Params, _call: Call) -> dict[str, Any]:
        return self._set_actions(params["AlarmNames"], enabled=False)

    def _set_actions(self, names: Iterable[str], *, enabled: bool) -> dict[str, Any]:
        with self._lock:
            for alarm in [self._alarm_store.alarms[name] for name in names if name in self._alarm_store.alarms]:
                alarm.actions_enabled = enabled
        return {}

    def _standing(self, params: Params, kind: type[Alarm]) -> AlarmState:
        known = self._alarm_store.alarms.get(params.get("AlarmName") or "")
        if known is None:
            return AlarmState(State.INSUFFICIENT_DATA, INITIAL_REASON, self._clock())
        if not isinstance(known, kind):
            raise validation_error(f"An alarm of another type is already named {known.name}")
        return known.standing

    def _keep(self, alarm: MetricAlarm | CompositeAlarm, params: Params) -> None:
        existed = alarm.name in self._alarm_store.alarms
        self._alarm_store.alarms[alarm.name] = alarm
        if not existed:  # an update ignores tags
            self._tags.add(alarm.arn, params.get("Tags") or [])
        self._log_configuration(alarm, "updated" if existed else "created")

    def _log_configuration(self, alarm: Alarm, what: str) -> None:
        self._alarm_store.history.append(
            HistoryItem(
                alarm=alarm.name,
                alarm_type=type(alarm).__name__,
                kind="ConfigurationUpdate",
                summary=f'Alarm "{alarm.name}" {what}',
                data=json.dumps({"version": "1.0", "type": what.removesuffix("d").capitalize()}),
                at=self._clock(),
            )
        )

    def _announce(self, changes: Iterable[StateChange]) -> None:
        for change in changes:
            self._evaluator.announce(change)


def _arn(params: Params, call: Call) -> str:
    return f"arn:aws:cloudwatch:{call.region}:{call.account}:alarm:{params.get('AlarmName')}"


def _check_json(text: str) -> None:
    try:
        json.loads(text)
    except ValueError as error:
        raise AwsError("InvalidFormat", "StateReasonData is not valid JSON") from error
