"""One look at a stage: reads what there is to see and returns it as findings, which pure modules make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sluice.aws.metric_data import Counts, Dimensions, Span, dimensions, whole_periods
from sluice.rollout.analysis.ab_analysis import ab_findings
from sluice.rollout.analysis.alarms import alarm_finding, watched_alarms
from sluice.rollout.analysis.baseline_health import incident_finding
from sluice.rollout.analysis.e_process import Row
from sluice.rollout.analysis.findings import Finding
from sluice.rollout.analysis.judge import judge
from sluice.rollout.analysis.latency import (
    candidate_limits,
    error_rules,
    is_latency_judged,
    latency_alpha,
    slow_rules,
    slow_words,
    unjudged,
    with_remark,
)
from sluice.rollout.analysis.metric_windows import Window, row_seconds, rows, windows
from sluice.rollout.analysis.shadow_analysis import shadow_finding
from sluice.rollout.analysis.sign_test import judge_signs, slower_periods
from sluice.rollout.analysis.traffic_share import traffic_finding
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import RolloutRecord

if TYPE_CHECKING:
    from sluice.rollout.analysis.ports import AnalysisPorts


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a look reads: both variants, over the stretches in which the weights did not change."""

    plan: Plan
    stretches: list[Window]
    span: Span
    candidate: Dimensions
    baseline: Dimensions

    def rows(self, candidate: Mapping[datetime, Counts], baseline: Mapping[datetime, Counts]) -> list[Row]:
        return rows(self.stretches, candidate, baseline, self.span.period_seconds)

    def periods(self) -> list[datetime]:
        return [at for each in self.stretches for at in whole_periods(each.start, each.end, self.span.period_seconds)]


def look(stage: int, record: RolloutRecord, now: datetime, ports: AnalysisPorts) -> tuple[Finding, ...]:
    """Everything that is known of the stage at this look; ``watch.conclude`` says what follows.

    A further kind of evidence is one more finding here. Alarms come first: their reason is the one that is told.
    """
    plan = record.planned()
    sight = _sight(record, now)
    candidate = ports.metrics.counts(sight.candidate, sight.span)
    baseline = ports.metrics.counts(sight.baseline, sight.span)
    seen = sight.rows(candidate, baseline)
    this_stage = rows(sight.stretches[-1:], candidate, baseline, sight.span.period_seconds)
    rules = error_rules(plan)
    return (
        _alarms(record, ports),
        traffic_finding(this_stage, promised_share(plan, stage)),
        incident_finding(seen, plan.alarms),
        judge(seen, rules).finding("errors", rules),
        *_latency(sight, ports),
        *([shadow_finding(record, plan.mirror, now, ports)] if plan.mirror else []),
        *ab_findings(stage, record, sight.stretches[0], now, ports),
    )


def promised_share(plan: Plan, stage: int) -> float:
    """The candidate's fraction of all requests: by its weight, or by the copies that its being a shadow gives it."""
    if plan.mirror is not None:
        copies = plan.mirror.share_percent / 100
        return copies / (1 + copies)
    return plan.stages[stage].weight / 100


def _sight(record: RolloutRecord, now: datetime) -> Sight:
    plan = record.planned()
    assert plan.baseline is not None  # stages are shifted between two variants
    stretches = windows(record, now)
    return Sight(
        plan=plan,
        stretches=stretches,
        span=Span(start=stretches[0].start, end=now, period_seconds=row_seconds(plan)),
        candidate=dimensions(plan.endpoint, plan.candidate.variant),
        baseline=dimensions(plan.endpoint, plan.baseline.variant),
    )


def _alarms(record: RolloutRecord, ports: AnalysisPorts) -> Finding:
    watched = watched_alarms(ports.names, str(record.id), record.planned())
    return alarm_finding(watched, ports.metrics.alarm_states(watched))


def _latency(sight: Sight, ports: AnalysisPorts) -> tuple[Finding, ...]:
    """By counts of slow requests, one finding per threshold; where those are not to be had, by mean latencies."""
    plan = sight.plan
    if not is_latency_judged(plan):
        return (unjudged(plan),)
    candidate = ports.metrics.slow_counts(sight.candidate, candidate_limits(plan), sight.span)
    baseline = ports.metrics.slow_counts(sight.baseline, plan.slow_over_us, sight.span)
    if candidate is None or baseline is None:
        return (_mean_latency(sight, ports),)
    rules = slow_rules(plan)
    return tuple(
        judge(sight.rows(candidate[name], baseline[name]), rules).finding(
            f"latency {name}", rules, slow_words(plan, name)
        )
        for name in plan.slow_over_us
    )


def _mean_latency(sight: Sight, ports: AnalysisPorts) -> Finding:
    slower = slower_periods(
        ports.metrics.mean_latencies(sight.candidate, sight.span),
        ports.metrics.mean_latencies(sight.baseline, sight.span),
        sight.periods(),
        sight.plan.judge.slower_percent / 100,
    )
    found = judge_signs(slower, latency_alpha(sight.plan), sight.plan.judge.beta)
    return with_remark(found, "by mean latencies, as CloudWatch does not count slow requests here")
