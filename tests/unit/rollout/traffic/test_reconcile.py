"""From every state of an endpoint the next step leads towards the wanted one, and never to one without weight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sluice.endpoint.state import EndpointState, NewConfig, NewVariant, VariantState
from sluice.names import Names
from sluice.rollout.model.plan import Plan
from sluice.rollout.planning.planner import make_plan
from sluice.rollout.traffic.apply_step import apply_step
from sluice.rollout.traffic.reconcile import (
    CreateEndpoint,
    DeleteEndpoint,
    Done,
    Impossible,
    ReconcileStep,
    SetCapacity,
    SetWeights,
    UseConfig,
    Wait,
    next_step_towards_baseline,
    next_step_towards_candidate,
    next_step_towards_promotion,
    next_step_towards_stage,
)

from tests.fakes.aws_state import Faults
from tests.fakes.hosting import FakeHosting
from tests.fakes.sluice_world import SPEC

ENDPOINT, BASELINE, CANARY, LIVE = "sluice-dev-fraud", "fraud-6-live", "fraud-7-canary", "fraud-7-live"
NONE: frozenset[str] = frozenset()


def variant(name: str, weight: float, count: int) -> VariantState:
    model = f"model-{name}"
    return VariantState(name=name, weight=weight, desired_count=count, instance_type="ml.m5.large", model=model)


def state(config: str, *variants: VariantState, status: str = "InService", why: str = "") -> EndpointState:
    return EndpointState(name=ENDPOINT, status=status, config=config, variants=variants, failure_reason=why)


SERVING = state(BASELINE, variant("v6", 100, 4))


def planned(live: EndpointState | None) -> Plan:
    plan = make_plan(SPEC, Names("dev"), "fraud-7-1", 7, live)
    candidate = replace(plan.candidate, config=LIVE, model="model-v7")
    return replace(plan, candidate=candidate, canary_config=CANARY)


PLAN, FIRST = planned(SERVING), planned(None)
AGAIN = planned(state(BASELINE, variant("v7", 100, 4)))


def canary(weight: float, count: int, baseline: float | None = None) -> EndpointState:
    return state(CANARY, variant("v6", 100 - weight if baseline is None else baseline, 4), variant("v7", weight, count))


def during(status: str, config: str = CANARY) -> EndpointState:
    return replace(canary(10, 1), status=status, config=config)


Towards = Callable[[EndpointState | None], ReconcileStep]


def to_candidate(found: EndpointState | None) -> ReconcileStep:
    return next_step_towards_candidate(PLAN, found, NONE)


def to_half(found: EndpointState | None) -> ReconcileStep:
    return next_step_towards_stage(PLAN, 50, 2, found)


def to_promotion(found: EndpointState | None) -> ReconcileStep:
    return next_step_towards_promotion(PLAN, found, NONE)


def to_baseline(found: EndpointState | None) -> ReconcileStep:
    return next_step_towards_baseline(PLAN, found)


STEPS: dict[str, tuple[Towards, EndpointState | None, ReconcileStep]] = {
    "the canary's fleet is added": (to_candidate, SERVING, UseConfig(CANARY)),
    "it stands by": (to_candidate, canary(0, 1), Done()),
    "capacity before traffic": (to_half, canary(10, 1), SetCapacity("v7", 2)),
    "then traffic": (to_half, canary(10, 2), SetWeights({"v6": 50.0, "v7": 50.0})),
    "the stage is in force": (to_half, canary(50, 2), Done()),
    "weights are 32-bit floats": (to_half, canary(50.00001, 2), Done()),
    "more instances than needed stay": (to_half, canary(50, 9), Done()),
    "only the ratio of weights counts": (to_half, canary(1, 2, baseline=1), Done()),
    "weights that someone zeroed are set": (to_half, canary(0, 2, baseline=0), SetWeights({"v6": 50.0, "v7": 50.0})),
    "all instances before all traffic": (to_promotion, canary(50, 2), SetCapacity("v7", 4)),
    "all traffic": (to_promotion, canary(50, 4), SetWeights({"v6": 0.0, "v7": 100.0})),
    "without the baseline's fleet": (to_promotion, canary(100, 4), UseConfig(LIVE)),
    "it serves alone": (to_promotion, state(LIVE, variant("v7", 100, 4)), Done()),
    "back: traffic first": (to_baseline, canary(50, 2), SetWeights({"v6": 100.0, "v7": 0.0})),
    "back: then the fleet": (to_baseline, canary(0, 2), UseConfig(BASELINE)),
    "back: from a promotion": (to_baseline, state(LIVE, variant("v7", 100, 4)), UseConfig(BASELINE)),
    "back: all its instances": (to_baseline, state(BASELINE, variant("v6", 100, 1)), SetCapacity("v6", 4)),
    "back: as it was": (to_baseline, SERVING, Done()),
    "back: a mixed fleet": (to_baseline, during("UpdateRollbackFailed"), UseConfig(BASELINE)),
    "back: out of service": (to_baseline, during("OutOfService", CANARY), UseConfig(BASELINE)),
}


@pytest.mark.parametrize(("towards", "found", "step"), STEPS.values(), ids=STEPS)
def test_the_next_step(towards: Towards, found: EndpointState | None, step: ReconcileStep) -> None:
    assert towards(found) == step


ALL: dict[str, Towards] = {
    "candidate": to_candidate,
    "stage": to_half,
    "promotion": to_promotion,
    "baseline": to_baseline,
}


@pytest.mark.parametrize("towards", ALL.values(), ids=ALL)
@pytest.mark.parametrize("status", ["Creating", "Updating", "SystemUpdating", "RollingBack"])
def test_a_changing_endpoint_is_waited_for(towards: Towards, status: str) -> None:
    assert towards(during(status)) == Wait()


@pytest.mark.parametrize("towards", ALL.values(), ids=ALL)
@pytest.mark.parametrize(
    ("found", "why"),
    [
        pytest.param(None, "has been deleted", id="gone"),
        pytest.param(during("Deleting"), "is Deleting", id="going"),
        pytest.param(during("Failed"), "is Failed: no reason given", id="failed"),
        pytest.param(during("OutOfService", BASELINE), "is OutOfService", id="unknown to us"),
        pytest.param(during("InService", "by-hand"), "changed by hand: it uses by-hand", id="foreign config"),
    ],
)
def test_what_no_step_of_ours_repairs(towards: Towards, found: EndpointState | None, why: str) -> None:
    step = towards(found)
    assert isinstance(step, Impossible)
    assert why in step.reason


def test_a_config_that_sagemaker_rolled_back_is_not_tried_again() -> None:
    rolled_back = replace(SERVING, failure_reason="no capacity")
    step = next_step_towards_candidate(PLAN, rolled_back, frozenset({CANARY}))
    assert step == Impossible(f"SageMaker rolled the update to {CANARY} back: no capacity")
    promoting = next_step_towards_promotion(PLAN, canary(100, 4), frozenset({CANARY, LIVE}))
    assert promoting == Impossible(f"SageMaker rolled the update to {LIVE} back: no reason given")


FIRST_STEPS: dict[str, tuple[EndpointState | None, ReconcileStep, ReconcileStep]] = {
    "nothing there": (None, CreateEndpoint(LIVE), Done()),
    "coming up": (state(LIVE, status="Creating"), Wait(), Wait()),
    "serving": (state(LIVE, variant("v7", 100, 4)), Done(), Done()),
    "never healthy": (
        state(LIVE, status="Failed", why="ping"),
        Impossible(f"endpoint {ENDPOINT} is Failed: ping", is_of_version=True),
        DeleteEndpoint(),
    ),
    "someone else's": (
        state("by-hand", status="Failed"),
        Impossible(f"endpoint {ENDPOINT} is Failed: no reason given"),
        Impossible(f"endpoint {ENDPOINT} was changed by hand: it uses by-hand"),
    ),
}


@pytest.mark.parametrize(("found", "forward", "back"), FIRST_STEPS.values(), ids=FIRST_STEPS)
def test_a_first_version_has_no_way_back_but_a_failed_endpoint_is_removed(
    found: EndpointState | None, forward: ReconcileStep, back: ReconcileStep
) -> None:
    assert next_step_towards_promotion(FIRST, found, NONE) == forward
    assert next_step_towards_baseline(FIRST, found) == back


def test_a_version_that_is_live_already_needs_nothing_as_long_as_it_is() -> None:
    assert AGAIN.engine == "none"
    serving = state(BASELINE, variant("v7", 100, 4))
    expected: list[tuple[EndpointState | None, ReconcileStep]] = [
        (serving, Done()),
        (replace(serving, status="SystemUpdating"), Wait()),
        (None, Impossible(f"endpoint {ENDPOINT} has been deleted")),
        (state("by-hand"), Impossible(f"endpoint {ENDPOINT} was changed by hand: it uses by-hand")),
    ]
    for found, step in expected:
        assert next_step_towards_candidate(AGAIN, found, NONE) == step
        assert next_step_towards_promotion(AGAIN, found, NONE) == step
        assert next_step_towards_baseline(AGAIN, found) == Done()


# ---- any sequence of steps, settled or not, interrupted anywhere


class Rollout:
    """An endpoint in memory to which the steps of a rollout are applied in any order."""

    def __init__(self, live: EndpointState | None, plan: Plan) -> None:
        self.plan = plan
        self.hosting = FakeHosting(Faults())
        self.asked: set[str] = set()
        if live is not None:
            self.hosting.endpoints[ENDPOINT] = live
        baseline, candidate = _new("v6", 100.0, 4), _new("v7", 100.0, 4)
        for name, variants in {
            BASELINE: (baseline,),
            CANARY: (baseline, _new("v7", 0.0, 1)),
            LIVE: (candidate,),
        }.items():
            self.hosting.create_config(NewConfig(name=name, variants=variants))

    def towards(self, target: str) -> ReconcileStep:
        found, asked = self.hosting.describe(ENDPOINT), frozenset(self.asked)
        match target:
            case "candidate":
                return next_step_towards_candidate(self.plan, found, asked)
            case "promotion":
                return next_step_towards_promotion(self.plan, found, asked)
            case "baseline":
                return next_step_towards_baseline(self.plan, found)
            case _:
                return next_step_towards_stage(self.plan, int(target), 2, found)

    def apply(self, target: str) -> ReconcileStep:
        step = self.towards(target)
        if apply_step(step, ENDPOINT, self.hosting) and isinstance(step, UseConfig) and target != "baseline":
            self.asked.add(step.config)
        return step

    def converge(self, target: str) -> ReconcileStep:
        for _ in range(12):
            step = self.apply(target)
            if isinstance(step, Done | Impossible):
                return step
            self.hosting.settle()
        raise AssertionError(f"still {step} on the way to {target}")

    def always_served(self) -> bool:
        found = self.hosting.endpoints.get(ENDPOINT)
        return all(sum(weights.values()) > 0 for weights in self.hosting.traffic) and (
            found is None or sum(each.weight for each in found.variants) > 0
        )


def _new(name: str, weight: float, count: int) -> NewVariant:
    return NewVariant(
        name=name, model=f"model-{name}", instance_type="ml.m5.large", instance_count=count, weight=weight
    )


MOVES = st.sampled_from(["candidate", "10", "50", "promotion", "baseline", "settle"])


@settings(max_examples=300)
@given(moves=st.lists(MOVES, max_size=25), unhealthy=st.booleans())
def test_from_wherever_a_rollout_was_interrupted_the_baseline_comes_back(moves: list[str], unhealthy: bool) -> None:
    rollout = Rollout(SERVING, PLAN)
    rollout.hosting.unhealthy |= {"model-v7"} if unhealthy else set()
    for move in moves:
        if move == "settle":
            rollout.hosting.settle()
        else:
            rollout.apply(move)
        assert rollout.always_served()
    rollout.hosting.settle()
    assert rollout.converge("baseline") == Done()
    assert rollout.converge("baseline") == Done()
    found = rollout.hosting.endpoints[ENDPOINT]
    assert (found.config, found.share("v6"), found.variants[0].desired_count) == (BASELINE, 1.0, 4)
    assert rollout.always_served()


@settings(max_examples=200)
@given(repeats=st.lists(st.sampled_from(["candidate", "10", "50", "promotion"]), min_size=1, max_size=40))
def test_steps_that_are_repeated_or_late_still_end_in_the_promotion(repeats: list[str]) -> None:
    rollout = Rollout(SERVING, PLAN)
    assert rollout.converge("candidate") == Done()
    for target in repeats:
        rollout.apply(target)
        assert rollout.always_served()
        rollout.hosting.settle()
    assert rollout.converge("promotion") == Done()
    found = rollout.hosting.endpoints[ENDPOINT]
    assert (found.config, found.share("v7"), found.variants[0].desired_count) == (LIVE, 1.0, 4)


@given(moves=st.lists(st.sampled_from(["promotion", "baseline", "settle"]), max_size=12), unhealthy=st.booleans())
def test_a_first_endpoint_comes_up_or_leaves_nothing_failed_behind(moves: list[str], unhealthy: bool) -> None:
    rollout = Rollout(None, FIRST)
    rollout.hosting.unhealthy |= {"model-v7"} if unhealthy else set()
    for move in moves:
        if move == "settle":
            rollout.hosting.settle()
        else:
            rollout.apply(move)
    assert rollout.converge("baseline") == Done()
    left = rollout.hosting.endpoints.get(ENDPOINT)
    assert left is None or left.status == "InService"
