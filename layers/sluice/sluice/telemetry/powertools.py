"""Telemetry by Powertools for AWS Lambda: Logger, and metrics in CloudWatch's embedded format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from sluice.telemetry.port import Key, Metric, Unit

NAMESPACE = "Sluice"
_CALLER = 3  # of logging's frames: the place that a line tells is where the code says it
_UNITS: Mapping[Unit, MetricUnit] = {"Count": MetricUnit.Count, "Seconds": MetricUnit.Seconds}


class PowertoolsTelemetry:
    """Prints JSON lines and metrics; Lambda carries both to CloudWatch Logs, without a call."""

    def __init__(self, stage: str, function: str) -> None:
        self._stage = stage
        self._logger = Logger(service="sluice")
        self._always = {"stage": stage, "function": function}
        self._is_cold = True

    def begin(self, event: object, context: Any) -> None:
        """Forget the last invocation's keys, and take what this one is known by from its event and context."""
        self._logger.clear_state()  # what was known of the last event
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
