"""Which metric periods an analysis judges: complete ones, within stretches of unchanged weights. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from math import ceil

from sluice.aws.metric_data import Counts, Span, readable_periods
from sluice.rollout.analysis.e_process import Row
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import RolloutRecord

LAG_SECONDS = {60: 120, 10: 10}
"""How long after its end a metric period is taken as complete, by period. Not documented by AWS; a baseline
whose data is late would look like a bad canary, so one-minute metrics get two minutes."""


_MAX_ROWS = 1_500


_ROWS_OF_A_BAKE = 10


_ROWS_OF_A_WINNERS_BAKE = 2


@dataclass(frozen=True, slots=True)
class MetricWindow:
    """A stretch of time in which the weights did not change."""

    start: datetime
    end: datetime


def seconds_until_next_analysis(plan: Plan, now: datetime) -> int:
    """Seconds until the next metric period is complete: an earlier analysis would see nothing new."""
    if plan.look_seconds > plan.period_seconds:
        return plan.look_seconds
    since_complete = (now.timestamp() - LAG_SECONDS[plan.period_seconds]) % plan.period_seconds
    return ceil(plan.period_seconds - since_complete) + 1


def row_seconds(plan: Plan) -> int:
    """How much time one row of evidence covers: a metric period, or more in a rollout of many days.

    Two weeks of minutes would take an analysis longer than they are worth. Every stage keeps some rows of its own; the
    bake of an A/B test's winner fewer, as what it has to add to a long test is little.
    """
    longest = plan.longest_seconds_of_stages()
    rows_of_a_bake = _ROWS_OF_A_BAKE if plan.experiment is None else _ROWS_OF_A_WINNERS_BAKE
    most = min((stage.bake_seconds for stage in plan.stages), default=0) // rows_of_a_bake
    coarser = [row for row in (300, 900, 3600) if row <= most]
    fitting = (row for row in (plan.period_seconds, *coarser) if longest <= row * _MAX_ROWS)
    return next(fitting, coarser[-1] if coarser else plan.period_seconds)


def windows(plan: Plan, record: RolloutRecord, now: datetime) -> list[MetricWindow]:
    """Stretches between weight changes whose metrics are complete, without maintenance; the newest is still growing.

    Each begins after the warm-up: fresh instances are slow and fail for reasons that pass. It is the same for both
    variants and was decided before the rollout. So it is where SageMaker has replaced instances in its maintenance.
    """
    return [
        window
        for stage, whole in sorted(_stages(plan, record, now).items())
        for window in _outside(whole, maintenance_of(plan, record, stage))
    ]


def _stages(plan: Plan, record: RolloutRecord, now: datetime) -> dict[int, MetricWindow]:
    """The stretch of each stage from its warm-up on, by stage."""
    complete = now - timedelta(seconds=LAG_SECONDS[plan.period_seconds])
    warm_up = _warm_up(plan)
    return {
        stage: MetricWindow(start + warm_up, min(record.shifting_at.get(stage + 1, complete), complete))
        for stage, start in record.shifted_at.items()
    }


def _warm_up(plan: Plan) -> timedelta:
    return timedelta(seconds=plan.judge.warm_up_periods * plan.period_seconds)


def maintenance_of(plan: Plan, record: RolloutRecord, stage: int) -> list[MetricWindow]:
    """When a stage's metrics are those of SageMaker's maintenance: instances came and went for both versions.

    It began since the analysis before the first that saw it, and is followed by a warm-up.
    """
    unseen = timedelta(seconds=max(plan.look_seconds, plan.period_seconds))
    return [
        MetricWindow(each.since - unseen, each.until + _warm_up(plan)) for each in record.maintenance.get(stage, ())
    ]


def _outside(whole: MetricWindow, left_out: Iterable[MetricWindow]) -> Iterable[MetricWindow]:
    """What remains of a window; the last part also if it has not begun yet."""
    start = whole.start
    for each in left_out:
        if each.start >= whole.end or each.end <= start:
            continue
        if each.start > start:
            yield MetricWindow(start, each.start)
        start = each.end
    yield MetricWindow(start, whole.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedPeriods:
    """The periods that an analysis judges.

    ``starts``: when each began, oldest first; the last ``in_this_stage`` of them lie in the newest stage. ``spans``:
    for which metrics are read, oldest first, each at one resolution; none overlaps another. ``experiment``: the first
    stage with the rows of the A/B test that it is; None without one.
    """

    starts: list[datetime]
    in_this_stage: int
    spans: tuple[Span, ...]
    experiment: Span | None


def judged_periods(plan: Plan, record: RolloutRecord, now: datetime) -> JudgedPeriods:
    """What an analysis at ``now`` judges of a rollout that has shifted traffic.

    CloudWatch keeps short periods for some hours only. A stage that began before that is judged as a whole in longer
    ones: each moment lies in one row at most, and a row in one stage.
    """
    found = windows(plan, record, now)
    stages, row = _stages(plan, record, now), row_seconds(plan)
    test, newest = stages[min(stages)], stages[max(stages)]
    of_test = [(test.start, test.end, plan.experiment.row_seconds)] if plan.experiment is not None else []
    readable = readable_periods([*of_test, *((each.start, each.end, row) for each in found)], now)
    rows_of, by_window = zip(*readable[len(of_test) :], strict=True)
    starts = [at for periods in by_window for at in periods]
    return JudgedPeriods(
        starts=starts,
        in_this_stage=sum(at >= newest.start for at in starts),
        spans=tuple(_spans(found, rows_of, now)),
        experiment=Span(start=test.start, end=test.end, period_seconds=readable[0][0]) if of_test else None,
    )


def _spans(found: Sequence[MetricWindow], rows_of: Sequence[int], now: datetime) -> Iterable[Span]:
    """A span for each run of windows with rows of the same length; the last goes on until now."""
    for row, several in groupby(zip(found, rows_of, strict=True), key=lambda pair: pair[1]):
        alike = [window for window, _ in several]
        end = now if alike[-1] is found[-1] else alike[-1].end
        yield Span(start=alike[0].start, end=end, period_seconds=row)


def rows(
    starts: Iterable[datetime], candidate: Mapping[datetime, Counts], baseline: Mapping[datetime, Counts]
) -> list[Row]:
    """One row per period that starts at one of ``starts``; no data counts as no requests."""
    nothing = Counts(0, 0)
    return [
        Row(
            canary_requests=candidate.get(at, nothing).requests,
            canary_errors=candidate.get(at, nothing).errors,
            baseline_requests=baseline.get(at, nothing).requests,
            baseline_errors=baseline.get(at, nothing).errors,
        )
        for at in starts
    ]


def rows_by_threshold(
    starts: Iterable[datetime],
    candidate: Mapping[str, Mapping[datetime, Counts]],
    baseline: Mapping[str, Mapping[datetime, Counts]],
) -> dict[str, list[Row]]:
    """``rows`` of slow requests, for each threshold that ``baseline`` names."""
    return {name: rows(starts, candidate[name], baseline[name]) for name in baseline}
