"""The telemetry protocol and the names of all metrics. Pure: AWS's libraries are behind ``powertools``."""

from __future__ import annotations

from typing import Literal, Protocol

Key = Literal["rollout", "model", "version", "endpoint", "execution", "rollout_stage", "job", "run", "inference"]
"""Keys by which a log line can be searched, besides the function and the correlation id, which every line has."""

Metric = Literal[
    "RolloutOpened",
    "RolloutPromoted",
    "RolloutRolledBack",  # cause: alarm, judge, guardrails, aborted
    "RolloutFailed",
    "RolloutDuration",  # seconds from the approval to its end
    "TimeToRestore",  # seconds from the fence to the close of the rollback, with the baseline serving alone
    "UploadAccepted",
    "UploadRejected",
    "PipelineRunEnded",  # cause: what it ended as
    "AsyncResultReady",
    "AsyncInferenceRetried",
    "AsyncInferenceParked",
    "BatchRows",
    "BatchRowsSetAside",
    "SweepFinding",  # cause: what was found
]

Unit = Literal["Count", "Seconds"]


class Telemetry(Protocol):
    """Lines and metrics of one invocation. Nothing given to it may hold payloads or values of a user's data."""

    def identify(self, key: Key, value: object) -> None:
        """Add a key to every further line of this invocation, as soon as it is known."""

    def log(self, message: str, **fields: object) -> None:
        """One line at level INFO; the message is constant text, what varies goes into fields."""

    def debug(self, message: str, **fields: object) -> None:
        """One line that is kept only in sampled invocations."""

    def error(self, message: str, **fields: object) -> None:
        """One line at level ERROR, with the exception that is being handled."""

    def measure(self, metric: Metric, value: float = 1, *, model: str, unit: Unit = "Count", cause: str = "") -> None:
        """One data point, by stage and model; ``cause``, where a metric has one, is a further dimension."""
