"""Rollouts that are A/B tests, on the real state machine: who wins, who loses, and what a tie makes of it."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import pytest
from sluice.aws.metric_data import Counts, LatencySummary, Moments
from sluice.rollout.model.record import Command
from sluice.rollout_id import RolloutId

from tests.fakes.ab_world import ROLLOUT, ab_world, converting, findings
from tests.fakes.sluice_world import SluiceWorld, live_variants, outcome_of


def shares(world: SluiceWorld) -> list[float]:
    """Percent of the traffic that the candidate had, in the order it had them."""
    had = (weights["v7"] for weights in world.hosting.traffic if "v7" in weights)
    return [share for share, _ in groupby(had)]


def test_a_winner_goes_through_half_to_all_of_the_traffic() -> None:
    world = ab_world()
    assert world.play(ROLLOUT, on_state=converting(world, v7=0.4, v6=0.2)) == "Promoted"
    assert shares(world) == [10, 50, 100]
    assert live_variants(world) == {"v7": 100}
    last = findings(world)[-1]
    assert (last["numbers"]["standing"], last["answer"]) == ("won", "ADVANCE")
    assert last["numbers"]["interval"]["low"] > 0


def test_a_loser_goes_with_the_numbers_reported() -> None:
    world = ab_world()
    assert world.play(ROLLOUT, on_state=converting(world, v7=0.1, v6=0.4)) == "RolledBack"
    assert shares(world) == [10, 0]
    assert live_variants(world) == {"v6": 100}
    outcome, reason = outcome_of(world, ROLLOUT)
    assert outcome == "rolled_back"
    assert "lost the A/B test: conversion 0.1 (n=" in reason
    assert "against 0.4" in reason
    assert "difference -0.3 (-" in reason


@pytest.mark.parametrize(("on_tie", "end"), [("keep", "RolledBack"), ("promote", "Promoted")])
def test_a_tie_lasts_its_time_and_follows_its_rule(on_tie: str, end: str) -> None:
    world = ab_world(on_tie=on_tie, max_duration="3h")
    began = world.clock.at
    assert world.play(ROLLOUT, on_state=converting(world, v7=0.2, v6=0.2)) == end
    assert (world.clock.at - began).total_seconds() > 3 * 3600
    assert findings(world)[-1]["numbers"]["standing"] in ("tie, old version kept", "tie, new version promoted")
    assert len({each["numbers"]["standing"] for each in findings(world)}) == 3  # early, open, tie


def test_requests_end_a_test_too() -> None:
    world = ab_world(max_requests=70_000)
    began = world.clock.at
    assert world.play(ROLLOUT, on_state=converting(world, v7=0.2, v6=0.2)) == "RolledBack"
    assert (world.clock.at - began).total_seconds() < 3 * 3600
    assert "a tie" in outcome_of(world, ROLLOUT)[1]


@pytest.mark.parametrize("on_tie", ["keep", "promote"])
def test_without_outcomes_the_old_version_is_kept_at_the_end_whatever_the_rule(on_tie: str) -> None:
    world = ab_world(on_tie=on_tie, max_duration="2h")
    assert world.play(ROLLOUT) == "RolledBack"
    assert live_variants(world) == {"v6": 100}
    assert "nothing was compared" in outcome_of(world, ROLLOUT)[1]


def test_harm_ends_a_test_that_would_be_won() -> None:
    world = ab_world()
    world.metrics.per_period["v7"] = Counts(700, 200)
    assert world.play(ROLLOUT, on_state=converting(world, v7=0.9, v6=0.1)) == "RolledBack"
    assert "proven harm" in outcome_of(world, ROLLOUT)[1]


def test_an_alarm_ends_a_test_that_would_be_won() -> None:
    world = ab_world()
    reports = converting(world, v7=0.9, v6=0.1)

    def ring(state: str) -> None:
        reports(state)
        if state == "AnalyzeStage" and "sluice-dev-fraud-7-1-errors" in world.metrics.alarms:
            world.metrics.alarms["sluice-dev-fraud-7-1-errors"] = "ALARM"

    assert world.play(ROLLOUT, on_state=ring) == "RolledBack"
    assert "errors rang" in outcome_of(world, ROLLOUT)[1]


def test_a_winner_that_turns_harmful_at_half_of_the_traffic_goes_back() -> None:
    world = ab_world()
    reports = converting(world, v7=0.5, v6=0.2)

    def turn(state: str) -> None:
        reports(state)
        if shares(world)[-1:] == [50]:
            world.metrics.per_period["v7"] = Counts(700, 630)

    assert world.play(ROLLOUT, on_state=turn) == "RolledBack"
    assert shares(world) == [10, 50, 0]


@pytest.mark.parametrize(
    ("metric", "setup", "end"),
    [
        ("errors", {"per_period": {"v6": Counts(1300, 60), "v7": Counts(700, 1)}}, "Promoted"),
        ("latency", {"slow": {"v6": {"p90": 400}, "v7": {"p90": 4}}}, "Promoted"),
        ("latency", {"slow": None}, "RolledBack"),
    ],
    ids=["fewer errors", "fewer slow requests", "slow requests are not counted"],
)
def test_errors_and_latency_are_compared_without_any_outcome(metric: str, setup: dict[str, Any], end: str) -> None:
    world = ab_world(metric=metric, better="lower")
    world.metrics.summaries = []
    for name, value in setup.items():
        setattr(world.metrics, name, value)
    if metric == "latency":
        world.metrics.summaries = [LatencySummary(requests=5000, percentiles={"p90": 90_000.0})]
        world.metrics.means = {"v6": 50_000.0, "v7": 40_000.0}
    assert world.play(ROLLOUT) == end
    standing = findings(world)[-1]["numbers"]["standing"]
    assert standing == ("won" if end == "Promoted" else "nothing compared")


def test_a_metric_that_users_publish_themselves_is_compared_when_no_outcomes_come() -> None:
    world = ab_world()
    world.metrics.own_metrics = {
        ("v7", "conversion"): Moments(700, 280, 280),
        ("v6", "conversion"): Moments(1300, 260, 260),
    }
    assert world.play(ROLLOUT) == "Promoted"
    assert findings(world)[-1]["numbers"]["candidate"]["total"] > 0


def test_a_paused_test_is_not_ended_by_a_tie() -> None:
    world = ab_world(max_duration="1h")
    paused = False

    def pause(state: str) -> None:
        nonlocal paused
        if state == "AnalyzeStage" and not paused:
            paused = True
            command = Command(kind="pause", by="arn:me", reason="wait", at=world.clock.at)
            assert world.ports.store.set_command(RolloutId.required(ROLLOUT), command)

    with pytest.raises(AssertionError, match="did not end"):
        world.play(ROLLOUT, on_state=pause, limit=400)
    assert shares(world) == [10]
