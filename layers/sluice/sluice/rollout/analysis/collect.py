"""Analyzes a stage: reads alarms, metrics, outcomes and captured answers, and returns what they say as findings.

What the numbers mean is decided in pure modules.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sluice.aws.metric_data import Dimensions, dimensions
from sluice.rollout.analysis.ab_analysis import ab_test_finding
from sluice.rollout.analysis.alarms import alarm_finding, watched_alarms
from sluice.rollout.analysis.comparability import comparability_findings
from sluice.rollout.analysis.findings import Finding
from sluice.rollout.analysis.latency import (
    error_finding,
    latency_limits,
    mean_latency_finding,
    slow_findings,
    unjudged,
)
from sluice.rollout.analysis.metric_windows import JudgedPeriods, judged_periods, rows, rows_by_threshold
from sluice.rollout.analysis.shadow_analysis import shadow_finding
from sluice.rollout.analysis.sign_test import slower_periods
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import RolloutRecord

if TYPE_CHECKING:
    from sluice.rollout.analysis.ports import AnalysisPorts


def collect_findings(
    stage: int, record: RolloutRecord, plan: Plan, now: datetime, ports: AnalysisPorts
) -> tuple[Finding, ...]:
    """All findings on the stage now; ``bake_decision.decide`` turns them into a decision.

    A further kind of evidence is one more finding here. Alarms come first: a rollback names the first reason.
    """
    assert plan.baseline is not None  # stages are shifted between two variants
    judged = judged_periods(plan, record, now)
    candidate = dimensions(plan.endpoint, plan.candidate.variant)
    baseline = dimensions(plan.endpoint, plan.baseline.variant)
    seen = rows(
        judged.starts,
        ports.metrics.counts(candidate, judged.span),
        ports.metrics.counts(baseline, judged.span),
    )
    this_stage = seen[len(seen) - judged.in_this_stage :]
    findings = [
        _alarms(record, plan, ports),
        *comparability_findings(this_stage, seen, _promised_share(plan, stage), plan.alarms),
        error_finding(plan, seen),
        *_latency(plan, judged, candidate, baseline, ports),
    ]
    if plan.mirror is not None:
        findings.append(shadow_finding(plan, plan.mirror, record, now, ports))
    if plan.experiment is not None and stage == 0:
        findings.append(ab_test_finding(plan, record, judged.first_stage, now, ports))
    return tuple(findings)


def _promised_share(plan: Plan, stage: int) -> float:
    """The candidate's fraction of all requests: by its weight, or by the copies that its being a shadow gives it."""
    if plan.mirror is not None:
        copies = plan.mirror.share_percent / 100
        return copies / (1 + copies)
    return plan.stages[stage].weight / 100


def _alarms(record: RolloutRecord, plan: Plan, ports: AnalysisPorts) -> Finding:
    watched = watched_alarms(ports.names, str(record.id), plan)
    return alarm_finding(watched, ports.metrics.alarm_states(watched))


def _latency(
    plan: Plan, judged: JudgedPeriods, candidate: Dimensions, baseline: Dimensions, ports: AnalysisPorts
) -> tuple[Finding, ...]:
    """By counts of slow requests, one finding per threshold; where those are not to be had, by mean latencies."""
    limits = latency_limits(plan)
    if limits is None:
        return (unjudged(plan),)
    metrics, span = ports.metrics, judged.span
    slow = metrics.slow_counts(candidate, limits, span)
    usually_slow = metrics.slow_counts(baseline, plan.slow_over_us, span)
    if slow is not None and usually_slow is not None:
        return slow_findings(plan, rows_by_threshold(judged.starts, slow, usually_slow))
    slower = slower_periods(
        metrics.mean_latencies(candidate, span),
        metrics.mean_latencies(baseline, span),
        judged.starts,
        plan.judge.slower_percent / 100,
    )
    return (mean_latency_finding(plan, slower),)
