"""Analyzes a shadow: reads the captured answers of both versions and compares them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sluice.rollout.analysis.data_capture import captured_in, sample_of
from sluice.rollout.analysis.findings import Answer, Finding
from sluice.rollout.analysis.shadow_agreement import Agreement, Terms, judge_agreement, pairs
from sluice.rollout.model.plan import Mirror, Plan
from sluice.rollout.model.record import RolloutRecord

if TYPE_CHECKING:
    from sluice.rollout.analysis.ports import AnalysisPorts

_ANSWERS = {"agrees": Answer.ADVANCE, "unknown": Answer.HOLD, "differs": Answer.ROLL_BACK}


def shadow_finding(plan: Plan, mirror: Mirror, record: RolloutRecord, now: datetime, ports: AnalysisPorts) -> Finding:
    """Whether enough of the shadow's answers agree with those of the version that answers clients.

    SageMaker writes what it captures below the endpoint's and the variant's names.
    """
    assert plan.baseline is not None  # whose shadow it is
    since = record.shifted_at[0]
    live, shadow = (
        ports.captures.files(f"{mirror.capture_prefix}{plan.endpoint}/{variant}", since, now)
        for variant in (plan.baseline.variant, plan.candidate.variant)
    )
    asked, mirrored = (captured_in(ports.captures.lines(chosen)) for chosen in sample_of(live, shadow))
    return _finding(judge_agreement(pairs(asked, mirrored), _terms(plan, mirror)))


def _terms(plan: Plan, mirror: Mirror) -> Terms:
    return Terms(
        tolerance=mirror.tolerance_percent / 100,
        min_share=mirror.min_agreement_percent / 100,
        min_pairs=mirror.min_requests,
        alpha=plan.judge.alpha,
        beta=plan.judge.beta,
    )


def _finding(found: Agreement) -> Finding:
    return Finding(
        name="agreement",
        answer=_ANSWERS[found.decision],
        reason=found.reason,
        numbers={"compared": found.compared, "agreed": found.agreed},
    )
