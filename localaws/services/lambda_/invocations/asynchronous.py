"""Asynchronous invocations: queued, run in the background, retried, then sent to a destination or dropped."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localaws.context import Context
from localaws.runtime.delay_queue import DelayQueue
from localaws.service_api import AwsError
from localaws.services.lambda_.environments.outcome import Finished
from localaws.services.lambda_.functions.functions import Function, Functions
from localaws.services.lambda_.invocations.destinations import Destinations, InvocationResult
from localaws.services.lambda_.invocations.invoker import Invoker
from localaws.services.lambda_.invocations.retries import (
    AsyncPolicy,
    GiveUpInvocation,
    RetryLater,
    after_error,
    after_throttle,
)

log = logging.getLogger(__name__)

_WORKERS = 16

InvokeConfig = Mapping[str, Any]  # an EventInvokeConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class _Queued:
    """One event and what became of it so far."""

    name: str
    event: bytes
    request_id: str
    since: datetime
    errors: int = 0
    throttles: int = 0
    last: Finished | None = None


class AsyncInvocations:
    """The queue between the senders of events and the functions that handle them.

    ``time_scale`` shortens the waits between attempts, and makes events age faster in proportion.
    """

    def __init__(
        self,
        context: Context,
        invoker: Invoker,
        functions: Functions,
        config_of: Callable[[str], InvokeConfig],
        *,
        time_scale: float,
    ) -> None:
        self._context = context
        self._invoker = invoker
        self._functions = functions
        self._config_of = config_of
        self._time_scale = time_scale
        self._destinations = Destinations(context)
        self._queue = DelayQueue(context, "lambda-async", _WORKERS)

    def start(self) -> None:
        self._queue.start()

    def stop(self) -> None:
        self._queue.stop()

    def enqueue(self, function: Function, event: bytes) -> str:
        """Accept an event; returns its request id at once."""
        request_id = str(uuid.uuid4())
        queued = _Queued(name=function.name, event=event, request_id=request_id, since=self._context.now())
        self._schedule(queued, 0.0)
        return request_id

    def _schedule(self, queued: _Queued, delay_seconds: float) -> None:
        self._queue.add(lambda: self._attempt(queued), delay_seconds=delay_seconds * self._time_scale)

    def _attempt(self, queued: _Queued) -> None:
        try:
            function = self._functions.get(queued.name)  # each attempt runs the code that is current then
        except AwsError:
            log.warning("Event %s lost: function %s was deleted", queued.request_id, queued.name)
            return
        policy = AsyncPolicy.of_config(self._config_of(queued.name))
        age = (self._context.now() - queued.since).total_seconds() / self._time_scale
        try:
            finished = self._invoker.run(function, queued.event, queued.request_id)
        except AwsError as error:
            if error.code != "TooManyRequestsException":
                raise
            throttled = replace(queued, throttles=queued.throttles + 1)
            decision = after_throttle(policy, throttles=throttled.throttles, age_seconds=age)
            self._follow(function, throttled, decision)
            return
        if finished.failed:
            failed = replace(queued, errors=queued.errors + 1, last=finished)
            self._follow(function, failed, after_error(policy, errors=failed.errors, age_seconds=age))
        else:
            self._report(function, replace(queued, last=finished), "Success")

    def _follow(self, function: Function, queued: _Queued, decision: RetryLater | GiveUpInvocation) -> None:
        if self._context.stopping.is_set():
            return  # what fails while everything is being stopped tells nothing
        if isinstance(decision, RetryLater):
            self._schedule(queued, decision.delay_seconds)
        else:
            self._report(function, queued, decision.condition)

    def _report(self, function: Function, queued: _Queued, condition: str) -> None:
        """Tell the destination, and after a failure the dead-letter queue as well."""
        result = InvocationResult(
            function=function,
            event=queued.event,
            request_id=queued.request_id,
            condition=condition,
            invoke_count=queued.errors + (condition == "Success"),
            finished=queued.last,
        )
        destinations = self._config_of(function.name).get("DestinationConfig", {})
        destination = destinations.get("OnSuccess" if result.succeeded else "OnFailure", {}).get("Destination")
        dead_letters = function.settings.get("DeadLetterConfig", {}).get("TargetArn")
        if destination:
            self._send(self._destinations.send_record, destination, result, "DestinationDeliveryFailures")
        if dead_letters and not result.succeeded:
            self._send(self._destinations.send_dead_letter, dead_letters, result, "DeadLetterErrors")
        if not (destination or dead_letters or result.succeeded):
            log.warning("Event %s dropped by %s: %s", queued.request_id, function.name, condition)

    def _send(
        self, send: Callable[[str, InvocationResult], None], arn: str, result: InvocationResult, failures: str
    ) -> None:
        try:
            send(arn, result)
        except (ClientError, BotoCoreError) as error:
            log.warning("Event %s of %s lost: %s", result.request_id, result.function.name, error)
            dimensions = {"FunctionName": result.function.name}
            self._context.metrics.record("AWS/Lambda", failures, dimensions, 1, unit="Count")
