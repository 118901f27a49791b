"""When other rules would have rolled a canary back, for comparison with the judge on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from math import sqrt

from sluice.rollout.analysis.e_process import Row, log_sum, safe_path
from sluice.rollout.analysis.judge import Rules, judge

Rule = Callable[[Sequence[Row]], int | None]  # index of the row at which it rolls back

ABSOLUTE_LIMIT = 0.01
RELATIVE_LIMIT = 2.0
FAILED_CHECKS = 5
Z_ONE_SIDED_5_PERCENT = 1.645


def judged(rules: Rules) -> Rule:
    """The judge under some rules."""
    return lambda rows: judge(rows, rules).harm_proven_at


def first_safe(rows: Sequence[Row], rules: Rules) -> int | None:
    """The number of the row, from 1, after which the judge first calls the canary safe."""
    path = enumerate(safe_path(rows, rules.safe_bound), start=1)
    return next((at for at, wealth in path if log_sum(wealth) >= rules.safe_needed), None)


def alarm(is_breaching: Callable[[Row], bool], *, breaches: int, periods: int) -> Rule:
    """An alarm: so many of the last so many periods breach."""

    def decide(rows: Sequence[Row]) -> int | None:
        hits = [is_breaching(row) for row in rows]
        return next((i for i in range(len(hits)) if sum(hits[max(0, i + 1 - periods) : i + 1]) >= breaches), None)

    return decide


def failed_checks(is_failing: Callable[[Row], bool], limit: int) -> Rule:
    """As Flagger counts: failed checks add up over the rollout, passed ones take nothing back."""

    def decide(rows: Sequence[Row]) -> int | None:
        failed = accumulate(is_failing(row) for row in rows)
        return next((index for index, count in enumerate(failed) if count >= limit), None)

    return decide


def peeking_z_test(rows: Sequence[Row]) -> int | None:
    """A test of two proportions on the totals at every look, each at 5 percent."""
    requests = [0, 0]
    errors = [0, 0]
    for index, row in enumerate(rows):
        requests = [requests[0] + row.canary_requests, requests[1] + row.baseline_requests]
        errors = [errors[0] + row.canary_errors, errors[1] + row.baseline_errors]
        if 0 in requests or not 0 < sum(errors) < sum(requests):
            continue
        pooled = sum(errors) / sum(requests)
        spread = sqrt(pooled * (1 - pooled) * (1 / requests[0] + 1 / requests[1]))
        if errors[0] / requests[0] - errors[1] / requests[1] > Z_ONE_SIDED_5_PERCENT * spread:
            return index
    return None


def exceeds_absolute(row: Row) -> bool:
    return row.canary_errors > ABSOLUTE_LIMIT * row.canary_requests


def exceeds_relative(row: Row) -> bool:
    """More than twice the baseline's share."""
    return row.canary_errors * row.baseline_requests > RELATIVE_LIMIT * row.baseline_errors * row.canary_requests


RULES: Mapping[str, Rule] = {
    "judge": judged(Rules()),
    "judge, eager": judged(Rules(harm_ratio=1.0, periods_to_prove=0, periods_to_prove_safe=0, first_share=0.99)),
    "judge, slow": judged(Rules(harm_ratio=1.25, periods_to_prove=3, periods_to_prove_safe=3)),
    "over 1 %, 1 of 1": alarm(exceeds_absolute, breaches=1, periods=1),
    "over 1 %, 2 of 3": alarm(exceeds_absolute, breaches=2, periods=3),
    "over 2x baseline, 2 of 3": alarm(exceeds_relative, breaches=2, periods=3),
    "5 failed checks over 1 %": failed_checks(exceeds_absolute, FAILED_CHECKS),
    "z-test at each look": peeking_z_test,
}
