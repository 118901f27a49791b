"""Whether a canary gets the traffic its weight promises: missing traffic is a failure of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log, log1p

from sluice.rollout.analysis.e_process import Row
from sluice.rollout.analysis.findings import Answer, Finding

STARVED_SHARE = 0.1  # of the least acceptable share: the alternative the test bets on


def is_starved(rows: Iterable[Row], *, weight: float, least_share_of_weight: float = 0.5, alpha: float = 0.01) -> bool:
    """Proven, at this look, that the canary gets less than ``least_share_of_weight`` of its weight.

    ``weight`` is the canary's fraction of all traffic (0..1) during all rows, so pass one stage's rows. A
    canary that always gets at least that is called starved, ever, with probability at most ``alpha``.
    ValueError if the weight or the least share is not within 0..1.
    """
    least = weight * least_share_of_weight
    if not 0 < least < 1:
        raise ValueError(f"expected a weight and a least share within 0..1, got {weight}, {least_share_of_weight}")
    per_canary = log(STARVED_SHARE)
    per_baseline = log1p(-least * STARVED_SHARE) - log1p(-least)
    evidence = sum(row.canary_requests * per_canary + row.baseline_requests * per_baseline for row in rows)
    return evidence >= -log(alpha)


def traffic_finding(rows: Sequence[Row], weight: float) -> Finding:
    """HOLD for a starved canary: what it does with the few requests it gets says little.

    ``rows`` of one stage; ``weight`` is the canary's fraction of all requests in it.
    """
    canary = sum(row.canary_requests for row in rows)
    total = canary + sum(row.baseline_requests for row in rows)
    share = f" ({canary / total:.1%})" if total else ""
    reason = f"{canary:,} of {total:,} requests{share} where {weight:.0%} were promised"
    numbers = {"requests": [canary, total - canary], "weight": weight}
    if is_starved(rows, weight=weight):
        return Finding(name="traffic", answer=Answer.HOLD, reason=f"the canary is starved: {reason}", numbers=numbers)
    return Finding(name="traffic", answer=Answer.ABSTAIN, reason=reason, numbers=numbers)
