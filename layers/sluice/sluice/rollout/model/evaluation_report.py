"""Reads the metrics of a version from the evaluation report that its pipeline run wrote."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sluice.aws.model_registry import Package
    from sluice.rollout.model.ports import LiveVersionBucket


def metrics_of(package: Package, bucket: LiveVersionBucket) -> Mapping[str, float]:
    """The metrics of the version's evaluation report by name, such as ``mse``; empty if it has no report."""
    return metrics_at(package.metrics_uri, bucket) if package.metrics_uri else {}


def metrics_at(uri: str, bucket: LiveVersionBucket) -> dict[str, float]:
    """The metrics of an evaluation report; empty if it does not exist or is not JSON."""
    return dict(metric_values(read_report(uri, bucket)))


def read_report(uri: str, bucket: LiveVersionBucket) -> object:
    """An evaluation report; empty if it does not exist or is not JSON."""
    try:
        return json.loads(bucket.read(uri) or b"{}")
    except ValueError:
        return {}


def gate_verdict(report: object) -> str:
    """Which rules of the spec's gate a version failed, in words; empty if its report does not say."""
    gate = report.get("gate") if isinstance(report, Mapping) else None
    return str(gate.get("verdict") or "") if isinstance(gate, Mapping) else ""


def metric_values(report: object) -> Iterator[tuple[str, float]]:
    """Yields ``mse`` and 4.2 for ``{"regression_metrics": {"mse": {"value": 4.2}}}``."""
    if not isinstance(report, Mapping):
        return
    for name, inner in report.items():
        value = inner.get("value") if isinstance(inner, Mapping) else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            if math.isfinite(value):  # JSON has no NaN: EventBridge would not accept an event with one
                yield str(name), float(value)
        else:
            yield from metric_values(inner)
