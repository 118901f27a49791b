"""The events of batch inference that Sluice reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRequested:
    """A person or a schedule wants files scored; the same request at the same time is the same request."""

    KIND: ClassVar = "BatchRequested"

    model: str
    request: str
    at: datetime  # when it was asked for, or was to begin
    input: str  # an s3:// folder; empty for the usual one

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> Self:
        """Raises KeyError or ValueError for an event that nobody could act on."""
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
    """A SageMaker Transform Job State Change; what became of the job is read anew."""

    KIND: ClassVar = "SageMaker Transform Job State Change"

    job: str

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> Self:
        return cls(job=event["detail"]["TransformJobName"])
