"""The events of batch inference that Sluice reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self

from sluice.bounded_json import parse_moment
from sluice.names import is_model

MAX_TEXT = 1_024
"""Characters: as many as an S3 key has bytes."""


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
        """Raises KeyError, TypeError or ValueError for an invalid event; anybody who may put events can send one."""
        detail = event["detail"]
        if datetime.fromisoformat(detail["at"]).tzinfo is None:
            raise ValueError(f"at: {detail['at']!r} has no time zone")
        model, request, folder = (_text(detail.get(name), name) for name in ("model", "request", "input"))
        if not is_model(model):
            raise ValueError(f"model: {model!r} is no name of a model")
        if not request:
            raise ValueError("request: is missing; allowed: any text of its own")
        return cls(model=model, request=request, at=parse_moment(detail["at"]), input=folder)


def _text(found: object, name: str) -> str:
    text = "" if found is None else found
    if not isinstance(text, str) or len(text) > MAX_TEXT or not text.isprintable():
        raise ValueError(f"{name}: allowed is a printable text of at most {MAX_TEXT:,} characters")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformChanged:
    """A SageMaker Transform Job State Change; the status of the job is described again, not taken from the event."""

    KIND: ClassVar = "SageMaker Transform Job State Change"

    job: str

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> Self:
        return cls(job=event["detail"]["TransformJobName"])
