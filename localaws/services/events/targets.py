"""Sends one input to one target, with the permission that AWS would require."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localaws.context import Context
from localaws.iam.policy import AccessRequest, Decision, Statement, decide, parse_policy
from localaws.services.events.retry import Failure
from localaws.services.events.rules import Target

PRINCIPAL = "events.amazonaws.com"
_MISSING = frozenset(
    {
        "ResourceNotFoundException",
        "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDoesNotExist",
        "NotFound",
        "StateMachineDoesNotExist",
    }
)
# A change of a queue's attributes takes up to 60 s to be known everywhere (API reference of SetQueueAttributes). What
# admits a rule holds here for a moment, so that a burst of events does not read the policy for each of them.
_ADMITTED_SECONDS = 1.0
_THROTTLED = frozenset({"TooManyRequestsException", "ThrottlingException", "Throttling", "RequestThrottled"})


class NotDelivered(Exception):
    """A target did not accept the input; ``failure`` has whether a retry may help."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.code}: {failure.message}")
        self.failure = failure


def failure_of(code: str, status: int, message: str) -> Failure:
    """What an AWS error means to EventBridge, by error code and HTTP status."""
    if code in _THROTTLED or status == 429:
        return Failure("THROTTLING", message, may_pass=True)
    if code in _MISSING or status == 404:
        return Failure("NO_RESOURCE", message, may_pass=False)
    if code == "ExecutionAlreadyExists":
        return Failure("RESOURCE_ALREADY_EXISTS", message, may_pass=False)
    if code.startswith("AccessDenied") or status == 403:
        return Failure("NO_PERMISSIONS", message, may_pass=False)
    if status >= 500:
        return Failure("INTERNAL_ERROR", message, may_pass=True)
    return Failure("SDK_CLIENT_ERROR", message, may_pass=False)


def unconditional(statements: Iterable[Statement]) -> list[Statement]:
    """What of a topic's policy counts for EventBridge: an Allow with a Condition grants it nothing.

    "You can't use Condition blocks in Amazon SNS topic policies for EventBridge" (EventBridge user guide, "Using
    resource-based policies for Amazon EventBridge").
    """
    return [statement for statement in statements if not (statement.allow and statement.conditions)]


class Targets:
    """Sends to Lambda, SQS, SNS, Step Functions and CloudWatch Logs through their public APIs."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._admitted: dict[tuple[str, str], float] = {}  # (queue, rule) → when its policy was last seen to admit it
        self._senders = {
            "lambda": self._invoke,
            "sqs": self._send_message,
            "sns": self._publish,
            "states": self._start_execution,
            "logs": self._put_log_event,
        }

    def send(self, target: Target, *, text: str, rule_arn: str, event_id: str) -> None:
        """Hand ``text`` to ``target`` on behalf of a rule; raises NotDelivered."""
        sender = self._senders[target["Arn"].split(":")[2]]
        try:
            sender(target, text, rule_arn, event_id)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            raise NotDelivered(failure_of(code, status, message)) from error
        except BotoCoreError as error:
            raise NotDelivered(Failure("TIMEOUT", str(error), may_pass=True)) from error

    def send_to_queue(self, queue_arn: str, rule_arn: str, **message: Any) -> None:
        """SendMessage to a queue that admits EventBridge; raises NotDelivered or botocore's errors."""
        sqs = self._context.client("sqs", None)
        url = self._context.queue_url(queue_arn.rsplit(":", 1)[-1])
        admitted_at = self._admitted.get((queue_arn, rule_arn))
        if admitted_at is None or time.monotonic() - admitted_at > _ADMITTED_SECONDS:
            policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {})
            self._require(parse_policy(policy.get("Policy") or "{}"), "sqs:SendMessage", queue_arn, rule_arn)
            self._admitted[queue_arn, rule_arn] = time.monotonic()
        sqs.send_message(QueueUrl=url, **message)

    def _invoke(self, target: Target, text: str, rule_arn: str, event_id: str) -> None:
        del event_id
        functions = self._context.client("lambda", None)
        functions.get_function_configuration(FunctionName=target["Arn"])  # tells missing from forbidden
        try:
            statements = parse_policy(functions.get_policy(FunctionName=target["Arn"])["Policy"])
        except functions.exceptions.ResourceNotFoundException:
            statements = ()
        self._require(statements, "lambda:InvokeFunction", target["Arn"], rule_arn)
        functions.invoke(FunctionName=target["Arn"], InvocationType="Event", Payload=_json(text).encode())

    def _send_message(self, target: Target, text: str, rule_arn: str, event_id: str) -> None:
        del event_id
        group = target.get("SqsParameters", {})  # holds the MessageGroupId of a FIFO queue
        self.send_to_queue(target["Arn"], rule_arn, MessageBody=text, **group)

    def _publish(self, target: Target, text: str, rule_arn: str, event_id: str) -> None:
        del event_id
        sns = self._context.client("sns", None)
        policy = sns.get_topic_attributes(TopicArn=target["Arn"])["Attributes"].get("Policy")
        self._require(unconditional(parse_policy(policy or "{}")), "sns:Publish", target["Arn"], rule_arn)
        sns.publish(TopicArn=target["Arn"], Message=text)

    def _start_execution(self, target: Target, text: str, rule_arn: str, event_id: str) -> None:
        # The same name for each attempt makes a repeated delivery of one event start one execution.
        suffix = uuid.uuid5(uuid.NAMESPACE_URL, f"{event_id}/{rule_arn}/{target['Id']}")
        self._context.client("stepfunctions", target["RoleArn"]).start_execution(
            stateMachineArn=target["Arn"], name=f"{event_id}_{suffix}", input=_json(text)
        )

    def _put_log_event(self, target: Target, text: str, rule_arn: str, event_id: str) -> None:
        """Needs a resource policy of CloudWatch Logs (EventBridge user guide, "CloudWatch Logs permissions")."""
        logs = self._context.client("logs", None)
        policies = [one["policyDocument"] for one in logs.describe_resource_policies()["resourcePolicies"]]
        statements = [statement for text in policies for statement in parse_policy(text)]
        resource = f"{target['Arn'].removesuffix(':*')}:*"
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            self._require(statements, action, resource, rule_arn)
        group = target["Arn"].split(":log-group:")[1].removesuffix(":*")
        logs.create_log_stream(logGroupName=group, logStreamName=event_id)
        moment = int(self._context.now().timestamp() * 1000)
        logs.put_log_events(
            logGroupName=group, logStreamName=event_id, logEvents=[{"timestamp": moment, "message": text}]
        )

    def _require(self, statements: Iterable[Statement], action: str, resource: str, rule_arn: str) -> None:
        """Raise NotDelivered unless the target's policy admits the rule."""
        request = AccessRequest(
            action=action,
            resource=resource,
            context={
                "aws:SourceArn": rule_arn,
                "aws:SourceAccount": self._context.account,
                "aws:SecureTransport": "true",
            },
            principals=frozenset({f"Service:{PRINCIPAL}"}),
        )
        if decide(statements, request) is not Decision.ALLOWED:
            refusal = f"{PRINCIPAL} may not {action} on {resource} for {rule_arn}"
            raise NotDelivered(Failure("NO_PERMISSIONS", refusal, may_pass=False))


def _json(text: str) -> str:
    """``text`` if it is JSON, which these targets demand; raises NotDelivered."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise NotDelivered(Failure("INVALID_JSON", f"Input is not JSON: {error}", may_pass=False)) from error
    return text
