"""Announces an alarm's change of state: the event on the bus, then the alarm's actions.

An action needs the leave of what it is to reach: a topic's policy for ``cloudwatch.amazonaws.com`` (the policy of a new
topic gives it to its own account), a function's for ``lambda.alarms.cloudwatch.amazonaws.com``; see "Notifying users on
alarm changes" and "Invoke a Lambda function from an alarm" in the CloudWatch user guide.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from localaws.context import Context
from localaws.iam.policy import AccessRequest, Decision, decide, parse_policy
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
            except (ClientError, BotoCoreError, UnsupportedActionError, NotAdmittedError) as error:
                self._remember(change, f"Failed to execute action {action}. Received error: {error}")

    def _perform(self, action: str, change: StateChange) -> None:
        service = action.split(":")[2] if action.count(":") >= 5 else ""
        if service == "sns":
            sns = self._context.client("sns", None)
            policy = sns.get_topic_attributes(TopicArn=action)["Attributes"].get("Policy")
            self._require(policy, "sns:Publish", action, change, "cloudwatch.amazonaws.com")
            subject, body = sns_message(change, account=self._context.account, region=self._context.region)
            sns.publish(TopicArn=action, Subject=subject, Message=body)
        elif service == "lambda":
            functions = self._context.client("lambda", None)
            policy = functions.get_policy(FunctionName=action)["Policy"]
            self._require(policy, "lambda:InvokeFunction", action, change, "lambda.alarms.cloudwatch.amazonaws.com")
            functions.invoke(
                FunctionName=action, InvocationType="Event", Payload=json.dumps(self._lambda_event(change))
            )
        elif service != "autoscaling":  # which looks itself, again and again, for as long as the alarm lasts
            raise UnsupportedActionError("the local AWS performs SNS, Lambda and scaling actions only")

    def _require(self, policy: str | None, action: str, resource: str, change: StateChange, principal: str) -> None:
        account = self._context.account
        request = AccessRequest(
            action=action,
            resource=resource,
            context={
                "aws:SourceArn": change.alarm.arn,
                "aws:SourceAccount": account,
                "aws:SecureTransport": "true",
                "aws:SourceOwner": account,  # what the policy of a new topic asks for
            },
            principals=frozenset({f"Service:{principal}"}),
        )
        if decide(parse_policy(policy or "{}"), request) is not Decision.ALLOWED:
            raise NotAdmittedError(f"{change.alarm.arn} is not authorized to perform: {action} on resource: {resource}")

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


class NotAdmittedError(Exception):
    """The policy of what an action is to reach does not let CloudWatch in."""
