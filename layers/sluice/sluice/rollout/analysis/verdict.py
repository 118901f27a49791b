"""What the judge decided about one kind of bad request, and how that is told to people and stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp, inf, log
from typing import Any

from sluice.rollout.analysis.findings import Answer, Finding
from sluice.rollout.analysis.judge_rules import Rules

_LOG_MILLION = log(1e6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What counts as a bad request: the verb of the canary that has them, and what they are called."""

    does: str
    bad: str


FAILING = Words(does="fails", bad="errors")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The decision and what it rests on. Evidence is in natural logarithms; at log 20 it is 20 to 1."""

    decision: Answer
    harm: float  # the highest it ever was, from 0 before any row, as harm stays proven
    catastrophe: float  # likewise
    safe: float  # now
    harm_proven_at: int | None  # index of the row that proved harm or catastrophe
    requests_needed: int | None  # about how many more canary requests until a decision; None: see ``outlook``
    canary_requests: int
    canary_errors: int
    baseline_requests: int  # in periods in which the canary had traffic, like its errors
    baseline_errors: int

    def finding(self, name: str, rules: Rules, words: Words = FAILING) -> Finding:
        """The verdict with its sentences, the decisive one first, and its numbers."""
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


def odds(log_evidence: float) -> str:
    """``20`` for log 20; powers of ten where nobody wants digits."""
    if abs(log_evidence) > _LOG_MILLION:
        return f"10^{log_evidence / log(10):.0f}"
    return f"{exp(log_evidence):.3g}"


def _progress(evidence: tuple[float, float]) -> float:
    held, needed = evidence
    return held / needed


def _share(bad: int, requests: int, words: Words) -> str:
    rate = f" ({bad / requests:.2%})" if requests else ""
    return f"{bad:,} {words.bad} in {requests:,} requests{rate}"
