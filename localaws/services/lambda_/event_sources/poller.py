"""Polls queues for functions: receives, batches, invokes, and deletes what succeeded; the rest becomes visible again.

Receiving and deleting happen under the function's role, as on AWS: a role that may not do them processes nothing.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localaws.context import Context
from localaws.service_api import AwsError
from localaws.services.lambda_.event_sources.batches import Message, batch_event, is_due, succeeded, wanted
from localaws.services.lambda_.event_sources.mappings import EventSource, EventSources
from localaws.services.lambda_.functions.functions import Function, Functions
from localaws.services.lambda_.invocations.invoker import Invoker

log = logging.getLogger(__name__)

# AWS polls with five readers for up to 20 s. Fewer and shorter here, so that stopping and deleting take effect soon.
_POLLERS = 2
_LONG_POLL_SECONDS = 2
_WAIT_AFTER_ERROR_SECONDS = 1.0
_MOST_PER_CALL = 10


class Pollers:
    """The threads behind all event source mappings."""

    def __init__(self, context: Context, sources: EventSources, functions: Functions, invoker: Invoker) -> None:
        self._context = context
        self._sources = sources
        self._functions = functions
        self._invoker = invoker

    def poll(self, source: EventSource) -> None:
        """Start polling for a mapping; it ends when the mapping is deleted or disabled."""
        for number in range(min(_POLLERS, source.maximum_concurrency or _POLLERS)):
            name = f"lambda-poll-{source.function_name}-{number}"
            self._context.background(name, lambda: self._poll_until_removed(source.uuid))

    def _poll_until_removed(self, identifier: str) -> None:
        while (source := self._active(identifier)) is not None:
            try:
                self._poll_once(source)
            except (ClientError, BotoCoreError, AwsError) as error:
                if self._context.stopping.is_set():
                    return
                problem = f"PROBLEM: {error}"
                if problem != source.last_result:
                    log.warning("Polling %s for %s: %s", source.queue_name, source.function_name, error)
                self._sources.note_result(identifier, problem)  # AWS shows it in GetEventSourceMapping
                self._context.stopping.wait(_WAIT_AFTER_ERROR_SECONDS)

    def _active(self, identifier: str) -> EventSource | None:
        source = self._sources.find(identifier)
        return source if source and source.enabled and not self._context.stopping.is_set() else None

    def _poll_once(self, source: EventSource) -> None:
        function = self._functions.get(source.function_name)
        sqs = self._context.client("sqs", function.role)
        url = self._context.queue_url(source.queue_name)
        batch = self._gather(source, sqs, url)
        if batch:
            problem = self._process(source, function, batch, sqs, url)
            self._sources.note_result(source.uuid, problem or "OK")

    def _gather(self, source: EventSource, sqs: Any, url: str) -> list[Message]:
        """Receive until a batch is full or its window has passed; messages no filter wants are deleted."""
        batch: list[Message] = []
        patterns, began = source.patterns, time.monotonic()
        while self._active(source.uuid):
            age = time.monotonic() - began
            if is_due(batch, batch_size=source.batch_size, window_seconds=source.window_seconds, age_seconds=age):
                break
            left = source.window_seconds - age if batch else _LONG_POLL_SECONDS
            received = sqs.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(_MOST_PER_CALL, source.batch_size - len(batch)),
                WaitTimeSeconds=max(0, min(_LONG_POLL_SECONDS, int(left))),
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            if not received and not batch:
                break
            if not batch:
                began = time.monotonic()
            taken = [message for message in received if wanted(message, patterns)]
            _delete(sqs, url, [message for message in received if message not in taken])
            batch += taken
            if not received and left < 1:
                self._context.stopping.wait(max(left, 0))
        return batch

    def _process(self, source: EventSource, function: Function, batch: list[Message], sqs: Any, url: str) -> str | None:
        """Invoke with ``batch`` and delete what was done; returns what went wrong, if anything did."""
        event = batch_event(batch, queue_arn=source.queue_arn, region=self._context.region)
        finished = self._invoker.run(function, json.dumps(event).encode(), str(uuid.uuid4()))
        if finished.failed:
            return "PROBLEM: Function call failed"
        done = succeeded(batch, finished.outcome.payload, reports_failures=source.reports_failures)
        _delete(sqs, url, done)
        return None if len(done) == len(batch) else "PROBLEM: Some messages failed"


def _delete(sqs: Any, url: str, messages: list[Message]) -> None:
    for start in range(0, len(messages), _MOST_PER_CALL):
        entries = [
            {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
            for number, message in enumerate(messages[start : start + _MOST_PER_CALL])
        ]
        failed = sqs.delete_message_batch(QueueUrl=url, Entries=entries).get("Failed", [])
        if failed:
            log.warning("Messages could not be deleted and will come back: %s", failed)
