"""A quota that is used up, or capacity that AWS does not have: the good version serves on, and another try is possible.

Where AWS says so: at once as ResourceLimitExceeded (CreateModel, CreateEndpointConfig, CreateEndpoint, UpdateEndpoint,
UpdateEndpointWeightsAndCapacities in botocore's model) or LimitExceededException (Application Auto Scaling, alarms);
or in the FailureReason of an endpoint, minutes later.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sluice.aws.metric_data import Counts
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec

from tests.builders.aws_clients import refusal
from tests.fakes.sluice_world import (
    ENDPOINT,
    SPEC,
    SluiceWorld,
    live_variants,
    outcome_of,
    sluice_world,
)

SEEN = {"v1": Counts(1800, 2), "v2": Counts(1000, 0), "v2-2": Counts(1000, 0)}
NO_CAPACITY = "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error"
PLACES = [
    ("hosting", "create_model", "ResourceLimitExceeded"),
    ("hosting", "create_config", "ResourceLimitExceeded"),
    ("hosting", "update_endpoint", "ResourceLimitExceeded"),
    ("hosting", "set_weights", "ResourceLimitExceeded"),
    ("hosting", "set_capacity", "ResourceLimitExceeded"),
    ("scaling", "ensure", "LimitExceededException"),
    ("metrics", "put_alarms", "LimitExceeded"),
]


def scaled_world(strategy: str) -> SluiceWorld:
    raw = SPEC.to_json()
    raw["endpoint"]["scaling"] = {"min": 2, "max": 20}
    raw["rollout"] |= {"strategy": strategy, "watch": "10m"}
    return sluice_world(ModelSpec.parse(raw))


def refuse_call(port: Any, name: str, code: str, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ``at``-th call from now on is over a limit."""
    seen = 0
    call = getattr(port, name)

    def attempt(*args: Any, **given: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == at:
            raise refusal(name, code, "The account-level service limit is 4 Instances.")
        return call(*args, **given)

    monkeypatch.setattr(port, name, attempt)


def what_is_left(world: SluiceWorld) -> tuple[object, ...]:
    """Everything that could be in the way of another try, by name."""
    world.hosting.settle()
    return (
        set(world.hosting.models),
        set(world.hosting.configs),
        set(world.hosting.endpoints),
        set(world.metrics.alarms),
        {variant: (rules.least, rules.most) for (_, variant), rules in world.scaling.targets.items()},
    )


def retry(world: SluiceWorld, version: int) -> str:
    """Approve the version again, as ``sluice retry`` does."""
    world.clock.pass_seconds(60)
    world.metrics.per_period = dict(SEEN)
    rollout = world.approve(version)
    world.play(rollout)
    assert outcome_of(world, rollout)[0] == "promoted"
    return rollout


@pytest.mark.parametrize("strategy", ["canary", "all_at_once", "blue_green"])
@pytest.mark.parametrize(("of", "name", "code"), PLACES, ids=[name for _, name, _ in PLACES])
def test_a_limit_at_any_call_leaves_the_good_version_and_nothing_half_made(
    strategy: str, of: str, name: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for at in (1, 2, 3):
        world = scaled_world(strategy)
        world.live(1)
        before, serving = what_is_left(world), live_variants(world)
        rollout = world.approve(2)
        world.metrics.per_period = dict(SEEN)
        with monkeypatch.context() as patch:
            refuse_call(getattr(world, of), name, code, at, patch)
            world.play(rollout)
        if outcome_of(world, rollout)[0] == "promoted":
            break  # there are fewer calls than that
        outcome, reason = outcome_of(world, rollout)
        assert (outcome, "service limit" in reason) == ("failed", True)
        assert (what_is_left(world), live_variants(world)) == (before, serving), f"at call {at}"
        assert world.ports.locks.holder(ENDPOINT) is None
        assert retry(world, 2) == "fraud-2-2"


@pytest.mark.parametrize("strategy", ["canary", "all_at_once", "blue_green"])
def test_capacity_that_aws_does_not_have_leaves_the_good_version_and_nothing_half_made(strategy: str) -> None:
    world = scaled_world(strategy)
    world.live(1)
    before, serving = what_is_left(world), live_variants(world)
    rollout = world.approve(2)
    world.metrics.per_period = dict(SEEN)
    world.hosting.why_unhealthy = NO_CAPACITY
    world.hosting.unhealthy = {f"sluice-dev-{rollout}-model"}
    world.play(rollout)
    _, reason = outcome_of(world, rollout)
    assert NO_CAPACITY in reason
    assert (what_is_left(world), live_variants(world)) == (before, serving)
    assert retry(world, 2) == "fraud-2-2"


@pytest.mark.parametrize("name", ["create_model", "create_config", "create_endpoint"])
def test_a_first_deployment_over_a_limit_leaves_nothing_and_can_be_tried_again(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = scaled_world("canary")
    before = what_is_left(world)
    rollout = world.approve(1)
    with monkeypatch.context() as patch:
        refuse_call(world.hosting, name, "ResourceLimitExceeded", 1, patch)
        world.play(rollout)
    assert outcome_of(world, rollout)[0] == "failed"
    assert what_is_left(world) == before
    assert retry(world, 1) == "fraud-1-2"


def test_a_first_endpoint_without_capacity_is_removed_and_can_be_made_again() -> None:
    world = scaled_world("canary")
    before = what_is_left(world)
    rollout = world.approve(1)
    world.hosting.why_unhealthy = NO_CAPACITY
    world.hosting.unhealthy = {f"sluice-dev-{rollout}-model"}
    world.play(rollout)
    outcome, reason = outcome_of(world, rollout)
    assert (outcome, NO_CAPACITY in reason) == ("failed", True)
    assert what_is_left(world) == before
    assert retry(world, 1) == "fraud-1-2"


def test_a_way_back_without_capacity_keeps_the_good_versions_traffic_and_ends_when_there_is_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The fleet of the candidate is removed by an update, which may need a whole new fleet beside the old one."""
    world = scaled_world("canary")
    world.live(1)
    before = what_is_left(world)
    rollout = RolloutId.required(world.approve(2))
    world.metrics.per_period = SEEN | {"v2": Counts(200, 60)}
    refused = 0
    update = world.hosting.update_endpoint

    def without_capacity(endpoint: str, config: str, deployment: Any = None) -> None:
        nonlocal refused
        if world.ports.store.get(rollout).phase == "restoring" and refused < 5:
            refused += 1
            assert live_variants(world) == {"v1": 100.0, "v2": 0.0}
            raise refusal("UpdateEndpoint", "ResourceLimitExceeded", "The account-level service limit is 4 Instances.")
        update(endpoint, config, deployment)

    monkeypatch.setattr(world.hosting, "update_endpoint", without_capacity)
    assert world.play(str(rollout)) == "RolledBack"
    assert refused == 5
    assert outcome_of(world, str(rollout))[0] == "rolled_back"
    assert what_is_left(world) == before


def without_instances(world: SluiceWorld, hours: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """SageMaker accepts to scale a variant up, fails to, and takes it back (RollingBack in EndpointStatus)."""
    until = world.clock.now() + timedelta(hours=hours)
    scale = world.hosting.set_capacity

    def in_vain(endpoint: str, variant: str, count: int) -> None:
        before = world.hosting.endpoints[endpoint]
        scale(endpoint, variant, count)
        if world.clock.now() < until:
            world.hosting._pending[endpoint] = before

    monkeypatch.setattr(world.hosting, "set_capacity", in_vain)


@pytest.mark.parametrize(("hours", "end"), [(1, "promoted"), (24 * 20, "failed")])
def test_instances_that_sagemaker_does_not_provide_are_waited_for_but_not_for_ever(
    hours: float, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = scaled_world("canary")
    world.live(1)
    before, serving = what_is_left(world), live_variants(world)
    rollout = world.approve(2)
    world.metrics.per_period = dict(SEEN)
    without_instances(world, hours, monkeypatch)
    begun = world.clock.now()
    world.play(rollout)
    assert outcome_of(world, rollout)[0] == end
    if end == "failed":
        assert "has not provided 2 instances of v2" in outcome_of(world, rollout)[1]
        assert world.clock.now() - begun < timedelta(hours=4)
        assert {each.approval for each in world.registry.packages.values()} == {"Approved"}
        assert (what_is_left(world), live_variants(world)) == (before, serving)


def test_a_way_back_ends_when_the_old_version_serves_alone_though_it_lacks_an_instance(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = scaled_world("canary")
    world.live(1)
    rollout = world.approve(2)
    world.metrics.per_period = SEEN | {"v2": Counts(200, 60)}

    def shrink(state: str) -> None:
        now = world.hosting.endpoints[ENDPOINT]
        if state == "RollBack" and now.is_settled and now.config.endswith("-1-1-live"):
            world.hosting.endpoints[ENDPOINT] = replace(now, variants=(replace(now.variants[0], desired_count=2),))

    without_instances(world, 24 * 20, monkeypatch)
    monkeypatch.setattr(world.hosting, "set_capacity", lambda *_: None)
    begun = world.clock.now()
    assert world.play(rollout, on_state=shrink) == "RolledBack"
    assert world.clock.now() - begun < timedelta(hours=4)
    assert live_variants(world) == {"v1": 100.0}
    assert world.ports.locks.holder(ENDPOINT) is None
