"""Collects events as any user could: with a rule, a queue behind it, and a thread that reads the queue."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

SOURCES = ("sluice", "aws.sagemaker", "aws.cloudwatch", "aws.states")
NAME = "story-timeline"


class StoryTimeoutError(Exception):
    """Something that should have happened did not, within generous time."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event as delivered; ``at`` is when the reader had it, in epoch seconds."""

    at: float
    source: str
    kind: str
    detail: Mapping[str, Any]


class Timeline:
    """Collects events on a thread of its own until ``stop``."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._sqs = client("sqs")
        self._events: list[Event] = []
        self._news = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._queue = self._subscribe(client("events"))

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def events(self) -> list[Event]:
        with self._news:
            return list(self._events)

    def wait_for(self, what: str, wanted: Callable[[Event], bool], *, timeout_seconds: float) -> Event:
        """The first event, past or to come, that ``wanted`` accepts.

        Raises:
            StoryTimeoutError: none came in time; names ``what`` was waited for.
        """
        deadline = time.monotonic() + timeout_seconds
        looked_at = 0
        with self._news:
            while True:
                for event in self._events[looked_at:]:
                    if wanted(event):
                        return event
                looked_at = len(self._events)
                left = deadline - time.monotonic()
                if left <= 0:
                    raise StoryTimeoutError(f"waited {timeout_seconds:.0f} s for {what}, and it did not happen")
                self._news.wait(left)

    def _subscribe(self, events: Any) -> str:
        url: str = self._sqs.create_queue(QueueName=NAME)["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        arn = attributes["Attributes"]["QueueArn"]
        rule = events.put_rule(Name=NAME, EventPattern=json.dumps({"source": list(SOURCES)}))["RuleArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self._sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        events.put_targets(Rule=NAME, Targets=[{"Id": "queue", "Arn": arn}])
        return url

    def _read(self) -> None:
        while not self._stopping.is_set():
            got = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in got.get("Messages", []):
                self._keep(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])

    def _keep(self, event: Mapping[str, Any]) -> None:
        with self._news:
            self._events.append(Event(time.time(), event["source"], event["detail-type"], event["detail"]))
            self._news.notify_all()
