"""Announces an alarm's change of state: the event on the bus, then the alarm's actions."""

from __future__ import annotations

import json
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from localaws.context import Context
from localaws.services.cloudwatch.alarms.alarms import CompositeAlarm, HistoryItem, StateChange
from localaws.services.cloudwatch.alarms.wording import event_detail, sns_message, timestamp


class Announcer:
    """Puts the event of each change on the bus and performs SNS and Lambda actions; ``keep`` stores history."""

    def __init__(self, context: Context, keep: Callable[[HistoryItem], None]) -> None:
        self._context = context
        self._keep = keep

    def announce(self, change: StateChange) -> None:
        """An action that fails is written into the alarm's history, as in AWS, and stops nothing."""
        self._context.bus.put(
            source="aws.cloudwatch",
            detail_type="CloudWatch Alarm State Change",
            detail=event_detail(change),
            resources=[change.alarm.arn],
        )
        if not change.alarm.actions_enabled:
            return
        for action in change.alarm.actions:
            try:
                self._perform(action, change)
                self._remember(change, f"Successfully executed action {action}")
            except (ClientError, BotoCoreError, UnsupportedActionError) as error:
                self._remember(change, f"Failed to execute action {action}. Received error: {error}")

    def _perform(self, action: str, change: StateChange) -> None:
        service = action.split(":")[2] if action.count(":") >= 5 else ""
        if service == "sns":
            subject, body = sns_message(change, account=self._context.account, region=self._context.region)
            self._context.client("sns", None).publish(TopicArn=action, Subject=subject, Message=body)
        elif service == "lambda":
            self._context.client("lambda", None).invoke(
                FunctionName=action, InvocationType="Event", Payload=json.dumps(self._lambda_event(change))
            )
        elif service != "autoscaling":  # which looks itself, again and again, for as long as the alarm lasts
            raise UnsupportedActionError("the local AWS performs SNS, Lambda and scaling actions only")

    def _lambda_event(self, change: StateChange) -> dict[str, object]:
        return {
            "source": "aws.cloudwatch",
            "alarmArn": change.alarm.arn,
            "accountId": self._context.account,
            "time": timestamp(change.after.at),
            "region": self._context.region,
            "alarmData": event_detail(change),
        }

    def _remember(self, change: StateChange, summary: str) -> None:
        self._keep(
            HistoryItem(
                alarm=change.alarm.name,
                alarm_type="CompositeAlarm" if isinstance(change.alarm, CompositeAlarm) else "MetricAlarm",
                kind="Action",
                summary=summary,
                data="{}",
                at=self._context.now().timestamp(),
            )
        )


class UnsupportedActionError(Exception):
    """An action of a kind the local AWS does not perform."""
