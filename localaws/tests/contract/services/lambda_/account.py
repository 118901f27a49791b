"""Short ways to make functions, roles, rules and queues, and to see what came of them."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from localaws.local_aws import LocalAws
from localaws.services.events.service import EventBridge

ACCOUNT = "123456789012"
RULE_ARN = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/"
DEADLINE_SECONDS = 30.0


def zipped(files: dict[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def eventually(look: Callable[[], Any], what: str) -> Any:
    """The first true answer of ``look``; fails the test if there is none in time."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.02)
    pytest.fail(f"{what} did not happen within {DEADLINE_SECONDS} s")


class Sums:
    """A metric sink that shows samples at once, where CloudWatch waits for the end of their minute."""

    def __init__(self) -> None:
        self.sums: defaultdict[tuple[object, ...], float] = defaultdict(float)

    def record(
        self,
        _namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        value: float,
        *,
        unit: str = "None",
        publish_every_seconds: int = 60,
    ) -> None:
        self.sums[(name, *sorted(dimensions.items()))] += value


@dataclass(frozen=True, slots=True)
class Account:
    """The account under test, as a developer deploys to it."""

    aws: LocalAws
    bus: EventBridge
    metrics: Sums

    def client(self, service: str) -> Any:
        return self.aws.client(service)

    def role(self, name: str, *statements: dict[str, Any]) -> str:
        """Make a role that Lambda, rules and state machines may assume, with these permissions; returns its ARN."""
        iam = self.client("iam")
        services = [f"{service}.amazonaws.com" for service in ("lambda", "events", "states")]
        trust = {"Effect": "Allow", "Principal": {"Service": services}, "Action": "sts:AssumeRole"}
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=_policy(*statements))
        return str(made["Role"]["Arn"])

    def function(self, name: str, code: str, *statements: dict[str, Any], **settings: Any) -> str:
        """Make a function from one module, with a role of its own; returns its ARN."""
        given = {"Runtime": "python3.13", "Handler": "app.handler", "Timeout": 10} | settings
        role = self.role(f"{name}-role", *statements)
        made = self.client("lambda").create_function(
            FunctionName=name, Role=role, Code={"ZipFile": zipped({"app.py": code})}, **given
        )
        return str(made["FunctionArn"])

    def queue(self, name: str, **attributes: str) -> tuple[str, str]:
        """Make a queue; returns its URL and ARN."""
        url = self.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url, f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"

    def admit(self, url: str, queue_arn: str, source_arn: str, service: str = "events") -> None:
        """Let a rule, or a topic with ``service="sns"``, send to a queue."""
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": f"{service}.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue_arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": source_arn}},
        }
        self.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": _policy(statement)})

    def rule(self, name: str, pattern: dict[str, Any], *targets: dict[str, Any]) -> str:
        events = self.client("events")
        arn = events.put_rule(Name=name, EventPattern=json.dumps(pattern))["RuleArn"]
        if targets:
            numbered = [{"Id": str(number), **target} for number, target in enumerate(targets)]
            events.put_targets(Rule=name, Targets=numbered)
        return str(arn)

    def invoke(self, name: str, event: object, **options: Any) -> tuple[Any, Any]:
        """Invoke and wait; returns the answer's payload and its FunctionError."""
        answer = self.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event), **options)
        return json.loads(answer["Payload"].read()), answer.get("FunctionError")

    def message(self, url: str) -> dict[str, Any]:
        """The next message of a queue, taken off it."""
        sqs = self.client("sqs")

        def receive() -> Any:
            return sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages")

        (found,) = eventually(receive, f"a message in {url}")
        sqs.delete_message(QueueUrl=url, ReceiptHandle=found["ReceiptHandle"])
        return dict(found)

    def metric(self, name: str, **dimensions: str) -> float:
        """The sum of all samples of a metric."""
        return self.metrics.sums[(name, *sorted(dimensions.items()))]

    def permit(self, function: str, rule: str) -> None:
        """Let a rule invoke a function."""
        self.client("lambda").add_permission(
            FunctionName=function,
            StatementId=rule,
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
            SourceArn=RULE_ARN + rule,
        )

    def put(self, source: str, **detail: Any) -> str:
        """Put an event on the bus; returns its id."""
        entry = {"Source": source, "DetailType": "Something Happened", "Detail": json.dumps(detail)}
        answer = self.client("events").put_events(Entries=[entry])
        assert answer["FailedEntryCount"] == 0
        return str(answer["Entries"][0]["EventId"])

    def map_queue(self, queue_arn: str, function: str, **settings: Any) -> str:
        """Let a queue feed a function; returns the mapping's id."""
        mapping = self.client("lambda").create_event_source_mapping(
            EventSourceArn=queue_arn, FunctionName=function, **settings
        )
        return str(mapping["UUID"])

    def is_empty(self, url: str) -> bool:
        """Whether a queue holds no message, neither waiting nor being worked on."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return all(found[name] == "0" for name in names)


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def attributes(message: dict[str, Any]) -> dict[str, str]:
    return {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
