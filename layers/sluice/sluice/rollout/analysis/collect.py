"""Analyzes a stage: reads alarms, metrics, outcomes and captured answers, and returns what they say as findings.

What the numbers mean is decided in pure modules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from sluice.aws.metric_data import Counts, Dimensions, Span, dimensions_each
from sluice.errors import MetricsUnknownError
from sluice.rollout.analysis.ab_analysis import ab_test_finding
from sluice.rollout.analysis.alarms import alarm_finding, watched_alarms
from sluice.rollout.analysis.comparability import comparability_findings
from sluice.rollout.analysis.findings import Answer, Finding
from sluice.rollout.analysis.latency import Means, candidate_findings, latency_limits
from sluice.rollout.analysis.metric_windows import judged_periods, rows_by_threshold
from sluice.rollout.analysis.shadow_analysis import shadow_finding
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import RolloutRecord

if TYPE_CHECKING:
    from sluice.rollout.analysis.ports import AnalysisPorts


_ERRORS = "errors"

_Value = TypeVar("_Value")

_SlowCounts = Mapping[str, Mapping[datetime, Counts]]


def collect_findings(
    stage: int, record: RolloutRecord, plan: Plan, now: datetime, ports: AnalysisPorts
) -> tuple[Finding, ...]:
    """All findings on the stage now; ``bake_decision.decide`` turns them into a decision.

    A further kind of evidence is one more finding here. Alarms come first: a rollback names the first reason.
    """
    assert plan.baseline is not None  # stages are shifted between two variants
    findings = [_alarms(record, plan, ports)]
    try:
        findings += _metric_findings(stage, record, plan, now, ports)
    except MetricsUnknownError as error:
        # Neither proof nor harm may come of a part of the data: the next analysis reads all of it again.
        findings.append(Finding(name="metrics", answer=Answer.HOLD, reason=f"unknown: {error}", is_unknown=True))
    if plan.mirror is not None:
        findings.append(shadow_finding(plan, plan.mirror, record, now, ports))
    return tuple(findings)


def _metric_findings(
    stage: int, record: RolloutRecord, plan: Plan, now: datetime, ports: AnalysisPorts
) -> list[Finding]:
    """What CloudWatch's metrics of both versions say. Raises MetricsUnknownError unless it answers with all of them."""
    assert plan.baseline is not None
    judged = judged_periods(plan, record, now)
    both = candidate, baseline = dimensions_each(plan.endpoint, (plan.candidate.variant, plan.baseline.variant))
    failed = [_merged(ports.metrics.counts(of, span) for span in judged.spans) for of in both]
    slow, usually_slow, means = _latency(plan, judged.spans, candidate, baseline, ports)
    counted = rows_by_threshold(judged.starts, {_ERRORS: failed[0], **slow}, {_ERRORS: failed[1], **usually_slow})
    seen = counted.pop(_ERRORS)
    this_stage = seen[len(seen) - judged.in_this_stage :]
    findings = [
        *comparability_findings(this_stage, seen, _promised_share(plan, stage), plan.alarms),
        *candidate_findings(plan, seen, counted, means, judged.starts),
    ]
    if judged.experiment is not None and stage == 0:
        findings.append(ab_test_finding(plan, record, judged.experiment, (candidate, baseline), now, ports=ports))
    return findings


def _merged(parts: Iterable[Mapping[datetime, _Value]]) -> dict[datetime, _Value]:
    """The periods of spans that do not overlap."""
    return {at: value for part in parts for at, value in part.items()}


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
    plan: Plan, spans: Sequence[Span], candidate: Dimensions, baseline: Dimensions, ports: AnalysisPorts
) -> tuple[_SlowCounts, _SlowCounts, Means | None]:
    """Counts of slow requests of both variants by threshold; where those are not to be had, their mean latencies.

    Neither where latency is not judged.
    """
    limits = latency_limits(plan)
    if limits is None:
        return {}, {}, None
    slow = ports.metrics.slow_counts(candidate, limits, *spans)
    usually_slow = ports.metrics.slow_counts(baseline, plan.slow_over_us, *spans)
    if slow is not None and usually_slow is not None:
        return slow, usually_slow, None
    means = [_merged(ports.metrics.mean_latencies(of, span) for span in spans) for of in (candidate, baseline)]
    return {}, {}, (means[0], means[1])
