"""Runs a function once, with its log, metrics and throttling."""

from __future__ import annotations

from localaws.context import Context
from localaws.service_api import AwsError
from localaws.services.lambda_.environments.fleet import EnvironmentPool
from localaws.services.lambda_.environments.outcome import Finished
from localaws.services.lambda_.functions.functions import Function
from localaws.services.lambda_.logs.log_shipping import LogShipper


class Invoker:
    """What all ways to invoke a function have in common."""

    def __init__(self, context: Context, fleet: EnvironmentPool, logs: LogShipper) -> None:
        self._context = context
        self._fleet = fleet
        self._logs = logs

    def run(self, function: Function, event: bytes, request_id: str) -> Finished:
        """Invoke and wait; raises TooManyRequestsException when throttled."""
        try:
            environment, finished = self._fleet.invoke(function, event, request_id)
        except AwsError as error:
            if error.code == "TooManyRequestsException":
                self._record(function, "Throttles", 1, "Count")
            raise
        self._record(function, "Invocations", 1, "Count")
        self._record(function, "Errors", int(finished.failed), "Count")
        self._record(function, "Duration", finished.duration_ms, "Milliseconds")
        self._logs.ship(function.log_group, environment.log_stream, finished.log, function.role)
        return finished

    def _record(self, function: Function, metric: str, value: float, unit: str) -> None:
        self._context.metrics.record("AWS/Lambda", metric, {"FunctionName": function.name}, value, unit=unit)
