"""Whether two versions can be compared at all: the candidate gets its traffic, the baseline is in no incident. Pure.

Missing traffic is a failure of its own, and beside a failing baseline nothing is proven safe.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log, log1p

from sluice.rollout.analysis.e_process import Row
from sluice.rollout.analysis.findings import Answer, Finding
from sluice.spec.rollout import Alarms

STARVED_SHARE = 0.1  # of the least acceptable share: the alternative the test bets on


def comparability_findings(
    this_stage: Sequence[Row], all_stages: Sequence[Row], weight: float, limits: Alarms
) -> tuple[Finding, Finding]:
    """Findings on the traffic and the baseline; ``weight`` is the canary's fraction of all requests in this stage."""
    return traffic_finding(this_stage, weight), incident_finding(all_stages, limits)


def is_starved(rows: Iterable[Row], *, weight: float, least_share_of_weight: float = 0.5, alpha: float = 0.01) -> bool:
    """Proven, in this analysis, that the canary gets less than ``least_share_of_weight`` of its weight.

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
    """HOLD for a starved canary: the few requests that it gets are little evidence.

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


def incident_finding(rows: Sequence[Row], limits: Alarms) -> Finding:
    """HOLD while the baseline would set off the alarm that watches the candidate; ``rows`` oldest first.

    A shared outage is strong evidence of "no worse than the baseline", and none that the candidate is good.
    """
    newest = rows[-limits.evaluation_periods :]
    failing = [row for row in newest if _fails(row, limits)]
    if len(failing) < limits.datapoints_to_alarm:
        return Finding(name="baseline", answer=Answer.ABSTAIN, reason="no incident")
    worst = max(row.baseline_errors / row.baseline_requests for row in failing)
    reason = (
        f"the baseline itself fails {worst:.0%} of requests, more than {limits.error_rate_percent:g} %: "
        "beside it nothing is proven safe"
    )
    return Finding(name="baseline", answer=Answer.HOLD, reason=reason)


def _fails(row: Row, limits: Alarms) -> bool:
    enough = row.baseline_requests >= limits.min_requests
    return enough and 100 * row.baseline_errors > limits.error_rate_percent * row.baseline_requests
