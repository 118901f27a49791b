"""Telemetry by Powertools for AWS Lambda: Logger, and metrics in CloudWatch's embedded format."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from sluice.telemetry.port import Key, Metric, Unit

SERVICE = "sluice"
NAMESPACE = "Sluice"
_CALLER = 3  # frames up to the code that logs, which is the location a line should name
_UNITS: Mapping[Unit, MetricUnit] = {"Count": MetricUnit.Count, "Seconds": MetricUnit.Seconds}


class PowertoolsTelemetry:
    """Prints JSON lines and metrics; Lambda ships both to CloudWatch Logs, without a call.

    Debug lines are printed in a share of invocations, given by the variable ``POWERTOOLS_LOGGER_SAMPLE_RATE``. Where
    there are any, Lambda's own filter (``ApplicationLogLevel``) has to be at DEBUG, as the template sets it. That
    would have two further effects, which are taken back here: Powertools would print every debug line, as it puts
    Lambda's level before its own, and libraries would print theirs, in which botocore has whole requests.
    """

    def __init__(self, stage: str, function: str) -> None:
        self._stage = stage
        # A line whose time is not in RFC 3339 counts as INFO for Lambda's filter, whatever its level is.
        self._logger = Logger(service=SERVICE, use_rfc3339=True, serialize_stacktrace=False)
        self._logger.initial_log_level = logging.INFO
        logging.getLogger().setLevel(logging.WARNING)
        self._always = {"stage": stage, "function": function}
        self._is_cold = True

    def begin(self, event: object, context: Any) -> None:
        """Forget the last invocation's keys, decide whether this one is sampled, and take its keys from the event."""
        self._logger.clear_state()
        self._logger.refresh_sample_rate_calculation()
        self._logger.append_keys(**self._always)
        self._logger.append_keys(function_request_id=getattr(context, "aws_request_id", ""), cold_start=self._is_cold)
        if isinstance(event, Mapping):
            self._logger.set_correlation_id(event.get("id") or event.get("rollout_id"))
            if "execution" in event:  # the state machine passes its execution's name to every task
                self.identify("execution", event["execution"])
        if self._is_cold:
            self._put("ColdStart", 1, "Count", {"function": str(self._always["function"])})
        self._is_cold = False

    def identify(self, key: Key, value: object) -> None:
        self._logger.append_keys(**{key: str(value)})

    def log(self, message: str, **fields: object) -> None:
        self._logger.info(message, extra=fields, stacklevel=_CALLER)

    def debug(self, message: str, **fields: object) -> None:
        self._logger.debug(message, extra=fields, stacklevel=_CALLER)

    def error(self, message: str, **fields: object) -> None:
        self._logger.exception(message, extra=fields, stacklevel=_CALLER)

    def measure(self, metric: Metric, value: float = 1, *, model: str, unit: Unit = "Count", cause: str = "") -> None:
        self._put(metric, value, unit, {"model": model} | ({"cause": cause} if cause else {}))

    def _put(self, metric: str, value: float, unit: Unit, dimensions: Mapping[str, str]) -> None:
        with single_metric(metric, _UNITS[unit], value, namespace=NAMESPACE) as point:
            for name, text in {"stage": self._stage, **dimensions}.items():
                point.add_dimension(name=name, value=text)
