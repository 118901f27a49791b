"""CloudWatch's embedded metric format: samples that a function writes as a line of its log."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one metric under one set of dimensions."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    value: float
    unit: str


def samples(line: str) -> list[Sample]:
    """The samples in one line of a log; none for a line that is not, or not wholly, in the format."""
    if '"_aws"' not in line:
        return []
    try:
        document = json.loads(line)
        return list(_samples(document, document["_aws"]["CloudWatchMetrics"]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return []  # a function may log whatever it likes


def _samples(document: Mapping[str, Any], directives: Sequence[Mapping[str, Any]]) -> Iterator[Sample]:
    for directive in directives:
        for metric in directive["Metrics"]:
            for names in directive.get("Dimensions", [[]]):
                dimensions = {name: str(document[name]) for name in names}
                for value in _listed(document[metric["Name"]]):
                    unit = metric.get("Unit", "None")
                    yield Sample(directive["Namespace"], metric["Name"], dimensions, float(value), unit)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
