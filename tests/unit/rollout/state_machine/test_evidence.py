"""Whole rollouts on the real state machine with fake AWS, decided by latency, traffic, the user's alarms, incidents."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sluice.aws.metric_data import Counts, LatencySummary
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec

from functions.open_rollout.app import run as open_rollout
from tests.fakes.sluice_world import SPEC, SluiceWorld, approval_of, live_variants, outcome_of, sluice_world

EVEN = {"v1": Counts(1000, 1), "v2": Counts(1000, 1)}
AS_FAST = {"v1": {"p90": 100, "p99": 10}, "v2": {"p90": 100, "p99": 10}}


def world_with(**alarms: Any) -> SluiceWorld:
    """A world in which version 1 serves, whose latencies are known."""
    raw = SPEC.to_json()
    raw["rollout"]["alarms"] |= alarms
    world = sluice_world(ModelSpec.parse(raw))
    world.live(1)
    world.metrics.per_period = dict(EVEN)
    world.metrics.slow = dict(AS_FAST)
    world.metrics.summaries = [LatencySummary(requests=50_000, percentiles={"p90": 12_000.0, "p99": 40_000.0})]
    return world


def looks(world: SluiceWorld, rollout: str) -> list[dict[str, Any]]:
    """What each look found, by name, oldest first."""
    lines = world.ports.history.entries(RolloutId.required(rollout))
    return [
        {each["name"]: each for each in line["data"]["findings"]} for line in lines if line["key"].startswith("look-")
    ]


def test_a_version_as_fast_as_the_live_one_is_promoted() -> None:
    world = world_with()
    rollout = world.approve(2)
    assert world.play(rollout) == "Promoted"
    last = looks(world, rollout)[-1]
    assert [last[name]["answer"] for name in ("errors", "latency p90", "latency p99")] == ["ADVANCE"] * 3


def test_a_slow_version_is_rolled_back_by_the_judge_though_it_never_fails() -> None:
    world = world_with()
    world.metrics.slow = {**AS_FAST, "v2": {"p90": 300, "p99": 10}}
    rollout = world.approve(2)
    assert world.play(rollout) == "RolledBack"
    assert live_variants(world) == {"v1": 100.0}
    outcome, reason = outcome_of(world, rollout)
    assert outcome == "rolled_back"
    assert reason.startswith(
        "latency p90: proven harm: the canary is slow (over 13.2 ms, where the baseline's p90 was 12 ms)"
    )


def test_thresholds_are_those_of_before_the_rollout_whatever_is_measured_later() -> None:
    world = world_with()
    rollout = world.approve(2)

    def slow_down(state: str) -> None:
        if state == "ProvisionCandidate":
            world.metrics.summaries = [LatencySummary(requests=50_000, percentiles={"p90": 99_000.0})]

    assert world.play(rollout, on_state=slow_down) == "Promoted"
    planned = world.ports.store.get(RolloutId.required(rollout)).planned()
    assert planned.slow_over_us == {"p90": 12_000, "p99": 40_000}


def test_where_slow_requests_cannot_be_counted_mean_latencies_are_compared() -> None:
    world = world_with()
    world.metrics.slow, world.metrics.means = None, {"v1": 5000.0, "v2": 9000.0}
    rollout = world.approve(2)
    assert world.play(rollout) == "RolledBack"
    assert "by mean latencies, as CloudWatch does not count slow requests here" in outcome_of(world, rollout)[1]


@pytest.mark.parametrize("variant", ["v1", "v2"])
def test_what_cloudwatch_did_not_answer_in_full_is_unknown_and_neither_proof_nor_harm(variant: str) -> None:
    """A version as good as the live one is held while data is missing, and promoted once CloudWatch has it."""
    world = world_with()
    rollout = world.approve(2)
    seen: list[dict[str, Any]] = []

    def come_back(state: str) -> None:
        if state == "AnalyzeStage" and not seen:
            world.metrics.incomplete = {variant: "InternalError"}
        found = looks(world, rollout)
        if len(found) > 8 and not seen:
            seen.append(found[-1])
            world.metrics.incomplete = {}

    assert world.play(rollout, on_state=come_back) == "Promoted"
    assert seen[0].keys() == {"alarm", "metrics"}
    assert (seen[0]["metrics"]["answer"], seen[0]["metrics"]["reason"]) == (
        "HOLD",
        "unknown: CloudWatch answered InternalError",
    )


def test_what_stays_unknown_is_doubt_in_the_end() -> None:
    world = world_with()
    rollout = world.approve(2)

    def lose(state: str) -> None:
        if state == "ShiftTraffic":
            world.metrics.incomplete = {"v1": "PartialData"}

    assert world.play(rollout, on_state=lose) == "RolledBack"
    outcome, reason = outcome_of(world, rollout)
    assert (outcome, reason) == (
        "rolled_back",
        "in doubt for 600 s after the bake: metrics: unknown: CloudWatch answered PartialData",
    )


def test_an_alarm_rolls_back_though_the_metrics_are_unknown() -> None:
    world = world_with()
    rollout = world.approve(2)

    def ring(state: str) -> None:
        if state == "ShiftTraffic":
            world.metrics.incomplete = {"v1": "InternalError"}
        if state == "Bake":
            world.metrics.alarms["sluice-dev-fraud-2-1-errors"] = "ALARM"

    assert world.play(rollout, on_state=ring) == "RolledBack"
    assert "sluice-dev-fraud-2-1-errors rang" in outcome_of(world, rollout)[1]


def test_a_plan_waits_until_the_live_versions_latencies_are_known() -> None:
    world = world_with()
    world.metrics.incomplete = {"v1": "InternalError"}
    rollout = world.approve(2)
    waits: list[str] = []

    def answer(state: str) -> None:
        waits.append(state)
        if waits.count("PlanRollout") > 2:
            world.metrics.incomplete = {}

    assert world.play(rollout, on_state=answer) == "Promoted"
    assert world.ports.store.get(RolloutId.required(rollout)).planned().slow_over_us == {"p90": 12_000, "p99": 40_000}


@pytest.mark.parametrize("state", ["EVALUATION_ERROR", "EVALUATION_FAILURE", "PARTIAL_DATA"])
def test_an_alarm_that_cloudwatch_cannot_evaluate_is_not_quiet(state: str) -> None:
    world = world_with(also=["orders-too-few"])
    world.metrics.alarms["orders-too-few"] = "OK"
    rollout = world.approve(2)

    def break_it(at: str) -> None:
        if at == "ShiftTraffic":
            world.metrics.alarms["orders-too-few"] = state

    assert world.play(rollout, on_state=break_it) == "RolledBack"
    assert f"CloudWatch cannot evaluate orders-too-few ({state})" in outcome_of(world, rollout)[1]


def test_by_mean_latencies_a_fast_version_is_promoted() -> None:
    world = world_with()
    world.metrics.slow, world.metrics.means = None, {"v1": 5000.0, "v2": 5100.0}
    assert world.play(world.approve(2)) == "Promoted"


def test_latency_of_which_nothing_was_known_before_blocks_nothing_and_the_analysis_says_so() -> None:
    world = world_with()
    world.metrics.summaries = []
    rollout = world.approve(2)
    assert world.play(rollout) == "Promoted"
    assert "too little traffic before the rollout" in looks(world, rollout)[-1]["latency"]["reason"]


def test_a_starved_version_is_held_and_reported_and_not_promoted() -> None:
    world = world_with()
    world.metrics.per_period = {"v1": Counts(100_000, 10), "v2": Counts(1000, 0)}
    world.metrics.slow = {"v1": {"p90": 10_000, "p99": 1000}, "v2": {"p90": 100, "p99": 10}}
    rollout = world.approve(2)
    assert world.play(rollout) == "RolledBack"
    _, reason = outcome_of(world, rollout)
    assert reason.startswith("in doubt for 600 s after the bake: traffic: the canary is starved")
    assert live_variants(world) == {"v1": 100.0}


def test_nothing_is_promoted_beside_a_failing_baseline() -> None:
    world = world_with()
    world.metrics.per_period = {"v1": Counts(1000, 300), "v2": Counts(1000, 300)}
    rollout = world.approve(2)
    held: list[str] = []

    def recover(state: str) -> None:
        found = looks(world, rollout)
        if state == "Bake" and len(found) > 7:
            held.append(found[-1]["baseline"]["answer"])
            world.metrics.per_period = dict(EVEN)

    assert world.play(rollout, on_state=recover) == "Promoted", "once the incident is over"
    assert held[0] == "HOLD"


# --- alarms of the user's own ------------------------------------------------------------------------------


def test_the_users_alarm_stops_a_rollout_through_the_composite() -> None:
    world = world_with(also=["orders"])
    world.metrics.alarms["orders"] = "OK"
    rollout = world.approve(2)

    def ring_once(state: str) -> None:
        if state == "Bake" and world.metrics.alarms["orders"] == "OK":
            world.hosting.settle()
            world.metrics.alarms["orders"] = "ALARM"
            assert world.ring("sluice-dev-fraud-2-1-alarms")["moved"] == "weights"

    assert world.play(rollout, on_state=ring_once) == "RolledBack"
    assert live_variants(world) == {"v1": 100.0}
    assert world.metrics.alarms == {"orders": "ALARM"}, "ours are removed, the user's is left alone"


def test_an_analysis_sees_the_users_alarm_even_if_its_event_is_lost() -> None:
    world = world_with(also=["orders"])
    world.metrics.alarms["orders"] = "OK"
    rollout = world.approve(2)

    def ring(state: str) -> None:
        if state == "Bake":
            world.metrics.alarms["orders"] = "ALARM"

    assert world.play(rollout, on_state=ring) == "RolledBack"
    assert outcome_of(world, rollout)[1] == "alarm: orders rang"


@pytest.mark.parametrize(
    ("states", "told"),
    [
        pytest.param({}, "rollout.alarms.also: 'orders' is no CloudWatch alarm", id="missing"),
        pytest.param({"orders": "ALARM"}, "rollout.alarms.also: 'orders' is in ALARM before", id="rings already"),
    ],
)
def test_a_rollout_does_not_begin_under_an_alarm_that_is_missing_or_rings(states: dict[str, str], told: str) -> None:
    world = world_with(also=["orders"])
    world.metrics.alarms |= states
    before = live_variants(world)
    rollout = world.approve(2)
    assert world.play(rollout) == "RolledBack"
    assert told in outcome_of(world, rollout)[1]
    assert live_variants(world) == before
    assert "sluice-dev-fraud-2-1-model" not in world.hosting.models


def test_an_alarm_of_the_users_that_is_deleted_meanwhile_holds() -> None:
    world = world_with(also=["orders"])
    world.metrics.alarms["orders"] = "OK"
    rollout = world.approve(2)

    def delete(state: str) -> None:
        if state == "Bake":
            world.metrics.alarms.pop("orders", None)

    assert world.play(rollout, on_state=delete) == "RolledBack"
    assert "alarm: orders is missing" in outcome_of(world, rollout)[1]


def test_the_way_back_from_a_rejected_version_does_not_wait_for_the_users_alarm() -> None:
    world = world_with(also=["orders"])
    world.metrics.alarms["orders"] = "OK"
    assert world.play(world.approve(2)) == "Promoted"
    world.metrics.alarms["orders"] = "ALARM"
    arn = next(arn for arn, each in world.registry.packages.items() if each.version == 2)
    world.registry.packages[arn] = replace(world.registry.packages[arn], approval="Rejected")
    event = approval_of(arn)
    event["detail"]["ModelApprovalStatus"] = "Rejected"
    assert world.play(str(open_rollout(event, world.ports)["rollout"])) == "Promoted"
    assert live_variants(world) == {"v1": 100.0}
