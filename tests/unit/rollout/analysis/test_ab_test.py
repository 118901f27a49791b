"""An A/B test at one look: who won, who lost, what a tie makes of it, and what people are told."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sluice.aws.metric_data import Moments
from sluice.rollout.analysis.ab_test import (
    ABComparison,
    Progress,
    Standing,
    ab_finding,
    compare_versions,
    outcomes_needed,
)
from sluice.rollout.analysis.confidence_sequence import Pair
from sluice.rollout.analysis.findings import Answer
from sluice.rollout.model.plan import Experiment, experiment_from
from sluice.spec.strategies import ABTest

DAY = 86_400
EXPERIMENT = Experiment(
    metric="conversion", better="higher", on_tie="keep", max_seconds=DAY, max_requests=None, row_seconds=60
)
UNDER_WAY = Progress(elapsed_seconds=3600, least_seconds=3600, requests=3000)
OVER = replace(UNDER_WAY, elapsed_seconds=DAY)


def minutes(candidate: int, baseline: int, count: int = 30) -> list[Pair]:
    """Conversions of 100 requests to the candidate and 900 to the baseline, each minute."""
    return [Pair(Moments(100, candidate, candidate), Moments(900, baseline, baseline))] * count


def compared(candidate: int, baseline: int, count: int = 30) -> ABComparison:
    return compare_versions(minutes(candidate, baseline, count), 0.05, is_bounded=True)


@pytest.mark.parametrize(
    ("better", "candidate", "standing", "answer"),
    [
        ("higher", 30, Standing.WON, Answer.ADVANCE),
        ("higher", 5, Standing.LOST, Answer.ROLL_BACK),
        ("lower", 30, Standing.LOST, Answer.ROLL_BACK),
        ("lower", 5, Standing.WON, Answer.ADVANCE),
        ("higher", 16, Standing.OPEN, Answer.HOLD),
    ],
)
def test_the_proven_better_version_wins(better: str, candidate: int, standing: Standing, answer: Answer) -> None:
    experiment = replace(EXPERIMENT, better=better)  # type: ignore[arg-type]
    found = ab_finding(compared(candidate, 135), experiment, UNDER_WAY)
    assert (found.numbers["standing"], found.answer, found.is_doubt) == (standing, answer, False)


@pytest.mark.parametrize("candidate", [5, 16, 30])
def test_nothing_is_decided_before_the_least_time(candidate: int) -> None:
    early = replace(UNDER_WAY, elapsed_seconds=3599)
    assert ab_finding(compared(candidate, 135), EXPERIMENT, early).answer is Answer.HOLD


@pytest.mark.parametrize(
    ("on_tie", "answer", "is_doubt"), [("keep", Answer.ROLL_BACK, True), ("promote", Answer.ADVANCE, False)]
)
def test_a_tie_follows_its_rule_at_the_end(on_tie: str, answer: Answer, is_doubt: bool) -> None:
    experiment = replace(EXPERIMENT, on_tie=on_tie)  # type: ignore[arg-type]
    found = ab_finding(compared(15, 135), experiment, OVER)
    assert (found.answer, found.is_doubt) == (answer, is_doubt)
    assert f"on_tie says {on_tie}" in found.reason


def test_requests_can_end_a_test_as_time_does() -> None:
    experiment = replace(EXPERIMENT, max_requests=3000)
    assert ab_finding(compared(15, 135), experiment, UNDER_WAY).numbers["standing"] == Standing.KEPT
    fewer = replace(UNDER_WAY, requests=2999)
    assert ab_finding(compared(15, 135), experiment, fewer).numbers["standing"] == Standing.OPEN


@pytest.mark.parametrize("pairs", [[], [Pair(Moments(0, 0, 0), Moments(900, 90, 90))]], ids=["nobody", "only the old"])
def test_what_was_never_compared_is_kept_away_whatever_the_rule(pairs: list[Pair]) -> None:
    promote = replace(EXPERIMENT, on_tie="promote")
    comparison = compare_versions(pairs, 0.05, is_bounded=True)
    assert ab_finding(comparison, promote, UNDER_WAY).answer is Answer.HOLD
    found = ab_finding(comparison, promote, OVER)
    assert (found.answer, found.numbers["standing"]) == (Answer.ROLL_BACK, Standing.NOTHING)


def test_people_are_shown_the_effect_its_interval_and_how_many_more() -> None:
    found = ab_finding(compared(17, 135), EXPERIMENT, UNDER_WAY)
    told = found.reason.split("; ")
    assert told[0].startswith("undecided: conversion 0.17 (n=3,000) against 0.15 (n=27,000), difference +0.02 (-0.0")
    assert told[1] == "higher is better"
    assert told[2].startswith("odds against no difference ")
    assert "more of the new version to decide" in told[3]
    assert json.loads(json.dumps(asdict(found)))["numbers"]["candidate"]["count"] == 3000


def test_values_of_any_size_are_labelled_as_compared_in_the_limit() -> None:
    spent = [Pair(Moments(100, 330.0, 4000.0), Moments(900, 2700.0, 30_000.0))] * 30
    found = ab_finding(compare_versions(spent, 0.05, is_bounded=False), EXPERIMENT, UNDER_WAY)
    assert "in the limit of many" in found.reason
    assert found.numbers["is_exact"] is False


def test_the_outlook_is_about_right_if_things_go_on() -> None:
    more = outcomes_needed(compared(17, 135))
    assert more is not None
    needed = 30 + more // 100
    assert ab_finding(compared(17, 135, needed // 2), EXPERIMENT, UNDER_WAY).answer is Answer.HOLD
    assert ab_finding(compared(17, 135, needed * 3 // 2), EXPERIMENT, UNDER_WAY).answer is Answer.ADVANCE


COUNTS = st.tuples(st.integers(0, 100), st.integers(0, 900))


@given(st.lists(COUNTS, max_size=20), st.sampled_from(["keep", "promote"]), st.integers(0, 2 * DAY))
def test_a_test_always_ends_and_never_advances_without_both(
    counts: list[tuple[int, int]], on_tie: str, elapsed: int
) -> None:
    pairs = [Pair(Moments(one, one / 2, one / 2), Moments(other, other / 4, other / 4)) for one, other in counts]
    experiment = replace(EXPERIMENT, on_tie=on_tie)  # type: ignore[arg-type]
    comparison = compare_versions(pairs, 0.05, is_bounded=True)
    answer = ab_finding(comparison, experiment, replace(UNDER_WAY, elapsed_seconds=elapsed)).answer
    assert elapsed < DAY or answer is not Answer.HOLD
    assert answer is not Answer.ADVANCE or (comparison.candidate.count and comparison.baseline.count)


@pytest.mark.parametrize(
    ("longest", "period", "row"), [(20, 10, 10), (20, 60, 60), (DAY, 60, 60), (2 * DAY, 60, 300), (14 * DAY, 60, 900)]
)
def test_long_tests_are_compared_in_longer_rows(longest: int, period: int, row: int) -> None:
    settings = ABTest(min_duration_seconds=10, max_duration_seconds=longest)
    assert experiment_from(settings, period).row_seconds == row
