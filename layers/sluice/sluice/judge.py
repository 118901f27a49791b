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
from dataclasses import dataclass, replace
from math import exp, log

from sluice.evidence import Row, Wealth, harm_path, log_sum, safe_path
from sluice.findings import Answer, Finding
from sluice.judge_rules import Rules
from sluice.outlook import requests_needed

__all__ = ["Evidence", "Row", "Rules", "Verdict", "judge", "weigh"]

_LOG_MILLION = log(1e6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Log evidence after one row, from this row and those before it."""

    harm: float
    catastrophe: float
    safe: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision and what it rests on. Evidence is in natural logarithms; at log 20 it is 20 to 1."""

    decision: Answer
    reasons: tuple[str, ...]
    harm: float  # the highest it ever was, from 0 before any row, as harm stays proven
    catastrophe: float  # likewise
    safe: float  # now
    harm_proven_at: int | None  # index of the row that proved harm or catastrophe
    requests_needed: int | None  # about how many more canary requests until a decision; None: see ``outlook``
    canary_requests: int
    canary_errors: int
    baseline_requests: int  # in periods in which the canary had traffic, like its errors
    baseline_errors: int

    def finding(self, name: str) -> Finding:
        """What is told of this verdict, and stored with the look."""
        numbers = {
            "harm": round(self.harm, 3),
            "catastrophe": round(self.catastrophe, 3),
            "safe": round(self.safe, 3),
            "requests": [self.canary_requests, self.baseline_requests],
            "errors": [self.canary_errors, self.baseline_errors],
            "requests_needed": self.requests_needed,
        }
        return Finding(name=name, answer=self.decision, reason="; ".join(self.reasons), numbers=numbers)


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
    verdict = Verdict(
        decision=decision,
        reasons=(),
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
    return replace(verdict, reasons=tuple(_reasons(verdict, rules)))


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


def _reasons(verdict: Verdict, rules: Rules) -> Iterator[str]:
    """Sentences for people, the decisive one first."""
    if verdict.decision is Answer.ROLL_BACK:
        yield _harm_reason(verdict, rules)
    elif verdict.decision is Answer.ADVANCE:
        yield f"proven safe: the canary fails less than {_safe_limit(rules)}"
    else:
        yield f"not proven yet: neither harm, nor that the canary fails less than {_safe_limit(rules)}"
    yield (
        f"canary {_share(verdict.canary_errors, verdict.canary_requests)}, "
        f"baseline {_share(verdict.baseline_errors, verdict.baseline_requests)}"
    )
    yield (
        f"evidence of harm {_odds(verdict.harm)} of {_odds(rules.harm_needed)} needed, "
        f"of catastrophe {_odds(verdict.catastrophe)} of {_odds(rules.catastrophe_needed)}, "
        f"of safety {_odds(verdict.safe)} of {_odds(rules.safe_needed)}"
    )
    if verdict.decision is Answer.HOLD:
        yield _outlook(verdict)


def _harm_reason(verdict: Verdict, rules: Rules) -> str:
    limit = f"{rules.harm_ratio:g} times as often as the baseline"
    if verdict.harm < rules.harm_needed:
        limit += f" plus {rules.catastrophe_margin:.0%} of requests"
    assert verdict.harm_proven_at is not None
    return f"proven harm: the canary fails more than {limit}, since period {verdict.harm_proven_at + 1}"


def _outlook(verdict: Verdict) -> str:
    if not verdict.canary_requests:
        return "the canary has had no traffic yet"
    if not verdict.baseline_requests:
        return "the baseline has had no traffic: only an absolute error rate can be judged"
    if verdict.requests_needed is None:
        return "at the present rates no number of requests would decide"
    return f"about {verdict.requests_needed:,} more canary requests until a decision at the present rates"


def _safe_limit(rules: Rules) -> str:
    return f"{rules.safe_ratio:g} times as often as the baseline plus {rules.safe_margin:.2%} of requests"


def _share(errors: int, requests: int) -> str:
    rate = f" ({errors / requests:.2%})" if requests else ""
    return f"{errors:,} errors in {requests:,} requests{rate}"


def _odds(log_evidence: float) -> str:
    """``20`` for log 20; powers of ten where nobody wants digits."""
    if abs(log_evidence) > _LOG_MILLION:
        return f"10^{log_evidence / log(10):.0f}"
    return f"{exp(log_evidence):.3g}"
