"""Step caching: finds the earlier run of a step whose result is reused."""

from __future__ import annotations

import hashlib
import json
import math
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

# Instance types and counts, roles, outputs and limits are deliberately not among them, nor what S3 objects hold.
_KEY_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "Processing": ("AppSpecification", "Environment", "ProcessingInputs"),
    "Training": (
        "AlgorithmSpecification",
        "CheckpointConfig",
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "Environment",
        "HyperParameters",
        "InputDataConfig",
    ),
    "Transform": ("DataProcessing", "Environment", "ModelName", "TransformInput"),
}
CACHED_TYPES = frozenset(_KEY_ATTRIBUTES)

_DATE_SECONDS = {"y": 365 * 86_400, "m": 30 * 86_400, "w": 7 * 86_400, "d": 86_400}
_TIME_SECONDS = {"h": 3600, "m": 60}
_DURATION = re.compile(r"p?(?P<date>(?:\d+[ymwd])*)(?:t(?P<time>(?:\d+[hm])+))?")


def cache_key(step_type: str, arguments: Mapping[str, Any]) -> str:
    """Identifies a run by those resolved arguments that AWS compares."""
    compared = {name: arguments[name] for name in _KEY_ATTRIBUTES[step_type] if name in arguments}
    return hashlib.sha256(json.dumps(compared, sort_keys=True, default=str).encode()).hexdigest()


def duration_seconds(text: str) -> float:
    """Seconds of ``P30D`` or ``PT1H``, and of the looser ``30d``, ``T16m``, ``30dT5h`` that AWS also documents.

    "A year, month, week, day, hour, or minute value": seconds are not among them.
    https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-caching-enabling.html
    """
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None or not (found["date"] or found["time"]):
        raise ValueError(f"{text!r} is not a duration such as P30D or PT1H")
    return _sum(found["date"], _DATE_SECONDS) + _sum(found["time"] or "", _TIME_SECONDS)


def _sum(part: str, seconds: Mapping[str, int]) -> float:
    return float(sum(int(count) * seconds[unit] for count, unit in re.findall(r"(\d+)([a-z])", part)))


@dataclass(frozen=True, slots=True)
class CachedRun:
    """A successful run of a step and what it handed on."""

    finished_at: datetime
    execution_arn: str
    outputs: Mapping[str, Any]
    metadata: Mapping[str, Any]


class StepCache:
    """The newest successful run for each pipeline, step and key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[tuple[str, str, str], CachedRun] = {}

    def find(
        self, place: tuple[str, str, str], *, now: datetime, max_age_seconds: float = math.inf
    ) -> CachedRun | None:
        """The run kept under (pipeline ARN, step, key), if it is young enough."""
        with self._lock:
            run = self._runs.get(place)
        if run is None or (now - run.finished_at).total_seconds() > max_age_seconds:
            return None
        return run

    def keep(self, place: tuple[str, str, str], run: CachedRun) -> None:
        """Remember a successful run."""
        with self._lock:
            self._runs[place] = run

    def forget(self, pipeline_arn: str) -> None:
        """Drop the runs of a deleted pipeline."""
        with self._lock:
            self._runs = {place: run for place, run in self._runs.items() if place[0] != pipeline_arn}
