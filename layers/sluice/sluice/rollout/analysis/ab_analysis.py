"""Analyzes an A/B test: reads its metric for both variants, period by period, from where it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sluice.aws.metric_data import Counts, Moments, Span, dimensions, whole_periods
from sluice.rollout.analysis.ab_test import ABComparison, Progress, ab_finding, compare_versions
from sluice.rollout.analysis.confidence_sequence import Pair
from sluice.rollout.analysis.findings import Finding
from sluice.rollout.analysis.metric_windows import MetricWindow
from sluice.rollout.model.plan import Experiment, Plan, PlannedFleet
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
    window: MetricWindow
    whole: frozenset[datetime]  # periods that lie within the stage: the weights of others were not those of the test
    ports: AnalysisPorts

    @property
    def span(self) -> Span:
        return Span(start=self.window.start, end=self.window.end, period_seconds=self.experiment.row_seconds)


def ab_test_finding(
    plan: Plan, record: RolloutRecord, window: MetricWindow, now: datetime, ports: AnalysisPorts
) -> Finding:
    """The test's finding; ``window`` is that of its stage, the first."""
    assert plan.baseline is not None
    assert plan.experiment is not None
    experiment = plan.experiment
    whole = frozenset(whole_periods(window.start, window.end, experiment.row_seconds))
    test = _Test(record=record, plan=plan, experiment=experiment, window=window, whole=whole, ports=ports)
    progress = Progress(
        elapsed_seconds=(now - record.shifted_at[0]).total_seconds(),
        least_seconds=plan.stages[0].bake_seconds,
        requests=_requests(test) if experiment.max_requests is not None else 0,
    )
    return ab_finding(_compared(test, plan.candidate, plan.baseline), experiment, progress)


def _compared(test: _Test, candidate: PlannedFleet, baseline: PlannedFleet) -> ABComparison:
    alpha = test.plan.judge.alpha
    if test.experiment.metric == "errors":
        return compare_versions(_pairs(test, _errors(test, candidate), _errors(test, baseline)), alpha)
    if test.experiment.metric == "latency":
        return compare_versions(_pairs(test, _slow(test, candidate), _slow(test, baseline)), alpha)
    found = test.ports.outcomes.read(test.record.id, test.experiment.metric, (candidate.variant, baseline.variant))
    of_candidate, of_baseline = found[candidate.variant], found[baseline.variant]
    if not of_candidate.periods and not of_baseline.periods:
        return compare_versions(_pairs(test, _own_metric(test, candidate), _own_metric(test, baseline)), alpha)
    pairs = _pairs(test, of_candidate.periods, of_baseline.periods)
    return compare_versions(pairs, alpha, is_bounded=not of_candidate.beyond and not of_baseline.beyond)


def _pairs(test: _Test, candidate: _Periods, baseline: _Periods) -> Sequence[Pair]:
    """The periods that are over, oldest first. A period that has begun would be seen in two states."""
    length = timedelta(seconds=test.experiment.row_seconds)
    closed = sorted(at for at in candidate.keys() | baseline.keys() if at + length <= test.window.end)
    return [Pair(candidate.get(at, _NOTHING), baseline.get(at, _NOTHING)) for at in closed]


def _errors(test: _Test, fleet: PlannedFleet) -> _Periods:
    return _whole(test, test.ports.metrics.counts(dimensions(test.plan.endpoint, fleet.variant), test.span))


def _slow(test: _Test, fleet: PlannedFleet) -> _Periods:
    """Requests slower than nine of ten were before the rollout; nothing where CloudWatch does not count them."""
    limits = {name: limit for name, limit in test.plan.slow_over_us.items() if name == "p90"}
    if not limits:
        return {}
    found = test.ports.metrics.slow_counts(dimensions(test.plan.endpoint, fleet.variant), limits, test.span)
    return _whole(test, found["p90"]) if found else {}


def _whole(test: _Test, counts: Mapping[datetime, Counts]) -> _Periods:
    return {at: Moments(each.requests, each.errors, each.errors) for at, each in counts.items() if at in test.whole}


def _own_metric(test: _Test, fleet: PlannedFleet) -> _Periods:
    """The user's own CloudWatch metric of that name, whose values lie within 0..1."""
    found = test.ports.metrics.published_values(test.record.id.model, fleet.variant, test.experiment.metric, test.span)
    return {at: sample for at, sample in found.items() if at in test.whole}


def _requests(test: _Test) -> int:
    found = test.ports.metrics.counts(dimensions(test.plan.endpoint, test.plan.candidate.variant), test.span)
    return sum(each.requests for each in found.values())
