"""How long until the judge can decide, if things go on as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, inf

from sluice.rollout.analysis.e_process import HARM_ALTERNATIVES, SAFE_ALTERNATIVES, Bound, Row, Wealth
from sluice.rollout.analysis.judge_rules import Rules


def requests_needed(rows: Sequence[Row], rules: Rules, held: Wealth) -> int | None:
    """About how many more canary requests until a decision at the rates seen so far; ``held`` after all rows.

    None when nothing is known yet, or when the rates lie where neither harm nor safety will be proven.
    An estimate by the best single alternative; chance makes it earlier or later.
    """
    seen = [row for row in rows if row.canary_requests]
    if not seen:
        return None
    candidates = [needed for needed in _periods_needed(seen, rules, held) if needed < inf]
    if not candidates:
        return None
    per_period = sum(row.canary_requests for row in seen) / len(seen)
    return max(1, ceil(min(candidates) * per_period))


def _periods_needed(seen: Sequence[Row], rules: Rules, held: Wealth) -> Iterator[float]:
    total = Row(
        sum(row.canary_requests for row in seen),
        sum(row.canary_errors for row in seen),
        sum(row.baseline_requests for row in seen),
        sum(row.baseline_errors for row in seen),
    )
    for bound, alternatives, wealth, target in (
        (rules.harm_bound, HARM_ALTERNATIVES, held.harm, rules.harm_needed),
        (rules.catastrophe_bound, HARM_ALTERNATIVES, held.catastrophe, rules.catastrophe_needed),
        (rules.safe_bound, SAFE_ALTERNATIVES, held.safe, rules.safe_needed),
    ):
        for stake, alternative in zip(wealth, alternatives, strict=False):  # harm's last entry is waiting wealth
            growth = _growth_per_period(bound, alternative, total, len(seen))
            yield (target - stake) / growth if growth > 0 else inf


def _growth_per_period(bound: Bound, alternative: float, total: Row, periods: int) -> float:
    """Factors of equal shares multiply to the factor of their total, which saves averaging counts."""
    return min(bound.log_cap_in(total), bound.uncapped_log_factor(total, alternative) / periods)
