"""What an A/B test is about, fixed before it begins: part of a rollout's plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sluice.spec.strategies import ABTest

MAX_ROWS = 1_500
_ROW_SECONDS = (10, 60, 300, 900, 3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """The settings of a test, which is the first stage of its rollout.

    ``row_seconds`` is how much time one row of the comparison covers. It is part of the plan, as rows that are cut
    anew between two looks would be another test.
    """

    metric: str  # errors, latency, or the name of outcomes that are sent
    better: Literal["higher", "lower"]
    on_tie: Literal["keep", "promote"]
    max_seconds: int
    max_requests: int | None
    row_seconds: int


def experiment_of(settings: ABTest, period_seconds: int) -> Experiment:
    """The experiment a spec asks for; 14 days make 1,344 rows of 15 minutes."""
    longest = settings.max_duration_seconds
    fitting = (row for row in _ROW_SECONDS if row >= period_seconds and longest <= row * MAX_ROWS)
    return Experiment(
        metric=settings.metric,
        better="higher" if settings.better == "higher" else "lower",
        on_tie="promote" if settings.on_tie == "promote" else "keep",
        max_seconds=longest,
        max_requests=settings.max_requests,
        row_seconds=next(fitting),
    )
