"""Judges errors and slow requests of a candidate, and holds the rules for both. Pure.

CloudWatch keeps no single latencies, only statistics of a period. So the live version's own percentiles, read before
the rollout and fixed with it, are thresholds, and the judge counts requests beyond them as it counts errors. Where
CloudWatch cannot count, the mean latencies of the two variants are compared period by period, by a sign test:

A period counts as slower if the canary's mean latency is more than a margin above the baseline's. If it is
slower in at most half of the periods, evidence of harm exceeds 1/alpha with probability at most alpha, at any number
of analyses; if in at least half, that of safety 1/beta. This is coarser than counting requests: half an hour where
counts need ten minutes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from math import log

from sluice.aws.metric_data import PERCENTILES, LatencySummary
from sluice.rollout.analysis.e_process import Row, log_sums
from sluice.rollout.analysis.findings import Answer, Finding
from sluice.rollout.analysis.judge import Case, Rules, Words, judge_findings, odds_each
from sluice.rollout.model.plan import Plan

Means = tuple[Mapping[datetime, float], Mapping[datetime, float]]
"""The candidate's and the baseline's mean latencies in microseconds, by start of period."""

PERIODS_TO_PROVE = 3  # latencies wander more than errors do
ERRORS_SHARE_OF_ALPHA = 0.8  # the rest is for latency, if that is judged: counts of slow requests are plenty


def slow_limits(summaries: Sequence[LatencySummary]) -> dict[str, int]:
    """Thresholds in microseconds by percentile: each from the first summary with enough requests for it.

    Enough are ten beyond the percentile. One that no summary has enough for is left out.
    """
    limits: dict[str, int] = {}
    for name, share in PERCENTILES.items():
        needed = 10 / (1 - share) * (1 - 1e-9)  # the tolerance keeps 1 - 0.9 from asking for the 101st request
        known = (each.percentiles[name] for each in summaries if each.requests >= needed and name in each.percentiles)
        found = next(known, None)
        if found is not None and found >= 1:
            limits[name] = round(found)
    return limits


def candidate_limits(plan: Plan) -> dict[str, int]:
    """The thresholds the candidate is held against: it may be ``slower_percent`` slower than the live version was."""
    return {name: round(limit * (1 + plan.judge.slower_percent / 100)) for name, limit in plan.slow_over_us.items()}


def candidate_findings(
    plan: Plan,
    rows: Sequence[Row],
    slow: Mapping[str, Sequence[Row]],
    means: Means | None,
    periods: Sequence[datetime],
) -> list[Finding]:
    """Whether the candidate fails too often, and whether it is too slow; ``rows`` of all stages so far, oldest first.

    ``slow`` counts slow requests as errors, by threshold, each of which has a finding. ``means`` take its place where
    CloudWatch does not count them: see ``judge_means``. Without either, the finding says why latency is not judged.
    """
    cases = [Case("errors", rows, error_rules(plan))]
    if slow:
        rules = slow_rules(plan)
        cases += [Case(f"latency {name}", slow[name], rules, slow_words(plan, name)) for name in slow]
    found = judge_findings(cases)
    if means is not None:
        found.append(_mean_latency_finding(plan, means, periods))
    elif not slow:
        found.append(unjudged(plan))
    return found


def _mean_latency_finding(plan: Plan, means: Means, periods: Sequence[datetime]) -> Finding:
    """Whether the candidate is too slow, where CloudWatch does not count slow requests."""
    margin = plan.judge.slower_percent / 100
    found = judge_means(*means, periods, margin, alpha=latency_alpha(plan), beta=plan.judge.beta)
    return replace(found, reason=f"{found.reason}; by mean latencies, as CloudWatch does not count slow requests here")


def latency_limits(plan: Plan) -> dict[str, int] | None:
    """The thresholds the candidate is held against, in microseconds; None if its latency is not judged."""
    return candidate_limits(plan) if is_latency_judged(plan) else None


def error_rules(plan: Plan) -> Rules:
    """How errors are judged. Alpha is that of the whole rollout; latency takes its part of it."""
    judge = plan.judge
    return Rules(
        harm_ratio=judge.harm_ratio,
        safe_ratio=judge.safe_ratio,
        safe_margin=judge.safe_margin_percent / 100,
        alpha=judge.alpha * (ERRORS_SHARE_OF_ALPHA if is_latency_judged(plan) else 1),
        beta=judge.beta,
        incident_share=plan.alarms.error_rate_percent / 100,
    )


def slow_rules(plan: Plan) -> Rules:
    """How requests beyond one threshold are judged. A spike of a period or two proves nothing, however high it is."""
    judge = plan.judge
    return Rules(
        harm_ratio=judge.slow_ratio,
        safe_ratio=max(judge.safe_ratio, judge.slow_ratio),
        safe_margin=judge.safe_margin_percent / 100,
        alpha=latency_alpha(plan) / len(plan.slow_over_us),
        beta=judge.beta,
        periods_to_prove=PERIODS_TO_PROVE,
        catastrophe_share=0.0,
    )


def is_latency_judged(plan: Plan) -> bool:
    return plan.judge.latency and bool(plan.slow_over_us)


def latency_alpha(plan: Plan) -> float:
    """Latency's part of the chance of rolling back a harmless version."""
    return plan.judge.alpha * (1 - ERRORS_SHARE_OF_ALPHA)


def slow_words(plan: Plan, name: str) -> Words:
    """The words that describe a threshold in a reason: what slow means for each variant."""
    return Words(
        does=f"is slow (over {candidate_limits(plan)[name] / 1000:.4g} ms, where the baseline's {name} was "
        f"{plan.slow_over_us[name] / 1000:.4g} ms)",
        bad="slow",
    )


def unjudged(plan: Plan) -> Finding:
    """The finding for latency that is not judged: it abstains and gives the reason."""
    reason = "not judged, as the spec says"
    if plan.judge.latency:
        reason = "not judged: the live version had too little traffic before the rollout to tell what is slow"
    return Finding(name="latency", answer=Answer.ABSTAIN, reason=reason)


SLOWER_CHANCES = (0.6, 0.75, 0.9, 0.99)  # bets on how often a slow canary is slower


SAFE_CHANCES = tuple(1 - chance for chance in SLOWER_CHANCES)


def slower_periods(
    canary: Mapping[datetime, float], baseline: Mapping[datetime, float], periods: Sequence[datetime], margin: float
) -> list[bool]:
    """Whether the canary was slower by more than ``margin`` (a fraction), per period in which both answered."""
    return [canary[at] > (1 + margin) * baseline[at] for at in periods if at in canary and at in baseline]


def sign_path(slower: Sequence[bool], chances: Sequence[float]) -> list[float]:
    """The log wealth after each period of equal bets on the chances that the canary is slower."""
    return log_sums(_wealth_path(slower, chances))


def _wealth_path(slower: Sequence[bool], chances: Sequence[float]) -> list[list[float]]:
    """After each period, the log wealth of the bet on each chance."""
    wealth = [-log(len(chances))] * len(chances)
    path = []
    for was_slower in slower:
        wealth = [
            held + log(2 * (chance if was_slower else 1 - chance)) for held, chance in zip(wealth, chances, strict=True)
        ]
        path.append(wealth)
    return path


def judge_means(
    canary: Mapping[datetime, float],
    baseline: Mapping[datetime, float],
    periods: Sequence[datetime],
    margin: float,
    *,
    alpha: float,
    beta: float,
) -> Finding:
    """``judge_signs`` of the ``slower_periods``."""
    return judge_signs(slower_periods(canary, baseline, periods, margin), alpha, beta)


def judge_signs(slower: Sequence[bool], alpha: float, beta: float) -> Finding:
    """Proof of slowness rolls back and stays proven; proof of the contrary advances while it lasts."""
    sums = log_sums([*_wealth_path(slower, SLOWER_CHANCES), *_wealth_path(slower, SAFE_CHANCES)])
    harm = max([0.0, *sums[: len(slower)]])
    safe = [0.0, *sums[len(slower) :]][-1]
    harm_needed, safe_needed = -log(alpha), -log(beta)
    answer = Answer.HOLD
    if harm >= harm_needed:
        answer = Answer.ROLL_BACK
    elif safe >= safe_needed:
        answer = Answer.ADVANCE
    verdicts = {
        Answer.ROLL_BACK: "proven slow",
        Answer.ADVANCE: "proven not slow",
        Answer.HOLD: "not proven yet: neither slow nor not slow",
    }
    odds = odds_each(harm, harm_needed, safe, safe_needed)
    return Finding(
        name="latency",
        answer=answer,
        reason=(
            f"{verdicts[answer]}: its mean latency was too far above the baseline's in "
            f"{sum(slower)} of {len(slower)} periods; evidence of harm {odds[0]} of {odds[1]} needed, "
            f"of safety {odds[2]} of {odds[3]}"
        ),
        numbers={
            "harm": round(harm, 3),
            "harm_needed": round(harm_needed, 3),
            "safe": round(safe, 3),
            "safe_needed": round(safe_needed, 3),
            "slower_periods": sum(slower),
            "periods": len(slower),
        },
    )
