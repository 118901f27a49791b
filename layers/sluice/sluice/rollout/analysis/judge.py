"""The rollout judge: from counts of closed periods to ADVANCE, HOLD or ROLL_BACK. Pure; only proof advances.

Promise, as long as the errors of the two variants are independent given the requests of each period:
a canary whose error rate never exceeds ``harm_ratio`` x the baseline's is rolled back with probability at
most ``alpha``, over all analyses together; one whose rate is always at least ``safe_ratio`` x the baseline's
plus ``safe_margin`` is ever allowed to advance with probability at most ``beta``.

Rows are always all closed periods of the rollout so far, oldest first, without the periods in which the
weights changed: nothing is kept between analyses, so a repeated analysis changes nothing (it is idempotent). Harm once
proven stays proven; safety counts only while it lasts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, inf, log
from typing import Any

from sluice.rollout.analysis.e_process import Bound, Hypotheses, Hypothesis, Onset, Row, Weighing, weigh, weigh_each
from sluice.rollout.analysis.findings import Answer, Finding

_LOG_MILLION = log(1e6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What counts as harm and as safe, fixed before the rollout. ValueError for rules that make no sense.

    ``periods_to_prove`` caps what one period can contribute: with 2, a burst of one period cannot roll back.
    0 removes the cap. Likewise for safety. ``hazard`` is per period, whatever a period's length.
    """

    harm_ratio: float = 1.1
    safe_ratio: float = 2.0
    safe_margin: float = 0.001  # fraction of requests
    alpha: float = 0.05
    beta: float = 0.05
    periods_to_prove: int = 2  # harm
    periods_to_prove_safe: int = 2
    first_share: float = 0.8  # of the bet on harm from the first period on
    hazard: float = 1 / 60  # that harm begins in the next period
    catastrophe_margin: float = 0.2  # of requests failing beyond the baseline's share
    catastrophe_share: float = 0.2  # of alpha, spent on catastrophes; 0 for no such test
    incident_share: float = 1.0  # of the baseline's requests: a period in which more fail cannot prove safety

    def __post_init__(self) -> None:
        shares = (self.alpha, self.beta, self.first_share, self.hazard)
        if not all(0 < share < 1 for share in shares):
            raise ValueError(f"alpha, beta, first_share, hazard: expected within 0..1, got {shares}")
        if not 0 <= self.catastrophe_share < 1 or not 0 < self.incident_share <= 1:
            raise ValueError("expected 0 <= catastrophe_share < 1 and 0 < incident_share <= 1")
        if not 1 <= self.harm_ratio <= self.safe_ratio < inf or not 0 <= self.safe_margin < 1:
            raise ValueError("expected 1 <= harm_ratio <= safe_ratio and 0 <= safe_margin < 1")
        if min(self.periods_to_prove, self.periods_to_prove_safe) < 0:
            raise ValueError("expected periods_to_prove >= 0 and periods_to_prove_safe >= 0")
        if not 0 <= self.catastrophe_margin < 1:
            raise ValueError("expected 0 <= catastrophe_margin < 1")

    @property
    def harm_needed(self) -> float:
        """Log evidence that proves harm."""
        return -log(self.alpha * (1 - self.catastrophe_share))

    @property
    def catastrophe_needed(self) -> float:
        return -log(self.alpha * self.catastrophe_share) if self.catastrophe_share else inf

    @property
    def safe_needed(self) -> float:
        return -log(self.beta)

    @property
    def harm_bound(self) -> Bound:
        return Bound(ratio=self.harm_ratio, log_cap=_per_period(self.harm_needed, self.periods_to_prove))

    @property
    def catastrophe_bound(self) -> Bound:
        return Bound(ratio=self.harm_ratio, margin=self.catastrophe_margin)

    @property
    def safe_bound(self) -> Bound:
        return Bound(
            ratio=self.safe_ratio,
            margin=self.safe_margin,
            log_cap=_per_period(self.safe_needed, self.periods_to_prove_safe),
            incident_share=self.incident_share,
        )

    @property
    def hypotheses(self) -> Hypotheses:
        """What is tested on the rows."""
        return Hypotheses(
            harm=Hypothesis(self.harm_bound, self.harm_needed),
            catastrophe=Hypothesis(self.catastrophe_bound, self.catastrophe_needed),
            safe=Hypothesis(self.safe_bound, self.safe_needed),
            onset=Onset(self.first_share, self.hazard),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words for bad requests in reasons: the verb for the canary, and the adjective for the requests."""

    does: str
    bad: str


FAILING = Words(does="fails", bad="errors")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The decision and what it rests on. Evidence is in natural logarithms; at log 20 it is 20 to 1."""

    decision: Answer
    harm: float  # the highest it ever was, as harm stays proven
    catastrophe: float  # likewise
    safe: float  # now
    harm_proven_at: int | None  # index of the row that proved harm or catastrophe
    requests_needed: int | None  # about how many more of the canary until a decision; None: decided, or never
    canary_requests: int
    canary_errors: int
    baseline_requests: int  # in periods in which the canary had traffic, like its errors
    baseline_errors: int

    def finding(self, name: str, rules: Rules, words: Words = FAILING) -> Finding:
        """The judgement with its sentences, the decisive one first, and its numbers."""
        return Finding(
            name=name,
            answer=self.decision,
            reason="; ".join(self.reasons(rules, words)),
            numbers=self._numbers(rules),
        )

    def reasons(self, rules: Rules, words: Words = FAILING) -> Iterator[str]:
        """Sentences for people, the decisive one first."""
        safe_limit = f"{rules.safe_ratio:g} times as often as the baseline plus {rules.safe_margin:.2%} of requests"
        if self.decision is Answer.ROLL_BACK:
            yield self._harm_reason(rules, words)
        elif self.decision is Answer.ADVANCE:
            yield f"proven safe: the canary {words.does} less than {safe_limit}"
        else:
            yield f"not proven yet: neither harm, nor that the canary {words.does} less than {safe_limit}"
        yield (
            f"canary {_share(self.canary_errors, self.canary_requests, words)}, "
            f"baseline {_share(self.baseline_errors, self.baseline_requests, words)}"
        )
        catastrophe = ""
        if rules.catastrophe_needed < inf:
            catastrophe = f"of catastrophe {odds(self.catastrophe)} of {odds(rules.catastrophe_needed)}, "
        yield (
            f"evidence of harm {odds(self.harm)} of {odds(rules.harm_needed)} needed, {catastrophe}"
            f"of safety {odds(self.safe)} of {odds(rules.safe_needed)}"
        )
        if self.decision is Answer.HOLD:
            yield self._outlook()

    def _harm_reason(self, rules: Rules, words: Words) -> str:
        limit = f"{rules.harm_ratio:g} times as often as the baseline"
        if self.harm < rules.harm_needed:
            limit += f" plus {rules.catastrophe_margin:.0%} of requests"
        assert self.harm_proven_at is not None
        return f"proven harm: the canary {words.does} more than {limit}, since period {self.harm_proven_at + 1}"

    def _outlook(self) -> str:
        if not self.canary_requests:
            return "the canary has had no traffic yet"
        if not self.baseline_requests:
            return "the baseline has had no traffic: only an absolute rate can be judged"
        if self.requests_needed is None:
            return "at the present rates no number of requests would decide"
        return f"about {self.requests_needed:,} more canary requests until a decision at the present rates"

    def _numbers(self, rules: Rules) -> dict[str, Any]:
        """Evidence in natural logarithms, the nearer of harm and catastrophe standing for both."""
        harm = max((self.harm, rules.harm_needed), (self.catastrophe, rules.catastrophe_needed), key=_progress)
        return {
            "harm": round(harm[0], 3),
            "harm_needed": round(harm[1], 3),
            "safe": round(self.safe, 3),
            "safe_needed": round(rules.safe_needed, 3),
            "requests": [self.canary_requests, self.baseline_requests],
            "bad": [self.canary_errors, self.baseline_errors],
            "requests_needed": self.requests_needed,
        }


def judge(rows: Sequence[Row], rules: Rules) -> Judgement:
    """Proof of harm rolls back, proof of safety advances, anything else holds."""
    return _judgement(rows, weigh(rows, rules.hypotheses))


def _judgement(rows: Sequence[Row], found: Weighing) -> Judgement:
    decision = Answer.HOLD
    if found.harm_proven_at is not None:
        decision = Answer.ROLL_BACK
    elif found.is_safe:
        decision = Answer.ADVANCE
    compared = [row for row in rows if row.canary_requests]
    return Judgement(
        decision=decision,
        harm=found.harm,
        catastrophe=found.catastrophe,
        safe=found.safe,
        harm_proven_at=found.harm_proven_at,
        requests_needed=found.requests_needed,
        canary_requests=sum(row.canary_requests for row in compared),
        canary_errors=sum(row.canary_errors for row in compared),
        baseline_requests=sum(row.baseline_requests for row in compared),
        baseline_errors=sum(row.baseline_errors for row in compared),
    )


@dataclass(frozen=True, slots=True)
class Case:
    """What is judged: the rows, by which rules, and what the finding is called."""

    name: str
    rows: Sequence[Row]
    rules: Rules
    words: Words = FAILING


def judge_findings(cases: Sequence[Case]) -> list[Finding]:
    """The judgement of each case as a finding."""
    weighed = weigh_each((case.rows, case.rules.hypotheses) for case in cases)
    return [
        _judgement(case.rows, found).finding(case.name, case.rules, case.words)
        for case, found in zip(cases, weighed, strict=True)
    ]


def _per_period(needed: float, periods: int) -> float:
    return needed / periods if periods else inf


def odds(log_evidence: float) -> str:
    """``20`` for log 20; powers of ten for large numbers."""
    if abs(log_evidence) > _LOG_MILLION:
        return f"10^{log_evidence / log(10):.0f}"
    return f"{exp(log_evidence):.3g}"


def odds_each(*log_evidence: float) -> list[str]:
    """``odds`` of each."""
    return [odds(each) for each in log_evidence]


def _progress(evidence: tuple[float, float]) -> float:
    held, needed = evidence
    return held / needed


def _share(bad: int, requests: int, words: Words) -> str:
    rate = f" ({bad / requests:.2%})" if requests else ""
    return f"{bad:,} {words.bad} in {requests:,} requests{rate}"
