"""Evidence from mean latencies, where slow requests cannot be counted: in how many periods was the canary slower?

A period counts as slower if the canary's mean latency is more than a margin above the baseline's. If it is
slower in at most half of the periods, evidence of harm exceeds 1/alpha with probability at most alpha, at any number
of analyses; if in at least half, that of safety 1/beta. This is coarser than counting requests: half an hour where
counts need ten minutes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import log

from sluice.rollout.analysis.e_process import log_sums
from sluice.rollout.analysis.findings import Answer, Finding
from sluice.rollout.analysis.judge import odds_each

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
