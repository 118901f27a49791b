"""Parses and checks the input of PutMetricData; raises the AwsError that AWS answers with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from localaws.service_api import AwsError
from localaws.services.cloudwatch.metrics.distribution import Distribution
from localaws.services.cloudwatch.metrics.paging import epoch
from localaws.services.cloudwatch.metrics.query import dimensions_of
from localaws.services.cloudwatch.metrics.store import Metric

VALUES_MAX = 150
DIMENSIONS_MAX = 30
FUTURE_SECONDS = 2 * 3600
PAST_SECONDS = 14 * 86_400


def wrong_value(message: str) -> AwsError:
    """CloudWatch's answer to a value out of its range."""
    return AwsError("InvalidParameterValue", message)


def metric_of(namespace: str, datum: Mapping[str, Any]) -> Metric:
    """The metric a datum belongs to."""
    dimensions = datum.get("Dimensions") or []
    if len(dimensions) > DIMENSIONS_MAX:
        raise wrong_value(f"Dimensions must have at most {DIMENSIONS_MAX} members.")
    if (datum.get("StorageResolution") or 60) not in (1, 60):
        raise wrong_value("StorageResolution must be 1 or 60.")
    return Metric.of(namespace, datum["MetricName"], dimensions_of(dimensions))


def samples_of(datum: Mapping[str, Any]) -> Distribution:
    """Its samples: one value, values with counts, or a statistic set."""
    samples = Distribution()
    summary, values = datum.get("StatisticValues"), datum.get("Values") or []
    given = [entry for entry in (datum.get("Value"), summary, values or None) if entry is not None]
    if len(given) != 1:
        raise AwsError("InvalidParameterCombination", "Exactly one of Value, Values and StatisticValues is required.")
    if summary:
        samples.add_summary(
            count=summary["SampleCount"],
            total=summary["Sum"],
            minimum=summary["Minimum"],
            maximum=summary["Maximum"],
        )
        return samples
    counts = datum.get("Counts") or [1.0] * len(values)
    if len(values) > VALUES_MAX or len(counts) != len(values):
        raise wrong_value(f"Values must have at most {VALUES_MAX} members and Counts as many.")
    for value, times in zip(values or [datum["Value"]], counts or [1.0], strict=True):
        if not math.isfinite(value):
            raise wrong_value("Value must be a finite number.")
        samples.add(float(value), float(times))
    return samples


def time_of(datum: Mapping[str, Any], now: float) -> float:
    """When it happened, in epoch seconds."""
    at = epoch(datum["Timestamp"]) if datum.get("Timestamp") else now
    if not now - PAST_SECONDS <= at <= now + FUTURE_SECONDS:
        raise wrong_value("Timestamp must be at most two weeks past and two hours ahead.")
    return at
