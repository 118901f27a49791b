"""How CloudWatch words a change of state: reasons, event details, messages. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from localaws.services.cloudwatch.alarms.alarm import DatapointRule, Missing
from localaws.services.cloudwatch.alarms.alarms import Alarm, AlarmState, CompositeAlarm, MetricAlarm, StateChange
from localaws.services.cloudwatch.metrics.query import Query
from localaws.services.cloudwatch.metrics.store import Metric

_WORDS = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}


def timestamp(at: float) -> str:
    """``2026-03-04T11:04:40.989+0000``, as CloudWatch writes times in JSON."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def threshold_reason(rule: DatapointRule, points: Sequence[tuple[int, float]], filled: int) -> str:
    """Why a metric alarm is OK or in ALARM; ``points``: start and value of those used, oldest first."""
    treated = "" if rule.missing in (Missing.MISSING, Missing.IGNORE) else _treated(rule, filled)
    if not points:
        return f"Threshold Crossed: no datapoints were received for {_count(filled, 'period')}{treated}."
    breaching = sum(rule.breaches(value) for _, value in points)
    in_alarm = breaching >= rule.datapoints_to_alarm
    hits = breaching if in_alarm else len(points) - breaching
    shown = ", ".join(
        f"{value} ({datetime.fromtimestamp(start, UTC):%d/%m/%y %H:%M:%S})" for start, value in reversed(points)
    )
    verb = f"{'was' if hits == 1 else 'were'}{'' if in_alarm else ' not'} {_WORDS[rule.comparison]}"
    return (
        f"Threshold Crossed: {hits} out of the last {_count(len(points), 'datapoint')} [{shown}] {verb} "
        f"the threshold ({rule.threshold}){treated if filled else ''} "
        f"(minimum {_count(rule.datapoints_to_alarm, 'datapoint')} for OK -> ALARM transition)."
    )


def _treated(rule: DatapointRule, filled: int) -> str:
    treatment = "Breaching" if rule.missing is Missing.BREACHING else "NonBreaching"
    was = "was" if filled == 1 else "were"
    return f" and {_count(filled, 'missing datapoint')} {was} treated as [{treatment}]"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def unknown_reason(rule: DatapointRule) -> str:
    return f"Insufficient Data: {_count(rule.evaluation_periods, 'datapoint')} were unknown."


def reason_data(alarm: MetricAlarm, points: Sequence[tuple[int, float]], queried_at: float) -> str:
    """The JSON that accompanies a threshold reason."""
    data: dict[str, Any] = {"version": "1.0", "queryDate": timestamp(queried_at)}
    if points:
        data["startDate"] = timestamp(points[0][0])
    if alarm.statistic:
        data["statistic"] = alarm.statistic
    data["period"] = alarm.period
    data["recentDatapoints"] = [value for _, value in points]
    data["threshold"] = alarm.rule.threshold
    return json.dumps(data, separators=(",", ":"))


def composite_reason(trigger: Alarm | None) -> tuple[str, str]:
    """Reason and reason data of a composite alarm that follows a change of ``trigger``; None: its creation."""
    if trigger is None:
        return "The alarm rule was evaluated at the alarm's creation", '{"triggeringAlarms":[]}'
    at = datetime.fromtimestamp(trigger.standing.at, UTC)
    state = trigger.standing.value
    data = {"arn": trigger.arn, "state": {"value": state.value, "timestamp": timestamp(trigger.standing.at)}}
    return (
        f"{trigger.arn} transitioned to {state} at {at:%A %d %B, %Y %H:%M:%S} UTC",
        json.dumps({"triggeringAlarms": [data]}, separators=(",", ":")),
    )


def event_metric(query: Query, shown_id: str) -> dict[str, Any]:
    """One query as alarm events show it."""
    shown: dict[str, Any] = {"id": shown_id}
    if query.stat:
        shown["metricStat"] = {
            "metric": _event_identity(query.stat.metric),
            "period": query.stat.period,
            "stat": query.stat.statistic,
        }
    else:
        shown["expression"] = query.expression
    if query.label:
        shown["label"] = query.label
    shown["returnData"] = query.return_data
    return shown


def _event_identity(metric: Metric) -> dict[str, Any]:
    return {"namespace": metric.namespace, "name": metric.name, "dimensions": dict(metric.dimensions)}


def event_detail(change: StateChange) -> dict[str, Any]:
    """The detail of a "CloudWatch Alarm State Change"; also ``alarmData`` of a Lambda action."""
    return {
        "alarmName": change.alarm.name,
        "configuration": _configuration(change.alarm),
        "previousState": _state(change.before),
        "state": _state(change.after),
    }


def _configuration(alarm: MetricAlarm | CompositeAlarm) -> dict[str, Any]:
    if isinstance(alarm, CompositeAlarm):
        shown: dict[str, Any] = {"alarmRule": alarm.settings["AlarmRule"]}
    else:
        shown = {"metrics": alarm.event_metrics}
    if alarm.settings.get("AlarmDescription"):
        shown["description"] = alarm.settings["AlarmDescription"]
    return shown


def _state(standing: AlarmState) -> dict[str, Any]:
    shown = {
        "value": standing.value.value,
        "reason": standing.reason,
        "timestamp": timestamp(standing.at),
    }
    return shown | ({"reasonData": standing.data} if standing.data is not None else {})


def history_data(before: AlarmState, after: AlarmState) -> str:
    """The JSON of a StateUpdate in an alarm's history."""
    return json.dumps(
        {"version": "1.0", "oldState": _history_state(before), "newState": _history_state(after)},
        separators=(",", ":"),
    )


def _history_state(standing: AlarmState) -> dict[str, Any]:
    shown: dict[str, Any] = {"stateValue": standing.value.value, "stateReason": standing.reason}
    if standing.data is not None:
        shown["stateReasonData"] = json.loads(standing.data)
    return shown


def sns_message(change: StateChange, *, account: str, region: str) -> tuple[str, str]:
    """Subject and body of the message an SNS action publishes."""
    alarm, after = change.alarm, change.after
    body: dict[str, Any] = {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.settings.get("AlarmDescription"),
        "AWSAccountId": account,
        "NewStateValue": after.value.value,
        "NewStateReason": after.reason,
        "StateChangeTime": timestamp(after.at),
        "Region": region,
        "AlarmArn": alarm.arn,
        "OldStateValue": change.before.value.value,
        "OKActions": alarm.settings.get("OKActions") or [],
        "AlarmActions": alarm.settings.get("AlarmActions") or [],
        "InsufficientDataActions": alarm.settings.get("InsufficientDataActions") or [],
    }
    body |= _trigger(alarm)
    return f'{after.value}: "{alarm.name}" in {region}'[:100], json.dumps(body)


def _trigger(alarm: MetricAlarm | CompositeAlarm) -> Mapping[str, Any]:
    if isinstance(alarm, CompositeAlarm):
        return {"AlarmRule": alarm.settings["AlarmRule"]}
    left_out = {"AlarmName", "AlarmDescription", "OKActions", "AlarmActions", "InsufficientDataActions"}
    trigger = {key: value for key, value in alarm.settings.items() if key not in left_out}
    if "Dimensions" in trigger:
        trigger["Dimensions"] = [{"value": entry["Value"], "name": entry["Name"]} for entry in trigger["Dimensions"]]
    return {"Trigger": trigger}
