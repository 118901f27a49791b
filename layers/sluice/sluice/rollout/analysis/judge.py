"""The rollout judge: from counts of closed periods to ADVANCE, HOLD or ROLL_BACK. Pure; only proof advances.

Promise, as long as the errors of the two variants are independent given the requests of each period:
a canary whose error rate never exceeds ``harm_ratio`` x the baseline's is rolled back with probability at
most ``alpha``, over all looks together; one whose rate is always at least ``safe_ratio`` x the baseline's
plus ``safe_margin`` is ever allowed to advance with probability at most ``beta``.

Rows are always all closed periods of the rollout so far, oldest first, without the periods in which the
weights changed: nothing is kept between looks, so looking again is the same as never having looked. Harm once
proven stays proven; safety counts only while it lasts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sluice.rollout.analysis.e_process import Row, Wealth, harm_path, log_sum, safe_path
from sluice.rollout.analysis.findings import Answer
from sluice.rollout.analysis.judge_rules import Rules
from sluice.rollout.analysis.sample_size import requests_needed
from sluice.rollout.analysis.verdict import Verdict

__all__ = ["Evidence", "Row", "Rules", "Verdict", "judge", "weigh"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Log evidence after one row, from this row and those before it."""

    harm: float
    catastrophe: float
    safe: float


def judge(rows: Sequence[Row], rules: Rules) -> Verdict:
    """Proof of harm rolls back, proof of safety advances, anything else holds."""
    held = list(_wealth_path(rows, rules))
    path = [_evidence(wealth) for wealth in held]
    proven_at = next((index for index, seen in enumerate(path) if _harm_is_proven(seen, rules)), None)
    harm = max([0.0, *(seen.harm for seen in path)])
    catastrophe = max([0.0, *(seen.catastrophe for seen in path)])
    safe = path[-1].safe if path else 0.0
    decision = Answer.HOLD
    if proven_at is not None:
        decision = Answer.ROLL_BACK
    elif safe >= rules.safe_needed:
        decision = Answer.ADVANCE
    compared = [row for row in rows if row.canary_requests]
    undecided = decision is Answer.HOLD and held
    needed = requests_needed(rows, rules, held[-1]) if undecided else None
    return Verdict(
        decision=decision,
        harm=harm,
        catastrophe=catastrophe,
        safe=safe,
        harm_proven_at=proven_at,
        requests_needed=needed,
        canary_requests=sum(row.canary_requests for row in compared),
        canary_errors=sum(row.canary_errors for row in compared),
        baseline_requests=sum(row.baseline_requests for row in compared),
        baseline_errors=sum(row.baseline_errors for row in compared),
    )


def weigh(rows: Sequence[Row], rules: Rules) -> Iterator[Evidence]:
    """The evidence after each row, for drawing and for studies."""
    return (_evidence(wealth) for wealth in _wealth_path(rows, rules))


def _wealth_path(rows: Sequence[Row], rules: Rules) -> Iterator[Wealth]:
    paths = zip(
        harm_path(rows, rules.harm_bound, rules.onset),
        harm_path(rows, rules.catastrophe_bound, rules.onset),
        safe_path(rows, rules.safe_bound),
        strict=True,
    )
    for harm, catastrophe, safe in paths:
        yield Wealth(harm=harm, catastrophe=catastrophe, safe=safe)


def _evidence(wealth: Wealth) -> Evidence:
    return Evidence(harm=log_sum(wealth.harm), catastrophe=log_sum(wealth.catastrophe), safe=log_sum(wealth.safe))


def _harm_is_proven(seen: Evidence, rules: Rules) -> bool:
    return seen.harm >= rules.harm_needed or seen.catastrophe >= rules.catastrophe_needed
