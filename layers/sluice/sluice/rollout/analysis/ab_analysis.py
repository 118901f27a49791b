"""What an A/B test has seen at one look: its metric for both variants, period by period, from where it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sluice.aws.metric_data import Counts, Sample, Span, dimensions, whole_periods
from sluice.rollout.ab_outcomes.store import Counted
from sluice.rollout.analysis.ab_test import Comparison, Progress, compare, decide
from sluice.rollout.analysis.confidence_sequence import Pair
from sluice.rollout.analysis.findings import Finding
from sluice.rollout.analysis.metric_windows import Window
from sluice.rollout.model.plan import Experiment, Plan, PlannedFleet
from sluice.rollout.model.record import RolloutRecord

if TYPE_CHECKING:
    from sluice.rollout.analysis.ports import AnalysisPorts

NOTHING = Sample(0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """One look at a test: what it compares, of whom and over which time."""

    record: RolloutRecord
    plan: Plan
    experiment: Experiment
    baseline: PlannedFleet
    window: Window
    ports: AnalysisPorts

    @property
    def span(self) -> Span:
        return Span(start=self.window.start, end=self.window.end, period_seconds=self.experiment.row_seconds)


def ab_findings(
    stage: int, record: RolloutRecord, window: Window, now: datetime, ports: AnalysisPorts
) -> tuple[Finding, ...]:
    """What the test says, if this is the stage of one; ``window`` is that of its first stage."""
    plan = record.planned()
    if plan.experiment is None or plan.baseline is None or stage != 0:
        return ()
    test = _Test(
        record=record, plan=plan, experiment=plan.experiment, baseline=plan.baseline, window=window, ports=ports
    )
    progress = Progress(
        elapsed_seconds=(now - record.shifted_at[0]).total_seconds(),
        least_seconds=plan.stages[0].bake_seconds,
        requests=_requests(test) if test.experiment.max_requests is not None else 0,
    )
    return (decide(_compared(test), test.experiment, progress),)


def _compared(test: _Test) -> Comparison:
    alpha = test.plan.judge.alpha
    if test.experiment.metric == "errors":
        return compare(_pairs(test, _errors(test, test.plan.candidate), _errors(test, test.baseline)), alpha)
    if test.experiment.metric == "latency":
        return compare(_pairs(test, _slow(test, test.plan.candidate), _slow(test, test.baseline)), alpha)
    candidate, baseline = _outcomes(test, test.plan.candidate), _outcomes(test, test.baseline)
    if not candidate.periods and not baseline.periods:
        candidate, baseline = _own_metric(test, test.plan.candidate), _own_metric(test, test.baseline)
    is_bounded = not candidate.beyond and not baseline.beyond
    return compare(_pairs(test, candidate.periods, baseline.periods), alpha, is_bounded=is_bounded)


def _pairs(test: _Test, candidate: Mapping[datetime, Sample], baseline: Mapping[datetime, Sample]) -> Sequence[Pair]:
    """The periods that are over, oldest first. A period that has begun would be seen in two states."""
    length = timedelta(seconds=test.experiment.row_seconds)
    closed = sorted(at for at in candidate.keys() | baseline.keys() if at + length <= test.window.end)
    return [Pair(candidate.get(at, NOTHING), baseline.get(at, NOTHING)) for at in closed]


def _errors(test: _Test, fleet: PlannedFleet) -> dict[datetime, Sample]:
    found = test.ports.metrics.counts(dimensions(test.plan.endpoint, fleet.variant), test.span)
    return _whole(test, found)


def _slow(test: _Test, fleet: PlannedFleet) -> dict[datetime, Sample]:
    """Requests slower than nine of ten were before the rollout; nothing where CloudWatch does not count them."""
    limits = {name: limit for name, limit in test.plan.slow_over_us.items() if name == "p90"}
    if not limits:
        return {}
    found = test.ports.metrics.slow_counts(dimensions(test.plan.endpoint, fleet.variant), limits, test.span)
    return _whole(test, found["p90"]) if found else {}


def _whole(test: _Test, counts: Mapping[datetime, Counts]) -> dict[datetime, Sample]:
    """Of the periods that lie within the stage: the weights of others were not those of the test."""
    inside = set(whole_periods(test.window.start, test.window.end, test.experiment.row_seconds))
    return {at: Sample(each.requests, each.errors, each.errors) for at, each in counts.items() if at in inside}


def _outcomes(test: _Test, fleet: PlannedFleet) -> Counted:
    return test.ports.outcomes.read(test.record.id, test.experiment.metric, fleet.variant)


def _own_metric(test: _Test, fleet: PlannedFleet) -> Counted:
    """The user's own CloudWatch metric of that name."""
    found = test.ports.metrics.own(test.record.id.model, fleet.variant, test.experiment.metric, test.span)
    inside = set(whole_periods(test.window.start, test.window.end, test.experiment.row_seconds))
    return Counted({at: sample for at, sample in found.items() if at in inside}, 0)


def _requests(test: _Test) -> int:
    found = test.ports.metrics.counts(dimensions(test.plan.endpoint, test.plan.candidate.variant), test.span)
    return sum(each.requests for each in found.values())
