"""DescribeEndpoint may show an endpoint as it was for a moment after a change: nothing follows from that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from sluice.aws.metric_data import Counts
from sluice.endpoint.state import EndpointState
from sluice.rollout_id import RolloutId

from tests.fakes.sluice_world import (
    ENDPOINT,
    SluiceWorld,
    agree,
    live_variants,
    outcome_of,
    sluice_world,
    spec_with_rollout,
)

ROLLOUT = "fraud-2-1"
LATE_SECONDS = 10
STRATEGIES = ["canary", "shadow", "blue_green", "all_at_once"]


def read_late(world: SluiceWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on each change of an endpoint is shown ten seconds late."""
    hosting, before = world.hosting, dict[str, tuple[datetime, EndpointState | None]]()

    def noted(change: Callable[..., None]) -> Callable[..., None]:
        def attempt(endpoint: str, *given: object, **named: object) -> None:
            known = hosting.endpoints.get(endpoint)
            change(endpoint, *given, **named)
            before[endpoint] = (world.clock.now(), known)

        return attempt

    for name in ("create_endpoint", "update_endpoint", "set_weights", "set_capacity"):
        monkeypatch.setattr(hosting, name, noted(getattr(hosting, name)))
    describe = hosting.describe

    def late(endpoint: str) -> EndpointState | None:
        now = describe(endpoint)
        at, known = before.get(endpoint, (None, None))
        is_late = at is not None and (world.clock.now() - at).total_seconds() < LATE_SECONDS
        return known if is_late else now

    monkeypatch.setattr(hosting, "describe", late)


def rolling_out(strategy: str) -> SluiceWorld:
    shadow = {"duration": "5m", "min_requests": 50, "min_agreement_percent": 80}
    world = sluice_world(spec_with_rollout(strategy=strategy, shadow=shadow))
    world.live(1)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
    agree(world, answers=50)
    world.approve(2)
    return world


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_update_that_is_not_seen_at_once_is_not_taken_for_rolled_back(
    strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = rolling_out(strategy)
    read_late(world, monkeypatch)
    assert world.play(ROLLOUT) == "Promoted"


def test_a_first_endpoint_that_is_not_seen_at_once_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    world = sluice_world(spec_with_rollout())
    read_late(world, monkeypatch)
    assert world.play(world.approve(1)) == "Promoted"


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    "method", ["update_endpoint", "mark_requested"], ids=["as it is asked for", "once it is noted"]
)
def test_a_way_back_is_not_at_its_end_before_an_update_can_be_seen(
    strategy: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fenced just as SageMaker has accepted the update; the task then ends, or dies."""
    world = rolling_out(strategy)
    read_late(world, monkeypatch)
    port = world.hosting if method == "update_endpoint" else world.ports.store
    call, fenced = getattr(port, method), list[str]()

    def then_fenced(*given: object, **named: object) -> None:
        call(*given, **named)
        if not fenced:
            fenced.append(method)
            world.ports.store.fence(RolloutId.required(ROLLOUT), "alarm", "alarm rang", world.clock.now())
            if method == "update_endpoint":
                raise KeyError("killed")

    monkeypatch.setattr(port, method, then_fenced)
    assert world.play(ROLLOUT) == "RolledBack"
    assert fenced
    assert world.retries == 0, "no config is deleted that the endpoint is about to use"
    assert outcome_of(world, ROLLOUT) == ("rolled_back", "alarm rang")
    assert live_variants(world) == {"v1": 100.0}
    assert world.hosting.endpoints[ENDPOINT].config == "sluice-dev-fraud-1-1-live"


def test_people_are_not_told_of_a_way_back_that_sagemaker_has_only_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    world = rolling_out("canary")
    read_late(world, monkeypatch)
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(200, 60)}
    assert world.play(ROLLOUT) == "RolledBack"
    assert "RolloutStuck" not in world.events.kinds()
