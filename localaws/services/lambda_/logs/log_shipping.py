"""Ships functions' logs to CloudWatch Logs in the background, and the metrics embedded in them to CloudWatch."""

from __future__ import annotations

import itertools
import logging
import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localaws.context import Context
from localaws.services.lambda_.logs.embedded_metrics import samples

log = logging.getLogger(__name__)

_MOST_EVENTS_PER_CALL = 1000
_MAX_EVENT_CHARACTERS = 200_000


@dataclass(frozen=True, slots=True)
class _Page:
    group: str
    stream: str
    text: str
    at_ms: int
    role: str  # of the function


class LogShipper:
    """Ships in the order of invocations; a log that cannot be shipped is still in its file.

    Lambda makes the log group and the stream and writes under the function's role: what that may not do is not in
    CloudWatch Logs. https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pages: queue.SimpleQueue[_Page | None] = queue.SimpleQueue()
        self._streams: set[tuple[str, str]] = set()  # by group and name, those that were made

    def start(self) -> None:
        self._context.background("lambda-logs", self._ship_all)

    def stop(self) -> None:
        self._pages.put(None)

    def ship(self, group: str, stream: str, text: str, role: str) -> None:
        """Queue what one invocation logged."""
        self._pages.put(_Page(group, stream, text, int(time.time() * 1000), role))

    def _ship_all(self) -> None:
        while (page := self._pages.get()) is not None:
            try:
                self._ship(page)
                self._record_metrics(page.text)  # CloudWatch Logs finds them in what it gets
            except (ClientError, BotoCoreError) as error:
                if not self._context.stopping.is_set():
                    log.warning("Logs of %s are only in their file: %s", page.group, error)

    def _ship(self, page: _Page) -> None:
        logs = self._context.client("logs", page.role)
        if (page.group, page.stream) not in self._streams:
            self._make_stream(page, logs)
            self._streams.add((page.group, page.stream))
        try:
            _put(logs, page)
        except logs.exceptions.ResourceNotFoundException:  # deleted since
            self._make_stream(page, logs)
            _put(logs, page)

    def _make_stream(self, page: _Page, logs: Any) -> None:
        if not _is_there(self._context.client("logs", None), page):
            _create(logs.create_log_group, logGroupName=page.group)
        _create(logs.create_log_stream, logGroupName=page.group, logStreamName=page.stream)

    def _record_metrics(self, text: str) -> None:
        for line in text.splitlines():
            for sample in samples(line):
                self._context.metrics.record(
                    sample.namespace, sample.name, sample.dimensions, sample.value, unit=sample.unit
                )


def _put(logs: Any, page: _Page) -> None:
    messages = _messages(page.text)
    while batch := list(itertools.islice(messages, _MOST_EVENTS_PER_CALL)):
        events = [{"timestamp": page.at_ms, "message": message} for message in batch]
        logs.put_log_events(logGroupName=page.group, logStreamName=page.stream, logEvents=events)


def _messages(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        if line.strip():
            # The runtime's client joins the lines of a stack trace with \r, so that they stay one event.
            yield line.replace("\r", "\n")[:_MAX_EVENT_CHARACTERS]


def _is_there(logs: Any, page: _Page) -> bool:
    found = logs.describe_log_groups(logGroupNamePrefix=page.group)["logGroups"]
    return page.group in [each["logGroupName"] for each in found]


def _create(create: Callable[..., Any], **names: str) -> None:
    try:
        create(**names)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise
