"""How often latency evidence errs and how fast it finds slowness, on simulated traffic looked at for an hour.

Limits are kept by the bound of a 95 % confidence interval, as in the study of errors; seeds are fixed. A canary counts
as found by whichever threshold finds it first, under the rules a rollout has by default.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from sluice.endpoint.state import EndpointState, VariantState
from sluice.names import Names
from sluice.rollout.analysis.comparability import is_starved
from sluice.rollout.analysis.e_process import Row
from sluice.rollout.analysis.findings import Answer
from sluice.rollout.analysis.judge import judge
from sluice.rollout.analysis.latency import (
    SLOWER_CHANCES,
    error_rules,
    judge_signs,
    latency_alpha,
    sign_path,
    slow_rules,
)
from sluice.rollout.planning.planner import make_plan
from sluice.spec.rollout import Judge

from bench.canary_traffic import Cell, rows, steady
from bench.confidence import at_least, at_most
from bench.latency_traffic import Load, means, slow_rows
from tests.fakes.sluice_world import SPEC

BASELINE = VariantState(name="v6", weight=100, desired_count=1, instance_type="ml.m5.large", model="m")
LIVE = EndpointState(name="e", status="InService", config="c", variants=(BASELINE,))
PLAN = replace(
    make_plan(SPEC, Names("dev"), "fraud-7-1", 7, LIVE), judge=Judge(), slow_over_us={"p90": 12_000, "p99": 40_000}
)
RULES = slow_rules(PLAN)
TOLERANCE = PLAN.judge.slower_percent / 100
FEW, MANY, EVEN = Load(100, 0.1), Load(1000, 0.1, wander=0.03), Load(1000, 0.5, wander=0.1)


def found_at(load: Load, generator: random.Random, tolerance: float = TOLERANCE) -> int | None:
    """The minute in which one of both thresholds proves slowness."""
    both = (judge(seen, RULES).harm_proven_at for seen in slow_rows(load, generator, tolerance=tolerance))
    return min((at + 1 for at in both if at is not None), default=None)


def count(hit: Callable[[random.Random], bool], runs: int) -> int:
    generator = random.Random(20220815)
    return sum(hit(generator) for _ in range(runs))


def within(minutes: int, load: Load, tolerance: float = TOLERANCE) -> Callable[[random.Random], bool]:
    def hit(generator: random.Random) -> bool:
        at = found_at(load, generator, tolerance)
        return at is not None and at <= minutes

    return hit


@pytest.mark.parametrize(
    "load",
    [
        pytest.param(FEW, id="100 a minute"),
        pytest.param(MANY, id="1000 a minute, variants wander by 3 %"),
        pytest.param(EVEN, id="half of 1000 a minute, variants wander by 10 %"),
        pytest.param(replace(MANY, wander=0, spikes=True), id="minutes three times as slow on one variant"),
        pytest.param(replace(MANY, slower=1.1), id="as much slower as is tolerated"),
    ],
)
def test_a_canary_that_is_hardly_slower_is_rarely_rolled_back(load: Load) -> None:
    assert at_most(count(within(60, load), 110), 110) <= 0.05


@pytest.mark.parametrize(
    ("load", "minutes"),
    [
        pytest.param(replace(FEW, slower=1.5), 40, id="100 a minute, half as slow again"),
        pytest.param(replace(FEW, slower=2), 10, id="100 a minute, twice as slow"),
        pytest.param(replace(MANY, slower=1.5), 8, id="1000 a minute, half as slow again"),
        pytest.param(replace(MANY, slower=2), 5, id="1000 a minute, twice as slow"),
        pytest.param(replace(EVEN, slower=1.5), 8, id="half of 1000 a minute, half as slow again"),
        pytest.param(replace(MANY, stragglers=0.03), 12, id="3 % of requests ten times as slow"),
        pytest.param(replace(MANY, wander=0, spikes=True, slower=1.5), 8, id="half as slow again, between spikes"),
    ],
)
def test_slowness_is_found_in_time_more_often_than_not(load: Load, minutes: int) -> None:
    assert at_least(count(within(minutes, load), 30), 30) >= 0.5


@pytest.mark.parametrize("load", [FEW, MANY, replace(MANY, wander=0, spikes=True)], ids=["100", "1000", "spikes"])
def test_without_tolerance_a_canary_as_fast_is_rarely_rolled_back_either(load: Load) -> None:
    assert at_most(count(within(60, load, tolerance=0.0), 60), 60) <= 0.05


@pytest.mark.parametrize(
    ("load", "minutes"),
    [
        pytest.param(replace(FEW, slower=1.5), 25, id="100 a minute, half as slow again"),
        pytest.param(replace(FEW, slower=2), 8, id="100 a minute, twice as slow"),
        pytest.param(replace(MANY, slower=1.25), 20, id="1000 a minute, a quarter slower"),
        pytest.param(replace(MANY, slower=1.5), 6, id="1000 a minute, half as slow again"),
        pytest.param(replace(EVEN, slower=1.25), 20, id="half of 1000 a minute, a quarter slower"),
    ],
)
def test_without_tolerance_less_slowness_is_found_and_sooner(load: Load, minutes: int) -> None:
    assert at_least(count(within(minutes, load, tolerance=0.0), 30), 30) >= 0.5


def test_errors_and_latency_together_keep_the_chance_of_a_false_rollback() -> None:
    errors = error_rules(PLAN)

    def is_rolled_back(generator: random.Random) -> bool:
        failing = judge(rows(steady(Cell(1000, 0.1, 0.01)), generator), errors)
        return failing.decision is Answer.ROLL_BACK or found_at(MANY, generator) is not None

    assert at_most(count(is_rolled_back, 60), 60) <= 0.05


def test_a_canary_as_fast_is_found_safe_within_the_hour() -> None:
    def is_ever_safe(generator: random.Random) -> bool:
        return all(
            any(judge(seen[:minute], RULES).decision is Answer.ADVANCE for minute in range(10, 61, 10))
            for seen in slow_rows(MANY, generator, tolerance=TOLERANCE)
        )

    assert at_least(count(is_ever_safe, 60), 60) >= 0.95


# --- where only mean latencies are to be had ---------------------------------------------------------------


def signs(load: Load, generator: random.Random) -> list[bool]:
    return [canary > (1 + TOLERANCE) * baseline for canary, baseline in means(load, generator)]


def slow_by_means_at(slower: Sequence[bool]) -> int | None:
    needed = judge_signs(slower, latency_alpha(PLAN), PLAN.judge.beta).numbers["harm_needed"]
    path = sign_path(slower, SLOWER_CHANCES)
    return next((minute for minute, evidence in enumerate(path, start=1) if evidence >= needed), None)


def test_means_rarely_accuse_a_canary_that_is_as_fast() -> None:
    assert at_most(count(lambda it: slow_by_means_at(signs(FEW, it)) is not None, 70), 70) <= 0.05


@pytest.mark.parametrize(("slower", "minutes"), [(1.5, 20), (2.0, 10)])
def test_means_find_a_slow_canary_more_often_than_not(slower: float, minutes: int) -> None:
    def is_found(generator: random.Random) -> bool:
        at = slow_by_means_at(signs(replace(FEW, slower=slower), generator))
        return at is not None and at <= minutes

    assert at_least(count(is_found, 30), 30) >= 0.5


# --- the share of the traffic ------------------------------------------------------------------------------


def ever_starved(weight_served: float) -> Callable[[random.Random], bool]:
    """At any look of an hour, at a weight of 10 percent."""

    def hit(generator: random.Random) -> bool:
        seen: list[Row] = rows(steady(Cell(100, weight_served, 0.0)), generator)
        return any(is_starved(seen[:minute], weight=0.1) for minute in range(1, 61))

    return hit


def test_a_canary_with_its_share_is_rarely_called_starved_and_one_without_is_found() -> None:
    assert at_most(count(ever_starved(0.05), 250), 250) <= 0.02, "half of its weight is still tolerated"
    assert at_least(count(ever_starved(0.01), 30), 30) >= 0.9
