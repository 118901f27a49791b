"""Who may send to queues and topics: TLS for everybody, and the services that deliver there still may."""

from __future__ import annotations

from typing import Any

import pytest

from localaws.iam.policy import AccessRequest, Decision, decide, parse_policy
from security.deployed_template import deployed, of_type

RESOURCES = deployed()
QUEUES = of_type("AWS::SQS::Queue", RESOURCES)
TOPICS = of_type("AWS::SNS::Topic", RESOURCES)
DELIVERING = {
    "EventDeadLetters": ("events", "arn:aws:events:REGION:ACCOUNT:rule/<UploadRule>"),
    "UploadQueue": ("events", "arn:aws:events:REGION:ACCOUNT:rule/<UploadRule>"),
    "OutcomeQueue": ("events", "arn:aws:events:REGION:ACCOUNT:rule/<OutcomeRule>"),
    "AsyncResultQueue": ("sns", "arn:aws:sns:REGION:ACCOUNT:sluice-dev-async-error"),
    "NotifyTopic": ("cloudwatch", "arn:aws:cloudwatch:REGION:ACCOUNT:alarm:sluice-dev-event-dead-letters"),
}


def policy_of(name: str) -> dict[str, Any]:
    """The one policy of a queue or topic."""
    if name in QUEUES:
        kind, key, itself = "AWS::SQS::QueuePolicy", "Queues", QUEUES[name]["QueueName"]
    else:
        kind, key, itself = "AWS::SNS::TopicPolicy", "Topics", f"arn:aws:sns:REGION:ACCOUNT:{TOPICS[name]['TopicName']}"
    (found,) = [each["PolicyDocument"] for each in of_type(kind, RESOURCES).values() if itself in each[key]]
    return dict(found)


def decision(name: str, action: str, principal: str, **context: str) -> Decision:
    service, label = ("sqs", QUEUES[name]["QueueName"]) if name in QUEUES else ("sns", TOPICS[name]["TopicName"])
    request = AccessRequest(
        action=f"{service}:{action}",
        resource=f"arn:aws:{service}:REGION:ACCOUNT:{label}",
        context={key.replace("_", ":"): value for key, value in context.items()},
        principals=frozenset({principal}),
    )
    return decide(parse_policy(policy_of(name)), request)


@pytest.mark.parametrize("name", [*QUEUES, *TOPICS])
def test_nobody_sends_or_reads_without_tls(name: str) -> None:
    actions = ("SendMessage", "ReceiveMessage", "DeleteMessage", "PurgeQueue") if name in QUEUES else ("Publish",)
    for action in actions:
        for principal in ("AWS:ACCOUNT", "Service:events.amazonaws.com"):
            assert decision(name, action, principal, aws_SecureTransport="false") is Decision.DENIED
        assert decision(name, action, "AWS:ACCOUNT", aws_SecureTransport="true") is Decision.SILENT, "roles decide"


@pytest.mark.parametrize("name", DELIVERING)
def test_services_deliver_where_they_did(name: str) -> None:
    """Whether or not a service tells that it uses TLS: a Deny with a condition holds only for a key that is there."""
    service, source = DELIVERING[name]
    action = "SendMessage" if name in QUEUES else "Publish"
    for told in ({"aws_SecureTransport": "true"}, {}):
        assert (
            decision(name, action, f"Service:{service}.amazonaws.com", aws_SourceArn=source, **told) is Decision.ALLOWED
        )


def test_eventbridge_publishes_to_a_topic_without_any_context() -> None:
    """It hands no context to a topic's policy: "You can't use Condition blocks in Amazon SNS topic policies for
    EventBridge" (EventBridge user guide, "Using resource-based policies for Amazon EventBridge")."""
    assert decision("NotifyTopic", "Publish", "Service:events.amazonaws.com") is Decision.ALLOWED


def test_each_policy_is_of_one_queue_or_topic_and_names_it() -> None:
    for name in (*QUEUES, *TOPICS):
        service, label = ("sqs", QUEUES[name]["QueueName"]) if name in QUEUES else ("sns", TOPICS[name]["TopicName"])
        arn = f"arn:aws:{service}:REGION:ACCOUNT:{label}"
        assert {statement["Resource"] for statement in policy_of(name)["Statement"]} == {arn}
