"""Rollouts of endpoints whose capacity follows the load: what serves in the end is scaled, and nothing shrinks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sluice.aws.metric_data import Counts
from sluice.endpoint.scaling_rules import ClockRange, ScalingRules, rules_for
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec
from sluice.sweep.scaling import reconcile_scaling

from tests.builders.aws_clients import refusal
from tests.fakes.sluice_world import ENDPOINT, SPEC, SluiceWorld, live_variants, outcome_of, sluice_world

GOOD = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
BAD = {"v1": Counts(1800, 2), "v2": Counts(200, 60)}


def scaled_spec(**changes: Any) -> ModelSpec:
    raw = SPEC.to_json()
    raw["endpoint"]["scaling"] = {"min": 2, "max": 20}
    raw["rollout"] |= changes
    return ModelSpec.parse(raw)


def scaled_world(**changes: Any) -> SluiceWorld:
    """Version 1 is live, and has scaled out to eight instances."""
    world = sluice_world(scaled_spec(**changes))
    world.live(1)
    set_count(world, "v1", 8)
    return world


def set_count(world: SluiceWorld, variant: str, count: int) -> None:
    """As Application Auto Scaling would, once the endpoint is settled."""
    world.hosting.settle()
    state = world.hosting.endpoints[ENDPOINT]
    variants = tuple(replace(one, desired_count=count) if one.name == variant else one for one in state.variants)
    world.hosting.endpoints[ENDPOINT] = replace(state, variants=variants)


def counts(world: SluiceWorld) -> dict[str, int]:
    world.hosting.settle()
    return {each.name: each.desired_count for each in world.hosting.endpoints[ENDPOINT].variants}


def targets(world: SluiceWorld) -> dict[str, tuple[int, int]]:
    return {variant: (rules.least, rules.most) for (_, variant), rules in world.scaling.targets.items()}


def release(world: SluiceWorld, seen: dict[str, Counts], on_state: Callable[[str], None] = lambda _name: None) -> str:
    rollout = world.approve(2)
    world.metrics.per_period = seen
    world.play(rollout, on_state=on_state)
    return rollout


@pytest.mark.parametrize("strategy", ["canary", "linear", "all_at_once", "blue_green"])
def test_what_was_promoted_is_scaled_and_has_the_capacity_of_the_one_before(strategy: str) -> None:
    world = scaled_world(strategy=strategy)
    assert targets(world) == {"v1": (2, 20)}
    rollout = release(world, GOOD)
    assert outcome_of(world, rollout)[0] == "promoted"
    (variant,) = live_variants(world)
    assert targets(world) == {variant: (2, 20)}
    assert counts(world) == {variant: 8}


@pytest.mark.parametrize("strategy", ["canary", "all_at_once"])
def test_after_a_rollback_the_old_version_is_scaled_as_before(strategy: str) -> None:
    world = scaled_world(strategy=strategy, watch="10m")

    def ring(state: str) -> None:
        if state == "WaitForPromotion" and "sluice-dev-fraud-2-1-errors" in world.metrics.alarms:
            world.ring("sluice-dev-fraud-2-1-errors")

    rollout = release(world, BAD, ring)
    assert outcome_of(world, rollout)[0] == "rolled_back"
    assert live_variants(world) == {"v1": 100.0}
    assert targets(world) == {"v1": (2, 20)}
    assert counts(world) == {"v1": 8}


def test_a_quiet_hour_is_no_reason_to_refuse_a_deployment_in_parts() -> None:
    raw = scaled_spec(strategy="blue_green", blue_green={"routing": "canary", "wait": "1m"}).to_json()
    raw["endpoint"] |= {"instance_count": 1, "scaling": {"min": 1, "max": 20}}
    world = sluice_world(ModelSpec.parse(raw))
    world.live(1)
    assert counts(world) == {"v1": 1}
    assert outcome_of(world, release(world, GOOD))[0] == "promoted"
    assert counts(world) == {"v1": 2}, "two can be deployed one after the other; the policy takes one away again"


def test_while_both_serve_neither_shrinks_below_what_the_rollout_counts_on() -> None:
    world = scaled_world()
    seen: dict[int, dict[str, tuple[int, int]]] = {}

    def look(state: str) -> None:
        if state == "AnalyzeStage":
            stage = world.ports.store.get(RolloutId.required("fraud-2-1")).stage
            seen[stage] = targets(world)

    release(world, GOOD, look)
    assert seen == {0: {"v1": (8, 20), "v2": (2, 20)}, 1: {"v1": (8, 20), "v2": (4, 20)}}


def test_a_load_that_grew_during_the_rollout_gets_its_capacity_before_its_traffic() -> None:
    world = scaled_world()

    def grow(state: str) -> None:
        world.hosting.settle()
        variants = world.hosting.endpoints[ENDPOINT].variants
        if state == "AnalyzeStage" and {each.name: each.weight for each in variants} == {"v1": 50.0, "v2": 50.0}:
            set_count(world, "v1", 9)

    release(world, GOOD, grow)
    assert counts(world) == {"v2": 18}, "nine instances were busy with half of the traffic"


def test_capacity_scaled_by_hand_is_not_lost_by_a_rollout_that_does_not_know_of_it() -> None:
    world = sluice_world()
    world.live(1)
    world.scaling.by_hand[ENDPOINT, "v1"] = (1, 9)
    outcome, reason = outcome_of(world, release(world, GOOD))
    assert outcome == "failed"
    assert "registered with Application Auto Scaling by hand" in reason
    assert "endpoint.scaling" in reason
    assert live_variants(world) == {"v1": 100.0}
    assert world.scaling.by_hand == {(ENDPOINT, "v1"): (1, 9)}
    assert all("fraud-2" not in name for name in world.hosting.configs), "it fails before anything is made"


def test_capacity_scaled_by_hand_is_taken_over_by_a_spec() -> None:
    world = scaled_world()
    world.scaling.targets.clear()
    world.scaling.by_hand[ENDPOINT, "v1"] = (1, 9)
    assert outcome_of(world, release(world, GOOD))[0] == "promoted"
    assert (world.scaling.by_hand, targets(world)) == ({}, {"v2": (2, 20)})


def test_bounds_that_the_clock_has_set_outlive_a_rollout() -> None:
    raw = SPEC.to_json()
    night = {"when": "cron(0 22 * * ? *)", "min": 1, "max": 3}
    raw["endpoint"]["scaling"] = {"min": 2, "max": 20, "scheduled": [night]}
    spec = ModelSpec.parse(raw)
    world = sluice_world(spec)
    world.live(1)
    rules = rules_for(spec.endpoint)
    assert rules is not None
    world.scaling.targets[ENDPOINT, "v1"] = rules.within(1, 3)
    assert outcome_of(world, release(world, GOOD))[0] == "promoted"
    assert targets(world) == {"v2": (1, 3)}


SCALED_BY_CLOCK = ScalingRules(
    kind="real-time",
    least=1,
    most=10,
    target=70,
    in_cooldown_seconds=300,
    out_cooldown_seconds=60,
    clock=(ClockRange(when="cron(0 8 * * ? *)", timezone="UTC", least=5, most=10),),
)
NIGHT = {"when": "cron(0 22 * * ? *)", "min": 1, "max": 3}


@pytest.mark.parametrize(("seen", "live"), [(GOOD, "v2"), (BAD, "v1")], ids=["promoted", "rolled back"])
def test_the_clock_takes_no_instance_from_a_rollout_under_way_and_has_its_bounds_afterwards(
    seen: dict[str, Counts], live: str
) -> None:
    raw = scaled_spec().to_json()
    raw["endpoint"]["scaling"]["scheduled"] = [NIGHT]
    world = sluice_world(ModelSpec.parse(raw))
    world.live(1)
    set_count(world, "v1", 8)
    night: list[dict[str, tuple[int, int]]] = []

    def strike(state: str) -> None:
        if state == "AnalyzeStage" and not night:
            for variant in targets(world):
                world.scaling.strike(ENDPOINT, variant)
            night.append(targets(world))

    release(world, seen, strike)
    assert night == [{"v1": (8, 8), "v2": (1, 3)}], "the rollout counts on eight instances of v1 and one of v2"
    assert targets(world) == {live: (1, 3)}
    assert [(one.least, one.most) for one in world.scaling.targets[ENDPOINT, live].clock] == [(1, 3)]


@pytest.mark.parametrize(("seen", "live"), [(GOOD, "v2"), (BAD, "v1")], ids=["promoted", "rolled back"])
def test_a_floor_that_is_also_the_least_of_the_clock_is_not_taken_for_the_clocks_bounds(
    seen: dict[str, Counts], live: str
) -> None:
    raw = scaled_spec().to_json()
    day = {"when": "cron(0 8 * * ? *)", "min": 3, "max": 10}
    raw["endpoint"]["scaling"] = {"min": 1, "max": 10, "scheduled": [day]}
    world = sluice_world(ModelSpec.parse(raw))
    world.live(1)
    set_count(world, "v1", 3)
    floors: list[tuple[int, int]] = []

    def look(state: str) -> None:
        if state == "AnalyzeStage":
            floors.append(targets(world)["v1"])

    release(world, seen, look)
    assert set(floors) == {(3, 10)}, "the rollout counts on three instances"
    assert targets(world) == {live: (1, 10)}


def test_bounds_of_the_clock_that_no_floor_makes_stay_after_a_rollout() -> None:
    rules = SCALED_BY_CLOCK
    assert rules.released_from((5, 10), {3}) == rules.within(5, 10)
    assert rules.released_from((6, 10), {6}) == rules, "a floor of six makes the same of both"
    assert rules.released_from((5, 10), ()) == rules.within(5, 10)
    assert rules.released_from((4, 10), {7}) == rules, "a floor that is not known"


def test_a_way_back_does_not_depend_on_application_auto_scaling(monkeypatch: pytest.MonkeyPatch) -> None:
    world = scaled_world()
    denied = refusal("RegisterScalableTarget", "AccessDeniedException")

    def refuse(*_: object) -> bool:
        raise denied

    def deny(state: str) -> None:
        if state == "RollBack":
            monkeypatch.setattr(world.scaling, "ensure", refuse)

    rollout = release(world, BAD, deny)
    assert outcome_of(world, rollout)[0] == "rolled_back"
    assert live_variants(world) == {"v1": 100.0}
    (line,) = [fields for level, _, fields in world.telemetry.lines if level == "ERROR"]
    assert (line["variant"], line["error"]) == ("v1", "AwsRefusedError")


@pytest.mark.parametrize("after_effect", [False, True], ids=["lost call", "lost answer"])
@pytest.mark.parametrize(("strategy", "seen"), [("canary", GOOD), ("canary", BAD), ("all_at_once", GOOD)])
def test_one_fault_anywhere_changes_nothing(strategy: str, seen: dict[str, Counts], after_effect: bool) -> None:
    expected, calls = end_of(strategy, seen, 0, after_effect)
    assert calls > 30
    for at in range(1, calls + 1):
        assert end_of(strategy, seen, at, after_effect)[0] == expected, f"after a fault at call {at} of {calls}"


def end_of(strategy: str, seen: dict[str, Counts], at: int, after_effect: bool) -> tuple[object, int]:
    world = scaled_world(strategy=strategy)
    rollout = world.approve(2)
    world.metrics.per_period = seen
    world.faults.seen, world.faults.at, world.faults.after_effect = 0, at, after_effect
    world.play(rollout)
    world.faults.at, calls = 0, world.faults.seen
    ended = live_variants(world), counts(world), outcome_of(world, rollout)[0]
    list(reconcile_scaling("fraud", world.ports))  # makes up for what a way back does not wait for
    return (*ended, targets(world)), calls


def test_the_right_to_deregister_is_asked_for_before_the_first_write(monkeypatch: pytest.MonkeyPatch) -> None:
    world = scaled_world()
    configs, models = set(world.hosting.configs), set(world.hosting.models)
    denied = refusal("DeregisterScalableTarget", "AccessDeniedException", "not authorized to perform: Deregister")

    def refuse(*_: object) -> None:
        raise denied

    monkeypatch.setattr(world.scaling, "require_deregistering", refuse)
    monkeypatch.setattr(world.scaling, "deregister", refuse)
    made: list[object] = []
    for name in ("create_model", "create_config", "update_endpoint", "set_weights", "set_capacity"):
        monkeypatch.setattr(world.hosting, name, lambda *_, name=name: made.append(name))
    outcome, reason = outcome_of(world, release(world, GOOD))
    assert outcome == "failed"
    assert "not authorized to perform: Deregister" in reason
    assert made == []
    assert (set(world.hosting.configs), set(world.hosting.models)) == (configs, models)
    assert live_variants(world) == {"v1": 100.0}


def test_a_plan_is_stored_with_its_scaling() -> None:
    world = scaled_world()
    release(world, GOOD)
    plan = world.ports.store.get(RolloutId.required("fraud-2-1")).planned()
    assert plan.scaling == ScalingRules(
        kind="real-time", least=2, most=20, target=70, in_cooldown_seconds=300, out_cooldown_seconds=60
    )
