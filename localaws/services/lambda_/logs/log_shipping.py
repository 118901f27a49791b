"""Ships functions' logs to CloudWatch Logs in the background, and the metrics embedded in them to CloudWatch."""

from __future__ import annotations

import itertools
import logging
import queue
import time
from collections.abc import Iterator
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


class LogShipper:
    """Ships in the order of invocations; a log that cannot be shipped is still in its file."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pages: queue.SimpleQueue[_Page | None] = queue.SimpleQueue()
        self._known: set[tuple[str, str]] = set()

    def start(self) -> None:
        self._context.background("lambda-logs", self._ship_all)

    def stop(self) -> None:
        self._pages.put(None)

    def ship(self, group: str, stream: str, text: str) -> None:
        """Queue what one invocation logged."""
        self._pages.put(_Page(group, stream, text, int(time.time() * 1000)))

    def _ship_all(self) -> None:
        while (page := self._pages.get()) is not None:
            self._record_metrics(page.text)
            try:
                self._ship(page)
            except (ClientError, BotoCoreError) as error:
                if not self._context.stopping.is_set():
                    log.warning("Logs of %s are only in their file: %s", page.group, error)

    def _ship(self, page: _Page) -> None:
        logs = self._context.client("logs", None)
        if (page.group, page.stream) not in self._known:
            _create(logs, page)
            self._known.add((page.group, page.stream))
        messages = _messages(page.text)
        while batch := list(itertools.islice(messages, _MOST_EVENTS_PER_CALL)):
            events = [{"timestamp": page.at_ms, "message": message} for message in batch]
            logs.put_log_events(logGroupName=page.group, logStreamName=page.stream, logEvents=events)

    def _record_metrics(self, text: str) -> None:
        for line in text.splitlines():
            for sample in samples(line):
                self._context.metrics.record(
                    sample.namespace, sample.name, sample.dimensions, sample.value, unit=sample.unit
                )


def _messages(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        if line.strip():
            # The runtime's client joins the lines of a stack trace with \r, so that they stay one event.
            yield line.replace("\r", "\n")[:_MAX_EVENT_CHARACTERS]


def _create(logs: Any, page: _Page) -> None:
    for create, names in (
        (logs.create_log_group, {"logGroupName": page.group}),
        (logs.create_log_stream, {"logGroupName": page.group, "logStreamName": page.stream}),
    ):
        try:
            create(**names)
        except logs.exceptions.ResourceAlreadyExistsException:
            continue
