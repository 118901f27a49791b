"""Analyzes an A/B test: reads its metric for both variants, period by period, from where it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sluice.aws.metric_data import Counts, Dimensions, Moments, Span, whole_periods
from sluice.rollout.analysis.ab_test import Progress, compare_and_find
from sluice.rollout.analysis.confidence_sequence import Pair
from sluice.rollout.analysis.findings import Finding
from sluice.rollout.analysis.metric_windows import MetricWindow, maintenance_of
from sluice.rollout.model.plan import Experiment, Plan
from sluice.rollout.model.record import RolloutRecord

if TYPE_CHECKING:
    from sluice.rollout.analysis.ports import AnalysisPorts

_NOTHING = Moments(0, 0.0, 0.0)

_Periods = Mapping[datetime, Moments]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """One analysis of a test: what it compares, of whom and over which time."""

    record: RolloutRecord
    plan: Plan
    experiment: Experiment
    span: Span
    of: tuple[Dimensions, Dimensions]  # the candidate's and the baseline's
    left_out: Sequence[MetricWindow]  # when SageMaker maintained the endpoint
    ports: AnalysisPorts


def ab_test_finding(
    plan: Plan,
    record: RolloutRecord,
    span: Span,
    of: tuple[Dimensions, Dimensions],
    now: datetime,
    *,
    ports: AnalysisPorts,
) -> Finding:
    """The test's finding; ``of`` the candidate and the baseline.

    ``span`` is that of its stage, the first, with the time of one row that CloudWatch gives: the plan's, or longer for
    a test that was held for hours.
    """
    assert plan.baseline is not None
    assert plan.experiment is not None
    experiment = plan.experiment
    left_out = maintenance_of(plan, record, 0) if record.maintenance else ()
    test = _Test(record=record, plan=plan, experiment=experiment, span=span, of=of, left_out=left_out, ports=ports)
    progress = Progress(
        elapsed_seconds=(now - record.shifted_at[0] - _maintained(record)).total_seconds(),
        least_seconds=plan.stages[0].bake_seconds,
        requests=_requests(test) if experiment.max_requests is not None else 0,
    )
    pairs, is_bounded = _compared(test, (plan.candidate.variant, plan.baseline.variant))
    return compare_and_find(pairs, plan.judge.alpha, experiment, progress, is_bounded=is_bounded)


def _maintained(record: RolloutRecord) -> timedelta:
    return sum((each.duration for each in record.maintenance.get(0, ())), timedelta())


def _compared(test: _Test, variants: tuple[str, str]) -> tuple[Sequence[Pair], bool]:
    """Both versions period by period, and whether every value lies within 0..1."""
    if test.experiment.metric == "errors":
        return _pairs_of_metrics(test, *(_errors(test, of) for of in test.of)), True
    if test.experiment.metric == "latency":
        return _pairs_of_metrics(test, *(_slow(test, of) for of in test.of)), True
    found = test.ports.outcomes.read(test.record.id, test.experiment.metric, variants)
    candidate, baseline = (found[variant] for variant in variants)
    if not candidate.periods and not baseline.periods:
        return _pairs_of_metrics(test, *(_own_metric(test, variant) for variant in variants)), True
    pairs = _pairs(test, candidate.periods, baseline.periods, test.experiment.row_seconds)
    return pairs, not candidate.beyond and not baseline.beyond


def _pairs_of_metrics(test: _Test, candidate: _Periods, baseline: _Periods) -> Sequence[Pair]:
    return _pairs(test, *_whole(test, candidate, baseline), test.span.period_seconds)


def _pairs(test: _Test, candidate: _Periods, baseline: _Periods, row_seconds: int) -> Sequence[Pair]:
    """The periods that are over, oldest first. A period that has begun would be seen in two states.

    Those of SageMaker's maintenance are left out: what they show is not the versions' difference.
    """
    length = timedelta(seconds=row_seconds)
    closed = sorted(
        at
        for at in candidate.keys() | baseline.keys()
        if at + length <= test.span.end and not any(at < out.end and at + length > out.start for out in test.left_out)
    )
    return [Pair(candidate.get(at, _NOTHING), baseline.get(at, _NOTHING)) for at in closed]


def _errors(test: _Test, of: Dimensions) -> _Periods:
    return _moments(test.ports.metrics.counts(of, test.span))


def _slow(test: _Test, of: Dimensions) -> _Periods:
    """Requests slower than nine of ten were before the rollout; nothing where CloudWatch does not count them."""
    limits = {name: limit for name, limit in test.plan.slow_over_us.items() if name == "p90"}
    if not limits:
        return {}
    found = test.ports.metrics.slow_counts(of, limits, test.span)
    return _moments(found["p90"]) if found else {}


def _moments(counts: Mapping[datetime, Counts]) -> _Periods:
    return {at: Moments(each.requests, each.errors, each.errors) for at, each in counts.items()}


def _own_metric(test: _Test, variant: str) -> _Periods:
    """The user's own CloudWatch metric of that name, whose values lie within 0..1."""
    return test.ports.metrics.published_values(test.record.id.model, variant, test.experiment.metric, test.span)


def _whole(test: _Test, candidate: _Periods, baseline: _Periods) -> tuple[_Periods, _Periods]:
    """The periods that lie within the stage: the weights of others were not those of the test."""
    whole = frozenset(whole_periods(test.span.start, test.span.end, test.span.period_seconds))
    return (
        {at: sample for at, sample in candidate.items() if at in whole},
        {at: sample for at, sample in baseline.items() if at in whole},
    )


def _requests(test: _Test) -> int:
    return sum(each.requests for each in test.ports.metrics.counts(test.of[0], test.span).values())
