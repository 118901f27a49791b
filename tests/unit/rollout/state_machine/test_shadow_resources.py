"""What a rollout makes for a shadow, and that nothing of it is left."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sluice.aws.metric_data import Counts
from sluice.endpoint.state import NewConfig
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec

from tests.fakes.sluice_world import ENDPOINT, SPEC, SluiceWorld, live_variants, outcome_of, sluice_world

ROLLOUT = "fraud-2-1"
SHADOW = f"{ENDPOINT}-2-1-shadow"


@pytest.fixture
def world() -> SluiceWorld:
    raw = SPEC.to_json()
    raw["rollout"] |= {"strategy": "shadow", "shadow": {"share_percent": 50, "duration": "10m"}}
    made = sluice_world(ModelSpec.parse(raw))
    made.live(1)
    made.metrics.per_period = {"v1": Counts(2000, 2), "v2": Counts(1000, 0)}
    for variant in ("v1", "v2"):
        made.captures.answered(variant, [1.0] * 600)
    return made


def test_nothing_of_a_shadow_is_left_after_its_promotion(world: SluiceWorld) -> None:
    began = world.clock.now()
    assert world.play(world.approve(2)) == "Promoted"
    assert (world.clock.now() - began).total_seconds() >= 600
    assert live_variants(world) == {"v2": 100.0}
    assert world.hosting.endpoints[ENDPOINT].shadows == ()
    assert SHADOW not in world.hosting.configs


def test_half_of_the_requests_are_mirrored_and_all_that_is_said_is_captured(world: SluiceWorld) -> None:
    configs: list[NewConfig] = []

    def remember(_state: str) -> None:
        configs.extend([world.hosting.configs[SHADOW]] if SHADOW in world.hosting.configs else [])

    world.play(world.approve(2), on_state=remember)
    made = configs[0]
    assert [each.name for each in made.variants] == ["v1"]
    assert made.shadow
    assert (made.shadow.weight / made.variants[0].weight, made.shadow.instance_count) == (0.5, 2)
    assert made.capture_uri == "s3://sluice-dev-data/capture/fraud/fraud-2-1"


def test_the_history_tells_of_copies_not_of_traffic(world: SluiceWorld) -> None:
    world.play(world.approve(2))
    told = [line["text"] for line in world.ports.history.entries(RolloutId.required(ROLLOUT))]
    assert "version 2 gets a copy of 50 % of the requests" in told


@pytest.mark.parametrize("how", ["failing", "alarm"])
def test_a_bad_shadow_is_dropped(world: SluiceWorld, how: str) -> None:
    if how == "failing":
        world.metrics.per_period["v2"] = Counts(1000, 100)

    def ring(state: str) -> None:
        if how == "alarm" and state == "Bake":
            world.ring(f"{ENDPOINT}-2-1-errors")

    assert world.play(world.approve(2), on_state=ring) == "RolledBack"
    assert outcome_of(world, ROLLOUT)[0] == "rolled_back"
    assert live_variants(world) == {"v1": 100.0}
    assert world.hosting.endpoints[ENDPOINT].shadows == ()


def test_a_shadow_that_someone_removed_ends_the_rollout(world: SluiceWorld) -> None:
    def remove(state: str) -> None:
        if state == "AnalyzeStage":
            now = world.hosting.endpoints[ENDPOINT]
            assert now.shadows
            world.hosting.endpoints[ENDPOINT] = replace(now, config=f"{ENDPOINT}-1-1-live", shadows=())

    assert world.play(world.approve(2), on_state=remove) == "RolledBack"
    assert live_variants(world) == {"v1": 100.0}
