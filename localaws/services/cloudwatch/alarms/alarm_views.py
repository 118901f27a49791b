"""Alarms and their history as the Describe operations show them."""

from __future__ import annotations

from typing import Any

from localaws.services.cloudwatch.alarms.alarms import Alarm, HistoryItem, MetricAlarm
from localaws.services.cloudwatch.metrics.paging import moment


def has_action(alarm: Alarm, prefix: str | None) -> bool:
    """Whether any action of any state begins so; true without a prefix."""
    lists = (alarm.settings[key] for key in ("OKActions", "AlarmActions", "InsufficientDataActions"))
    return prefix is None or any(action.startswith(prefix) for actions in lists for action in actions)


def shown_alarm(alarm: Alarm) -> dict[str, Any]:
    """An alarm as DescribeAlarms shows it."""
    standing = alarm.standing
    shown = {
        **alarm.settings,
        "AlarmArn": alarm.arn,
        "AlarmConfigurationUpdatedTimestamp": moment(alarm.configured_at),
        "ActionsEnabled": alarm.actions_enabled,
        "StateValue": standing.value.value,
        "StateReason": standing.reason,
        "StateUpdatedTimestamp": moment(standing.at),
        "StateTransitionedTimestamp": moment(standing.at),
    }
    if standing.data is not None:
        shown["StateReasonData"] = standing.data
    if isinstance(alarm, MetricAlarm):
        shown.setdefault("Dimensions", [])
    return shown


def shown_item(item: HistoryItem) -> dict[str, Any]:
    """An item as DescribeAlarmHistory shows it."""
    return {
        "AlarmName": item.alarm,
        "AlarmType": item.alarm_type,
        "Timestamp": moment(item.at),
        "HistoryItemType": item.kind,
        "HistorySummary": item.summary,
        "HistoryData": item.data,
    }
