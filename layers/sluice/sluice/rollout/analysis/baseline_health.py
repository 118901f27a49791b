"""Whether the live version itself is in trouble: beside a failing baseline nothing is proven safe."""

from __future__ import annotations

from collections.abc import Sequence

from sluice.rollout.analysis.e_process import Row
from sluice.rollout.analysis.findings import Answer, Finding
from sluice.spec.rollout import Alarms


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
