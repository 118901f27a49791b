"""CloudWatch's embedded metric format: samples that a function writes as a line of its log."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
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


def samples(line: str) -> Iterator[Sample]:
    """The samples in one line of a log; none for a line that is not in the format."""
    if '"_aws"' not in line:
        return
    try:
        document = json.loads(line)
        directives = document["_aws"]["CloudWatchMetrics"]
    except (json.JSONDecodeError, KeyError, TypeError):
        return  # a function may log whatever it likes
    for directive in directives:
        for metric in directive.get("Metrics", []):
            for names in directive.get("Dimensions", [[]]):
                dimensions = {name: str(document[name]) for name in names}
                for value in _values(document, metric["Name"]):
                    unit = metric.get("Unit", "None")
                    yield Sample(directive["Namespace"], metric["Name"], dimensions, value, unit)


def _values(document: Mapping[str, Any], name: str) -> list[float]:
    value = document.get(name, [])
    return [float(v) for v in (value if isinstance(value, list) else [value])]
