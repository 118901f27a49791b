"""Reads the metrics of a version from the evaluation report that its pipeline run wrote."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from sluice.bounded_json import BoundsError, parse_json
from sluice.errors import AwsRefusedError

if TYPE_CHECKING:
    from sluice.aws.model_registry import Package
    from sluice.rollout.model.ports import LiveVersionBucket


MAX_REPORT_BYTES = 4 << 20

MAX_METRICS = 200
MAX_NAME = 100
MAX_VERDICT = 1_000
"""Metrics of a report, and characters of a name and of the verdict, that are kept. An item of the table has 400 KB and
an event 256 KB: what does not fit would be neither recorded nor announced, ever."""


def metrics_of(package: Package, bucket: LiveVersionBucket) -> Mapping[str, float]:
    """The metrics of the version's evaluation report by name, such as ``mse``; empty if it has no report.

    Whoever registers a version names the report: it may lie where Sluice may not read.
    """
    if not package.metrics_uri:
        return {}
    try:
        return metrics_at(package.metrics_uri, bucket)
    except AwsRefusedError as error:
        if error.is_access_refusal:
            return {}
        raise


def metrics_at(uri: str, bucket: LiveVersionBucket) -> dict[str, float]:
    """The metrics of an evaluation report; empty if it cannot be read, as of ``read_report``."""
    return dict(metric_values(read_report(uri, bucket)))


def read_report(uri: str, bucket: LiveVersionBucket) -> object:
    """An evaluation report; empty if it does not exist, is not JSON, or is larger or nested deeper than any report.

    A job's container writes it, so it is read within bounds.
    """
    try:
        return parse_json(bucket.read(uri, MAX_REPORT_BYTES + 1) or b"{}", MAX_REPORT_BYTES)
    except BoundsError:
        return {}


def gate_verdict(report: object) -> str:
    """Which rules of the spec's gate a version failed, in words; empty if its report does not say."""
    gate = report.get("gate") if isinstance(report, Mapping) else None
    return str(gate.get("verdict") or "")[:MAX_VERDICT] if isinstance(gate, Mapping) else ""


def metric_values(report: object) -> Iterator[tuple[str, float]]:
    """Yields ``mse`` and 4.2 for ``{"regression_metrics": {"mse": {"value": 4.2}}}``; the first ones of too many."""
    return islice(_values(report), MAX_METRICS)


def _values(report: object) -> Iterator[tuple[str, float]]:
    if not isinstance(report, Mapping):
        return
    for name, inner in report.items():
        value = inner.get("value") if isinstance(inner, Mapping) else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            if math.isfinite(value):  # JSON has no NaN: EventBridge would not accept an event with one
                yield str(name)[:MAX_NAME], float(value)
        else:
            yield from _values(inner)
