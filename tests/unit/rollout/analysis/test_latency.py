"""Latency evidence: what is slow, by which rules it is judged, and what means tell where counts are not to be had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from math import exp, isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.aws.metric_data import LatencySummary
from sluice.endpoint.state import EndpointState, VariantState
from sluice.names import Names
from sluice.rollout.analysis.e_process import Row
from sluice.rollout.analysis.findings import Answer
from sluice.rollout.analysis.judge import judge
from sluice.rollout.analysis.latency import (
    SAFE_CHANCES,
    SLOWER_CHANCES,
    candidate_limits,
    error_rules,
    is_latency_judged,
    judge_signs,
    latency_alpha,
    sign_path,
    slow_limits,
    slow_rules,
    slow_words,
    slower_periods,
    unjudged,
)
from sluice.rollout.model.plan import Plan
from sluice.rollout.planning.planner import make_plan

from tests.fakes.sluice_world import SPEC

T0 = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
BASELINE = VariantState(name="v6", weight=100, desired_count=1, instance_type="ml.m5.large", model="m")
LIVE = EndpointState(name="e", status="InService", config="c", variants=(BASELINE,))
UNLEARNED = make_plan(SPEC, Names("dev"), "fraud-7-1", 7, LIVE)
PLAN = replace(UNLEARNED, slow_over_us={"p90": 12_000, "p99": 40_000})


def summary(requests: float, **percentiles: float) -> LatencySummary:
    return LatencySummary(requests=requests, percentiles=percentiles)


@pytest.mark.parametrize(
    ("summaries", "limits"),
    [
        pytest.param([], {}, id="nothing is known"),
        pytest.param([summary(1000, p90=12e3, p99=40e3)], {"p90": 12_000, "p99": 40_000}, id="enough for both"),
        pytest.param([summary(100, p90=12e3, p99=40e3)], {"p90": 12_000}, id="ten beyond the 90th are enough for it"),
        pytest.param([summary(99, p90=12e3, p99=40e3)], {}, id="nine are not"),
        pytest.param(
            [summary(100, p90=12e3, p99=40e3), summary(5000, p90=11e3, p99=39e3)],
            {"p90": 12_000, "p99": 39_000},
            id="the newest with enough requests, each for itself",
        ),
        pytest.param([summary(1000, p99=40e3)], {"p99": 40_000}, id="a percentile CloudWatch did not give"),
        pytest.param([summary(1000, p90=0.2, p99=40e3)], {"p99": 40_000}, id="less than a microsecond is no limit"),
    ],
)
def test_slow_is_beyond_the_live_versions_own_percentiles(
    summaries: Sequence[LatencySummary], limits: dict[str, int]
) -> None:
    assert slow_limits(summaries) == limits


def test_the_candidate_may_be_slower_by_the_tolerance() -> None:
    assert candidate_limits(PLAN) == {"p90": 13_200, "p99": 44_000}
    strict = replace(PLAN, judge=replace(PLAN.judge, slower_percent=0.0))
    assert candidate_limits(strict) == PLAN.slow_over_us
    assert slow_words(PLAN, "p90").does == "is slow (over 13.2 ms, where the baseline's p90 was 12 ms)"


def test_the_chance_of_a_false_rollback_is_shared_between_errors_and_latency() -> None:
    spent = error_rules(PLAN).alpha + slow_rules(PLAN).alpha * len(PLAN.slow_over_us)
    assert spent == pytest.approx(PLAN.judge.alpha)
    assert latency_alpha(PLAN) == pytest.approx(PLAN.judge.alpha / 5)


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(UNLEARNED, id="nothing known of the live version"),
        pytest.param(replace(PLAN, judge=replace(PLAN.judge, latency=False)), id="not wanted"),
    ],
)
def test_errors_get_all_of_it_where_latency_is_not_judged(plan: Plan) -> None:
    assert not is_latency_judged(plan)
    assert error_rules(plan).alpha == plan.judge.alpha


def test_latency_that_is_not_judged_stands_in_nobodys_way_and_says_why() -> None:
    assert unjudged(UNLEARNED).answer is Answer.ABSTAIN
    assert "too little traffic" in unjudged(UNLEARNED).reason
    assert "as the spec says" in unjudged(replace(PLAN, judge=replace(PLAN.judge, latency=False))).reason


def test_the_rules_are_those_of_the_spec() -> None:
    errors, slow = error_rules(UNLEARNED), slow_rules(PLAN)
    assert (errors.harm_ratio, errors.safe_ratio, errors.safe_margin, errors.incident_share) == (1.1, 2.0, 0.01, 0.05)
    assert (slow.harm_ratio, slow.safe_ratio, slow.safe_margin, slow.periods_to_prove) == (1.25, 2.0, 0.01, 3)
    wide = replace(PLAN, judge=replace(PLAN.judge, slow_ratio=4.0))
    assert slow_rules(wide).safe_ratio == 4.0, "what is tolerable is never called unsafe"


def test_one_slow_period_however_slow_proves_nothing() -> None:
    rules = slow_rules(PLAN)
    usual, spike = Row(100, 10, 900, 90), Row(100, 100, 900, 90)
    assert judge([usual, spike, usual, usual], rules).decision is not Answer.ROLL_BACK
    assert judge([usual, *[spike] * 10], rules).decision is Answer.ROLL_BACK


def test_a_finding_on_latency_has_no_word_of_catastrophe() -> None:
    rules = slow_rules(PLAN)
    found = judge([Row(100, 60, 900, 90)] * 6, rules).finding("latency p90", rules, slow_words(PLAN, "p90"))
    assert found.answer is Answer.ROLL_BACK
    assert found.reason.startswith(
        "proven harm: the canary is slow (over 13.2 ms, where the baseline's p90 was 12 ms) more"
    )
    assert "360 slow in 600 requests" in found.reason
    assert "catastrophe" not in found.reason
    assert found.numbers["harm_needed"] == pytest.approx(rules.harm_needed, abs=1e-3)


# --- signs of means ----------------------------------------------------------------------------------------


def at(minute: int) -> datetime:
    return T0 + timedelta(minutes=minute)


def test_a_period_counts_if_both_answered_in_it() -> None:
    canary = {at(0): 120.0, at(1): 109.0, at(3): 500.0}
    baseline = {at(0): 100.0, at(1): 100.0, at(2): 100.0}
    assert slower_periods(canary, baseline, [at(minute) for minute in range(4)], 0.1) == [True, False]


def test_a_slow_canary_is_rolled_back_by_signs_alone() -> None:
    found = judge_signs([True] * 12, alpha=0.025, beta=0.05)
    assert found.answer is Answer.ROLL_BACK
    assert "in 12 of 12 periods" in found.reason


def test_a_canary_that_is_as_fast_is_found_safe_and_without_periods_nothing_is_known() -> None:
    assert judge_signs([False] * 12, alpha=0.025, beta=0.05).answer is Answer.ADVANCE
    assert judge_signs([], alpha=0.025, beta=0.05).answer is Answer.HOLD
    assert judge_signs([True, False] * 6, alpha=0.025, beta=0.05).answer is Answer.HOLD


def test_slowness_once_proven_stays_proven() -> None:
    assert judge_signs([True] * 12 + [False] * 200, alpha=0.025, beta=0.05).answer is Answer.ROLL_BACK


@pytest.mark.parametrize(
    ("chances", "rates"),
    [pytest.param(SLOWER_CHANCES, (0.5, 0.3), id="harm"), pytest.param(SAFE_CHANCES, (0.5, 0.9), id="safe")],
)
def test_no_bet_is_expected_to_gain_while_its_opposite_holds(chances: Sequence[float], rates: Sequence[float]) -> None:
    for rate in rates:
        mean = 0.0
        for signs in product([True, False], repeat=6):
            chance = rate ** sum(signs) * (1 - rate) ** (6 - sum(signs))
            *_, log_wealth = sign_path(signs, chances)
            mean += chance * exp(log_wealth)
        assert mean <= 1 + 1e-12


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 60))
def test_one_more_slow_period_never_speaks_for_the_canary(slower: list[bool], place: int) -> None:
    place = min(place, len(slower))
    worse, better = (
        judge_signs([*slower[:place], sign, *slower[place:]], alpha=0.025, beta=0.05).numbers for sign in (True, False)
    )
    assert worse["harm"] >= better["harm"]
    assert worse["safe"] <= better["safe"]


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_safety_by_signs_does_not_depend_on_their_order(slower: list[bool]) -> None:
    *_, forth = sign_path(slower, SAFE_CHANCES)
    *_, back = sign_path(slower[::-1], SAFE_CHANCES)
    assert isclose(forth, back, abs_tol=1e-9)
