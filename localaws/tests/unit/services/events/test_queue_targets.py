"""Whether a queue admits a rule: asked of its policy, and not again for each event of a burst."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from localaws.services.events.targets import NotDelivered, Targets

QUEUE, RULE = "arn:aws:sqs:us-east-1:123456789012:taken", "arn:aws:events:us-east-1:123456789012:rule/told"
ADMITTING = {
    "Effect": "Allow",
    "Principal": {"Service": "events.amazonaws.com"},
    "Action": "sqs:SendMessage",
    "Resource": QUEUE,
    "Condition": {"ArnEquals": {"aws:SourceArn": RULE}},
}


class Queue:
    """Stands for SQS with one queue, and for the context that has its client."""

    account = "123456789012"

    def __init__(self) -> None:
        self.statements: list[dict[str, Any]] = []
        self.reads = 0
        self.sent: list[str] = []

    def client(self, _service: str, _role: str | None) -> Queue:
        return self

    def queue_url(self, name: str) -> str:
        return f"http://127.0.0.1/123456789012/{name}"

    def get_queue_attributes(self, **_request: Any) -> dict[str, Any]:
        self.reads += 1
        return {"Attributes": {"Policy": json.dumps({"Statement": self.statements})}} if self.statements else {}

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:
        assert QueueUrl == self.queue_url("taken")
        self.sent.append(MessageBody)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr("localaws.services.events.targets.time.monotonic", lambda: clock.now)
    return clock


def test_a_burst_reads_the_policy_once_and_a_refusal_is_seen_a_moment_later(clock: SimpleNamespace) -> None:
    queue = Queue()
    queue.statements = [ADMITTING]
    sender = Targets(queue)  # type: ignore[arg-type]  # all that it asks of the context
    for number in range(50):
        sender.send_to_queue(QUEUE, RULE, MessageBody=str(number))
    assert (queue.reads, len(queue.sent)) == (1, 50)
    queue.statements = []
    clock.now += 1.5
    with pytest.raises(NotDelivered, match="NO_PERMISSIONS"):
        sender.send_to_queue(QUEUE, RULE, MessageBody="refused")
    assert len(queue.sent) == 50


def test_one_rule_is_not_admitted_because_another_was_and_a_refusal_does_not_last(clock: SimpleNamespace) -> None:
    queue = Queue()
    queue.statements = [ADMITTING]
    sender = Targets(queue)  # type: ignore[arg-type]
    sender.send_to_queue(QUEUE, RULE, MessageBody="admitted")
    other = f"{RULE}-other"
    with pytest.raises(NotDelivered, match="NO_PERMISSIONS"):
        sender.send_to_queue(QUEUE, other, MessageBody="refused")
    queue.statements = [ADMITTING | {"Condition": {"ArnEquals": {"aws:SourceArn": other}}}]
    sender.send_to_queue(QUEUE, other, MessageBody="now")
    assert queue.sent == ["admitted", "now"]
