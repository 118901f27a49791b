"""A shadow on the real state machine with fake AWS: promoted on proof of agreement, dropped on anything else."""

from __future__ import annotations

import pytest
from sluice.aws.metric_data import Counts
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec

from tests.fakes.sluice_world import ENDPOINT, SPEC, SluiceWorld, live_variants, outcome_of, sluice_world

PREDICTIONS = [float(number % 17) for number in range(600)]


@pytest.fixture
def world() -> SluiceWorld:
    raw = SPEC.to_json()
    raw["rollout"] |= {"strategy": "shadow", "shadow": {"share_percent": 50, "duration": "10m", "min_requests": 500}}
    world = sluice_world(ModelSpec.parse(raw))
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1000, 1), "v2": Counts(500, 0)}
    world.captures.answered("v1", PREDICTIONS)
    return world


def test_a_shadow_that_agrees_is_promoted_and_never_answered_a_client_before(world: SluiceWorld) -> None:
    world.captures.answered("v2", [each * 1.01 for each in PREDICTIONS])
    variants_answering: set[str] = set()

    def listen(state: str) -> None:
        if state == "AnalyzeStage":
            variants_answering.update(each.name for each in world.hosting.endpoints[ENDPOINT].variants)

    rollout = world.approve(2)
    assert world.play(rollout, on_state=listen) == "Promoted"
    assert variants_answering == {"v1"}
    assert live_variants(world) == {"v2": 100.0}


def test_a_shadow_that_predicts_something_else_is_dropped_with_the_numbers(world: SluiceWorld) -> None:
    world.captures.answered("v2", [each + 50 for each in PREDICTIONS])
    rollout = world.approve(2)
    assert world.play(rollout) == "RolledBack"
    assert live_variants(world) == {"v1": 100.0}
    outcome, reason = outcome_of(world, rollout)
    assert outcome == "rolled_back"
    assert "agreement: 0 of 600 answers agree" in reason


def test_a_shadow_that_fails_is_dropped_though_its_answers_agree(world: SluiceWorld) -> None:
    world.captures.answered("v2", PREDICTIONS)
    world.metrics.per_period["v2"] = Counts(500, 100)
    rollout = world.approve(2)
    assert world.play(rollout) == "RolledBack"
    assert "errors" in outcome_of(world, rollout)[1]


@pytest.mark.parametrize("answers", [[], PREDICTIONS[:400]], ids=["nothing captured", "too few"])
def test_without_enough_answers_nothing_is_promoted(world: SluiceWorld, answers: list[float]) -> None:
    world.captures.answered("v2", answers)
    rollout = world.approve(2)
    assert world.play(rollout) == "RolledBack"
    assert live_variants(world) == {"v1": 100.0}
    assert "500 are to be compared" in outcome_of(world, rollout)[1]


def test_a_shadow_that_gets_no_requests_is_reported(world: SluiceWorld) -> None:
    world.captures.answered("v2", PREDICTIONS)
    world.metrics.per_period["v2"] = Counts(0, 0)
    rollout = world.approve(2)
    assert world.play(rollout) == "RolledBack"
    assert "starved" in outcome_of(world, rollout)[1]


def test_every_analysis_tells_how_many_answers_agree(world: SluiceWorld) -> None:
    world.captures.answered("v2", PREDICTIONS)
    rollout = world.approve(2)
    assert world.play(rollout) == "Promoted"
    looks = [
        line["data"]
        for line in world.ports.history.entries(RolloutId.required(rollout))
        if line["key"].startswith("look-")
    ]
    assert looks
    for look in looks:
        found = next(each for each in look["findings"] if each["name"] == "agreement")
        assert found["numbers"] == {"compared": 600, "agreed": 600}
