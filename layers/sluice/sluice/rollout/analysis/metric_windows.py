"""Which metric periods an analysis judges: complete ones, within stretches of unchanged weights. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sluice.aws.metric_data import Counts, whole_periods
from sluice.rollout.analysis.e_process import Row
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import RolloutRecord

LAG_SECONDS = {60: 120, 10: 10}
"""How long after its end a metric period is taken as complete, by period. Not documented by AWS; a baseline
whose data is late would look like a bad canary, so one-minute metrics get two minutes."""


MAX_ROWS = 1_500


ROWS_OF_A_BAKE = 10


ROWS_OF_A_WINNERS_BAKE = 2


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time in which the weights did not change."""

    start: datetime
    end: datetime


def next_look_seconds(plan: Plan, now: datetime) -> int:
    """Seconds until the next metric period is complete: an earlier look would see nothing new."""
    if plan.look_seconds > plan.period_seconds:
        return plan.look_seconds
    since_complete = (now.timestamp() - LAG_SECONDS[plan.period_seconds]) % plan.period_seconds
    return ceil(plan.period_seconds - since_complete) + 1


def row_seconds(plan: Plan) -> int:
    """How much time one row of evidence covers: a metric period, or more in a rollout of many days.

    Two weeks of minutes would take a look longer than they are worth. Every stage keeps some rows of its own; the bake
    of an A/B test's winner fewer, as what it has to add to a long test is little.
    """
    longest = sum(plan.longest_seconds(stage) for stage in range(len(plan.stages)))
    rows_of_a_bake = ROWS_OF_A_BAKE if plan.experiment is None else ROWS_OF_A_WINNERS_BAKE
    most = min((stage.bake_seconds for stage in plan.stages), default=0) // rows_of_a_bake
    coarser = [row for row in (300, 900, 3600) if row <= most]
    fitting = (row for row in (plan.period_seconds, *coarser) if longest <= row * MAX_ROWS)
    return next(fitting, coarser[-1] if coarser else plan.period_seconds)


def windows(record: RolloutRecord, now: datetime) -> list[Window]:
    """Stretches between weight changes whose metrics are complete; the newest is still growing.

    Each begins after the warm-up: fresh instances are slow and fail for reasons that pass. It is the same for both
    variants and was decided before the rollout.
    """
    plan = record.planned()
    complete = now - timedelta(seconds=LAG_SECONDS[plan.period_seconds])
    warm_up = timedelta(seconds=plan.judge.warm_up_periods * plan.period_seconds)
    return [
        Window(start + warm_up, min(record.shifting_at.get(stage + 1, complete), complete))
        for stage, start in sorted(record.shifted_at.items())
    ]


def rows(
    stretches: Sequence[Window],
    candidate: Mapping[datetime, Counts],
    baseline: Mapping[datetime, Counts],
    seconds: int,
) -> list[Row]:
    """One row per whole period of ``seconds`` within a stretch, oldest first; no data counts as no requests."""
    nothing = Counts(0, 0)
    return [
        Row(
            canary_requests=candidate.get(at, nothing).requests,
            canary_errors=candidate.get(at, nothing).errors,
            baseline_requests=baseline.get(at, nothing).requests,
            baseline_errors=baseline.get(at, nothing).errors,
        )
        for stretch in stretches
        for at in whole_periods(stretch.start, stretch.end, seconds)
    ]
