"""How often the judge errs and how fast it finds harm, on simulated traffic looked at every minute for an hour.

A limit counts as kept only if the runs prove it: the bound is that of a 95 % confidence interval, and it is the
bound that must keep the limit, not the share of runs. Seeds are fixed, so a run is no matter of luck. The long
version, beside other rules on the same traffic, is ``bench/judge_power.py``.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from sluice.rollout.analysis.e_process import Row
from sluice.rollout.analysis.findings import Answer
from sluice.rollout.analysis.judge import Rules, judge
from sluice.rollout.analysis.latency import ERRORS_SHARE_OF_ALPHA

from bench.canary_traffic import (
    QUIET,
    USUAL,
    Cell,
    Rollout,
    lonely_bursts,
    outage,
    rows,
    shared_bursts,
    shared_drift,
    simpson,
    staged,
    steady,
    with_rerouted_retries,
)
from bench.confidence import at_least, at_most
from bench.rollback_rules import first_safe

RULES = Rules()
BESIDE_LATENCY = Rules(alpha=RULES.alpha * ERRORS_SHARE_OF_ALPHA)  # what latency leaves to errors
CELLS = [
    QUIET,
    USUAL,
    Cell(1000, 0.1, 0.001),
    Cell(1000, 0.5, 0.01),
    Cell(1000, 0.05, 0.01),
    Cell(100, 0.1, 0.05),
    Cell(100, 0.5, 0.01),
]


def count(play: Callable[[random.Random], list[Row]], runs: int, hit: Callable[[list[Row]], bool]) -> int:
    generator = random.Random(20220815)
    return sum(hit(play(generator)) for _ in range(runs))


def played(rollout: Rollout) -> Callable[[random.Random], list[Row]]:
    return lambda generator: rows(rollout, generator)


def is_rolled_back(seen: list[Row]) -> bool:
    return judge(seen, RULES).decision is Answer.ROLL_BACK


def is_found_within(minutes: int, onset: int = 0) -> Callable[[list[Row]], bool]:
    """Harm is proven, after its onset, in at most so many minutes."""

    def hit(seen: list[Row]) -> bool:
        at = judge(seen, BESIDE_LATENCY).harm_proven_at
        return at is not None and onset <= at < onset + minutes

    return hit


def is_ever_safe(seen: list[Row]) -> bool:
    return first_safe(seen, RULES) is not None


@pytest.mark.parametrize("ratio", [1.0, 1.1])
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_tolerable_canary_is_rarely_rolled_back(cell: Cell, ratio: float) -> None:
    assert at_most(count(played(steady(cell, ratio)), 160, is_rolled_back), 160) <= 0.05


@pytest.mark.parametrize(
    "play",
    [
        pytest.param(played(shared_bursts(USUAL)), id="bursts on both"),
        pytest.param(played(shared_drift(USUAL)), id="drift on both"),
        pytest.param(played(simpson(1000)), id="worse while the weight rises"),
        pytest.param(
            lambda generator: with_rerouted_retries(rows(steady(USUAL), generator), USUAL, generator),
            id="retries routed by weight",
        ),
    ],
)
def test_what_strikes_both_variants_accuses_neither(play: Callable[[random.Random], list[Row]]) -> None:
    assert at_most(count(play, 300, is_rolled_back), 300) <= 0.02


@pytest.mark.parametrize("cell", [USUAL, QUIET], ids=str)
def test_a_burst_of_a_minute_on_one_variant_rarely_rolls_back(cell: Cell) -> None:
    assert at_most(count(played(lonely_bursts(cell)), 200, is_rolled_back), 200) <= 0.05


@pytest.mark.parametrize(
    ("rollout", "minutes", "onset"),
    [
        pytest.param(steady(USUAL, 5), 5, 0, id="1000 a minute, 5 times as bad"),
        pytest.param(steady(USUAL, 3), 10, 0, id="1000 a minute, 3 times"),
        pytest.param(steady(USUAL, 2), 25, 0, id="1000 a minute, twice"),
        pytest.param(steady(QUIET, 20), 5, 0, id="100 a minute, 20 times"),
        pytest.param(steady(QUIET, 5), 20, 0, id="100 a minute, 5 times"),
        pytest.param(steady(USUAL, 5, onset=30), 10, 30, id="5 times from minute 31 on"),
    ],
)
def test_harm_is_found_in_time_more_often_than_not(rollout: Rollout, minutes: int, onset: int) -> None:
    assert at_least(count(played(rollout), 100, is_found_within(minutes, onset)), 100) >= 0.5


@pytest.mark.parametrize("onset", [0, 30])
@pytest.mark.parametrize(("cell", "minutes"), [(USUAL, 1), (QUIET, 3)], ids=["1000 a minute", "100 a minute"])
def test_a_total_outage_is_found_at_once(cell: Cell, minutes: int, onset: int) -> None:
    assert at_least(count(played(outage(cell, onset)), 50, is_found_within(minutes, onset)), 50) >= 0.9


@pytest.mark.parametrize(
    "rollout",
    [pytest.param(steady(USUAL), id="at 10 percent"), pytest.param(staged(1000, 0.01), id="in stages")],
)
def test_a_healthy_canary_with_traffic_is_found_safe(rollout: Rollout) -> None:
    assert at_least(count(played(rollout), 150, is_ever_safe), 150) >= 0.95


@pytest.mark.parametrize("cell", [QUIET, USUAL, Cell(1000, 0.1, 0.001), Cell(1000, 0.05, 0.01)], ids=str)
def test_a_canary_just_too_bad_is_rarely_found_safe(cell: Cell) -> None:
    just_too_bad = steady(cell, RULES.safe_ratio, margin=RULES.safe_margin)

    assert at_most(count(played(just_too_bad), 450, is_ever_safe), 450) <= 0.05
