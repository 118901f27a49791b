"""A pipeline run as Sluice records it: its data, parameters, steps, metrics and outcome. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from sluice.names import package_group_and_version
from sluice.stored import known_fields

ENDED = frozenset({"Succeeded", "Failed", "Stopped", "CompletedWithFailures"})
_JOBS = frozenset({"Processing", "Training"})
INPUT_PARAMETER = "InputData"

ADDED_FIELDS = ("step_code", "verdict")
"""What release 0.2 does not know of a run and would refuse to read: stored apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRun:
    """One step that has started."""

    name: str
    kind: str  # Processing | Training | Condition | RegisterModel | Fail | …
    status: str  # Starting | Executing | Stopping | Stopped | Failed | Succeeded
    started_at: datetime | None = None
    ended_at: datetime | None = None
    cached_from: str = ""  # ARN of the execution whose result was reused instead of doing the work
    attempts: int = 0
    reason: str = ""

    @property
    def seconds(self) -> float | None:
        """How long it took; None while it has not ended."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineRun:
    """One pipeline execution."""

    model: str
    execution: str  # ARN
    status: str  # Executing | Stopping | Stopped | Failed | Succeeded | CompletedWithFailures
    started_at: datetime
    modified_at: datetime  # as SageMaker has it; retrying a failed run changes it
    parameters: Mapping[str, str] = field(default_factory=dict)  # defaults included
    steps: tuple[StepRun, ...] = ()
    code: str = ""  # S3 URI that ends with the digest of the training's code
    step_code: Mapping[str, str] = field(default_factory=dict)  # the same of each job, by its step
    reports: tuple[str, ...] = ()  # S3 URIs of evaluation reports
    metrics: Mapping[str, float] = field(default_factory=dict)
    verdict: str = ""  # which rules of the spec's gate failed, as the evaluation report says
    package_arn: str = ""  # of the version registered
    execution_reason: str = ""  # SageMaker's own words, which do not name the step

    @property
    def id(self) -> str:
        return self.execution.rsplit("/", 1)[-1]

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    @property
    def ended_at(self) -> datetime | None:
        """When its last step ended; None while it runs."""
        ends = [step.ended_at for step in self.steps if step.ended_at]
        return max(ends, default=self.modified_at) if self.has_ended else None

    @property
    def version(self) -> int | None:
        """The version it registered."""
        named = package_group_and_version(self.package_arn)
        return named[1] if named else None

    @property
    def input_data(self) -> str:
        """The manifest's URI."""
        return self.parameters.get(INPUT_PARAMETER, "")

    @property
    def cache_hits(self) -> int:
        return sum(bool(step.cached_from) for step in self.steps)

    @property
    def jobs(self) -> int:
        """Steps that do work, and so can be taken from the cache."""
        return sum(step.kind in _JOBS for step in self.steps)

    @property
    def is_all_cached(self) -> bool:
        """Every job was taken from the cache: what it registered is an earlier model under a new number."""
        return 0 < self.jobs == self.cache_hits

    @property
    def training_execution(self) -> str:
        """ARN of the execution that trained the model: an earlier one after a cache hit; "" if none did."""
        trained = [step for step in self.steps if step.kind == "Training" and step.status == "Succeeded"]
        return (trained[-1].cached_from or self.execution) if trained else ""

    @property
    def failed_step(self) -> StepRun | None:
        """The step that failed first."""
        failed = (step for step in self.steps if step.status == "Failed")
        return min(failed, key=lambda step: step.ended_at or self.modified_at, default=None)

    @property
    def reason(self) -> str:
        """Why it did not succeed, in the words of the step that failed first; empty if it did, or has not ended."""
        if not self.has_ended or self.status == "Succeeded":
            return ""
        failed = self.failed_step
        if failed:
            measured = f"; {self._measured}" if failed.kind == "Fail" and self.verdict else ""
            return f"{failed.name}: {failed.reason or self.execution_reason}{measured}"
        return self.execution_reason or f"the run was {self.status.lower()}"

    @property
    def _measured(self) -> str:
        metrics = ", ".join(f"{name} is {value:.6g}" for name, value in self.metrics.items())
        return "; ".join(filter(None, (metrics, f"gate of the spec: {self.verdict}")))

    def with_report(self, metrics: Mapping[str, float], verdict: str) -> Self:
        return replace(self, metrics=dict(metrics), verdict=verdict)

    @classmethod
    def parse(cls, stored: Mapping[str, Any]) -> Self:
        """A run as ``to_json`` wrote it, in this release, an earlier or a later one: what is unknown is left out."""
        steps = tuple(
            StepRun(
                **{**known_fields(StepRun, step), **{name: _time(step[name]) for name in ("started_at", "ended_at")}}
            )
            for step in stored["steps"]
        )
        times = {name: datetime.fromisoformat(stored[name]) for name in ("started_at", "modified_at")}
        return cls(**{**known_fields(cls, stored), **times, "steps": steps, "reports": tuple(stored["reports"])})

    def to_json(self) -> dict[str, Any]:
        """The item as ``parse`` reads it back."""
        fields = asdict(self)
        for part in (fields, *fields["steps"]):
            for name, value in part.items():
                if isinstance(value, datetime):
                    part[name] = value.isoformat()
        return fields


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
