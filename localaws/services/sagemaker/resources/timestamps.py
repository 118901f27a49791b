"""Points in time in the three forms that SageMaker's events use."""

from __future__ import annotations

from datetime import UTC, datetime


def iso(at: datetime) -> str:
    """``2026-03-04T09:00:00Z``: model packages, pipelines, transform jobs."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def epoch_ms(at: datetime) -> int:
    """Milliseconds since 1970: processing jobs; as a string: training jobs."""
    return int(at.timestamp() * 1000)
