"""Listening to EventBridge: a rule with a queue behind it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.account import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """An SQS queue of this run."""

    account: Account
    url: str
    arn: str

    def first(self, wanted: Callable[[dict[str, Any]], bool], *, is_certain: bool = False) -> dict[str, Any] | None:
        """The first message whose body is wanted; None if it does not come. Others are dropped.

        ``is_certain``: it has to come, so wait as long as that takes.
        """
        wait = self.account.eventually if is_certain else self.account.soon
        return wait(lambda: self._next(wanted))

    def first_now(self) -> dict[str, Any] | None:
        """A message that is there, if any."""
        return self._next(lambda _body: True)

    def _next(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
        sqs = self.account.client("sqs")
        answer = sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageAttributeNames=["All"]
        )
        for message in answer.get("Messages", ()):
            sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
            body = json.loads(message["Body"])
            body["__attributes__"] = {
                name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()
            }
            if wanted(body):
                return dict(body)
        return None


def make_queue(account: Account, what: str, service: str) -> Queue:
    """A queue that ``service`` may send to."""
    sqs, name = account.client("sqs"), account.name(what)
    arn = f"arn:aws:sqs:{account.region}:{account.number()}:{name}"
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    url = sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]
    account.undo(f"queue {name}", lambda: sqs.delete_queue(QueueUrl=url))
    return Queue(account=account, url=str(url), arn=arn)


def make_rule(account: Account, what: str, pattern: Mapping[str, Any]) -> str:
    """A rule without targets; its name."""
    events, name = account.client("events"), account.name(what)
    account.undo(f"rule {name}", lambda: events.delete_rule(Name=name))
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    return name


def add_target(account: Account, rule: str, target: Mapping[str, Any]) -> None:
    """Point a rule at a target."""
    events = account.client("events")
    account.undo(f"target of rule {rule}", lambda: events.remove_targets(Rule=rule, Ids=[target["Id"]]))
    events.put_targets(Rule=rule, Targets=[dict(target)])


def listen(account: Account, what: str, pattern: Mapping[str, Any]) -> Queue:
    """A queue that gets the events of a pattern; on AWS a new rule takes some seconds to work."""
    queue = make_queue(account, what, "events.amazonaws.com")
    rule = make_rule(account, what, pattern)
    add_target(account, rule, {"Id": "queue", "Arn": queue.arn})
    account.sleep(account.pace.new_role_seconds)
    return queue
