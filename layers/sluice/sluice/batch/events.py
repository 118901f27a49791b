"""The events of batch inference that Sluice reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRequested:
    """A request of a person or a schedule to score files. Idempotent: the same request at the same time is one run."""

    KIND: ClassVar = "BatchRequested"

    model: str
    request: str
    at: datetime  # of the request, or when the schedule was due
    input: str  # an s3:// folder; empty for the default one

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> Self:
        """Raises KeyError or ValueError for an invalid event."""
        detail = event["detail"]
        at = datetime.fromisoformat(detail["at"])
        if at.tzinfo is None:
            raise ValueError(f"at: {detail['at']!r} has no time zone")
        return cls(
            model=detail["model"],
            request=detail["request"],
            at=at.astimezone(UTC),
            input=detail.get("input") or "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformChanged:
    """A SageMaker Transform Job State Change; the status of the job is described again, not taken from the event."""

    KIND: ClassVar = "SageMaker Transform Job State Change"

    job: str

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> Self:
        return cls(job=event["detail"]["TransformJobName"])
