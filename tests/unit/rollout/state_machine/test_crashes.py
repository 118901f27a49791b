"""A crash before or after any one AWS call of a rollout ends in the same state as no crash at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from sluice.aws.metric_data import Counts
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec

from tests.fakes.sluice_world import SPEC, SluiceWorld, agree, sluice_world

ENDPOINT = "sluice-dev-fraud"
ERRORS = f"{ENDPOINT}-2-1-errors"
ANSWERS = 50  # every look of hundreds of rollouts reads them all
PROVEN_BY_FEW = {"min_requests": ANSWERS, "min_agreement_percent": 80}
GOOD = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
BAD = {"v1": Counts(1800, 2), "v2": Counts(200, 60)}

OnState = Callable[[SluiceWorld, str], None]


def nothing(_world: SluiceWorld, _state: str) -> None:
    pass


def ring_while_deploying(world: SluiceWorld, _state: str) -> None:
    """The alarm's event is lost: SageMaker and the machine have to find it by themselves."""
    if world.hosting.endpoints[ENDPOINT].status == "Updating" and ERRORS in world.metrics.alarms:
        world.metrics.alarms[ERRORS] = "ALARM"


def ring_in_the_watch(world: SluiceWorld, state: str) -> None:
    watching = world.ports.store.get(RolloutId.required("fraud-2-1")).watching_since
    if state == "WaitForPromotion" and watching and ERRORS in world.metrics.alarms:
        world.metrics.alarms[ERRORS] = "ALARM"


@dataclass(frozen=True)
class Story:
    """One way to roll out and its end."""

    strategy: str
    counts: dict[str, Counts]
    on_state: OnState = nothing

    def spec(self) -> ModelSpec:
        raw = SPEC.to_json()
        raw["rollout"] |= {"strategy": self.strategy, "shadow": {"duration": "5m", **PROVEN_BY_FEW}}
        raw["rollout"] |= {"watch": "5m"} if self.on_state is ring_in_the_watch else {}
        return ModelSpec.parse(raw)


STORIES = {
    "canary promoted": Story("canary", GOOD),
    "canary rolled back": Story("canary", BAD),
    "shadow promoted": Story("shadow", GOOD),
    "shadow dropped": Story("shadow", BAD),
    "deployed by SageMaker": Story("blue_green", GOOD),
    "taken back by SageMaker": Story("blue_green", BAD, ring_while_deploying),
    "deployed by SageMaker and put back": Story("blue_green", BAD, ring_in_the_watch),
    "replaced at once": Story("all_at_once", GOOD),
    "replaced and put back": Story("all_at_once", BAD, ring_in_the_watch),
}


def end_state(world: SluiceWorld) -> dict[str, object]:
    world.hosting.settle()
    endpoint = world.hosting.endpoints[ENDPOINT]
    return {
        "variants": {each.name: (each.model, each.weight, each.desired_count) for each in endpoint.variants},
        "shadows": endpoint.shadows,
        "models": sorted(world.hosting.models),
        "alarms": dict(world.metrics.alarms),
        "approvals": {each.version: each.approval for each in world.registry.packages.values()},
        "outcome": world.ports.store.get(RolloutId.required("fraud-2-1")).outcome,
        "lock": world.ports.locks.holder(ENDPOINT),
        "configs": sorted(world.hosting.configs),
    }


def rolled_out(
    story: Story, at: int, *, after_effect: bool = False, is_repeated: bool = False
) -> tuple[dict[str, object], int, list[str]]:
    """How a rollout ends whose ``at``-th call fails or is repeated by the SDK, how many calls it took, its metrics."""
    world = sluice_world(story.spec())
    world.live(1)
    rollout = world.approve(2)
    world.metrics.per_period = story.counts
    agree(world, answers=ANSWERS)

    def act(state: str) -> None:
        seen, fault = world.faults.seen, world.faults.at
        world.faults.at = 0
        story.on_state(world, state)
        world.faults.seen, world.faults.at = seen, fault

    world.faults.seen, world.faults.at, world.faults.after_effect = 0, at, after_effect
    world.faults.is_repeated = is_repeated
    last = world.play(rollout, on_state=act)
    calls, world.faults.at = world.faults.seen, 0
    served = [weights for weights in world.hosting.traffic if sum(weights.values()) <= 0]
    assert served == [], "weights never sum to zero"
    return {**end_state(world), "last state": last}, calls, [name for name, *_ in world.telemetry.metrics]


@pytest.mark.parametrize("after_effect", [False, True], ids=["lost call", "lost answer"])
@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_one_fault_anywhere_changes_nothing(story: Story, after_effect: bool) -> None:
    expected, calls, _ = rolled_out(story, at=0, after_effect=after_effect)
    is_bad = story.counts is BAD
    assert expected["outcome"] == ("rolled_back" if is_bad else "promoted")
    assert calls >= 30, "the story has to touch AWS for this to mean anything"
    for at in range(1, calls + 1):
        found, *_ = rolled_out(story, at=at, after_effect=after_effect)
        assert found == expected, f"after a fault at call {at} of {calls}"


@pytest.mark.parametrize("story", ["canary promoted", "canary rolled back", "replaced and put back"])
def test_a_call_whose_answer_is_lost_and_that_the_sdk_repeats_changes_nothing(story: str) -> None:
    expected, calls, measured = rolled_out(STORIES[story], at=0)
    for at in range(1, calls + 1):
        found, _, again = rolled_out(STORIES[story], at=at, is_repeated=True)
        assert (found, again) == (expected, measured), f"after a repetition of call {at} of {calls}"
