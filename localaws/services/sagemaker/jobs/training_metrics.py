"""The metrics of a training job, which SageMaker reads from what the container prints. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

# What SageMaker adds for its own XGBoost image, as DescribeTrainingJob shows it: a tab is #011 in its logs.
_NUMBER = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"
_OF_XGBOOST = ("rmse", "mae", "logloss", "error", "auc", "merror", "mlogloss", "ndcg", "map")
_LOGGED_TAB = "#011"

MetricDefinition = Mapping[str, Any]


def metric_definitions(given: Iterable[MetricDefinition], *, built_in: bool) -> list[MetricDefinition]:
    """A job's definitions: those of the request, and those of the image when its own algorithm trains."""
    own = [
        {"Name": f"{channel}:{metric}", "Regex": rf".*\[[0-9]+\].*#011{channel}-{metric}:{_NUMBER}.*"}
        for channel in ("train", "validation")
        for metric in _OF_XGBOOST
    ]
    return [*given, *(own if built_in else ())]


def final_metrics(definitions: Iterable[MetricDefinition], log: str, at: datetime) -> list[dict[str, Any]]:
    """The last value of each metric that the log has, as FinalMetricDataList shows it."""
    lines = [line.replace("\t", _LOGGED_TAB) for line in log.splitlines()]
    found = ((definition["Name"], _last(definition["Regex"], lines)) for definition in definitions)
    return [{"MetricName": name, "Value": value, "Timestamp": at} for name, value in found if value is not None]


def _last(regex: str, lines: list[str]) -> float | None:
    pattern = re.compile(regex)
    for line in reversed(lines):
        match = pattern.search(line)
        if match and match.groups():
            try:
                return float(match[1])
            except ValueError:  # the expression is the user's, and so is what it captures
                return None
    return None
