"""The stages of a deployment and of its rollback, and when it goes on."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localaws.services.sagemaker.endpoint_state.deployment_plan import (
    Counts,
    Phase,
    Stage,
    back,
    forward,
    is_over,
    rollback_reason,
)
from localaws.services.sagemaker.endpoint_state.guardrails import DeploymentPolicy, RoutingType, Size

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
PERCENT = "CAPACITY_PERCENT"


def policy(
    routing: RoutingType, percent: int | None = None, *, wait: int = 60, termination: int = 0
) -> DeploymentPolicy:
    return DeploymentPolicy(
        routing=routing,
        batch=Size(PERCENT, percent) if percent else None,
        wait_seconds=wait,
        termination_wait_seconds=termination,
        rollback_batch=Size(PERCENT, 50),
    )


def summaries(stages: list[Stage]) -> list[tuple[str, int, int, int, float]]:
    """``(phase, new, active, old, share)`` of the one variant, stage by stage."""
    return [
        (stage.phase.value, counts.new, counts.active, counts.old, round(counts.share, 3))
        for stage in stages
        for counts in stage.counts.values()
    ]


def test_a_canary_has_two_steps() -> None:
    stages = forward(policy(RoutingType.CANARY, 25, termination=300), {"v": 4}, {"v": 4})
    assert summaries(stages) == [
        ("Creating", 4, 0, 4, 0.0),
        ("ActivatingTraffic", 4, 1, 4, 0.25),
        ("Baking", 4, 1, 4, 0.25),
        ("ActivatingTraffic", 4, 4, 4, 1.0),
        ("Baking", 4, 4, 4, 1.0),
        ("Baking", 4, 4, 4, 1.0),
        ("Deleting", 4, 4, 0, 1.0),
    ]
    assert [stage.seconds for stage in stages if stage.phase is Phase.BAKING] == [60, 60, 300]
    assert stages[2].message("v") == (
        "Baking for 60 seconds (WaitIntervalInSeconds) with traffic enabled on capacity of 1 instance(s)."
    )


def test_linear_steps_are_even_and_the_last_is_the_rest() -> None:
    stages = forward(policy(RoutingType.LINEAR, 40, wait=0), {"v": 5}, {"v": 5})
    active = [stage.counts["v"].active for stage in stages if stage.phase is Phase.ACTIVATING_TRAFFIC]
    assert active == [2, 4, 5]
    assert not [stage for stage in stages if stage.phase is Phase.BAKING]


def test_all_at_once_is_one_step() -> None:
    assert summaries(forward(policy(RoutingType.ALL_AT_ONCE), {"v": 2}, {"v": 3})) == [
        ("Creating", 3, 0, 2, 0.0),
        ("ActivatingTraffic", 3, 3, 2, 1.0),
        ("Baking", 3, 3, 2, 1.0),
        ("Deleting", 3, 3, 0, 1.0),
    ]


def test_rolling_replaces_batch_by_batch_and_never_builds_two_fleets() -> None:
    assert summaries(forward(policy(RoutingType.ROLLING, 50), {"v": 2}, {"v": 2})) == [
        ("Creating", 1, 0, 2, 0.0),
        ("ActivatingTraffic", 1, 1, 2, 0.5),
        ("Deleting", 1, 1, 1, 0.5),
        ("Baking", 1, 1, 1, 0.5),
        ("Creating", 2, 1, 1, 0.5),
        ("ActivatingTraffic", 2, 2, 1, 1.0),
        ("Deleting", 2, 2, 0, 1.0),
        ("Baking", 2, 2, 0, 1.0),
    ]


def test_blue_green_returns_at_once_because_the_old_fleet_is_still_there() -> None:
    reached = {"v": Counts(new=4, active=1, old=4, share=0.25)}
    assert summaries(back(policy(RoutingType.CANARY, 25), {"v": 4}, reached)) == [
        ("ActivatingTraffic", 4, 0, 4, 0.0),
        ("Deleting", 0, 0, 4, 0.0),
    ]


def test_rolling_rebuilds_the_old_fleet_in_batches() -> None:
    reached = {"v": Counts(new=4, active=4, old=0, share=1.0)}
    assert summaries(back(policy(RoutingType.ROLLING, 25), {"v": 4}, reached)) == [
        ("Creating", 4, 4, 2, 1.0),
        ("ActivatingTraffic", 4, 2, 2, 0.5),
        ("Deleting", 2, 2, 2, 0.5),
        ("Creating", 2, 2, 4, 0.5),
        ("ActivatingTraffic", 2, 0, 4, 0.0),
        ("Deleting", 0, 0, 4, 0.0),
    ]


def test_variants_come_and_go_all_at_once() -> None:
    last = forward(policy(RoutingType.ALL_AT_ONCE), {"gone": 1}, {"come": 2})[-1]
    assert last.counts["come"] == Counts(new=2, active=2, old=0, share=1.0)
    assert last.counts["gone"] == Counts(new=0, active=0, old=0, share=1.0)


POLICIES = st.one_of(
    st.just(policy(RoutingType.ALL_AT_ONCE)),
    st.integers(1, 50).map(lambda percent: policy(RoutingType.CANARY, percent)),
    st.integers(10, 50).map(lambda percent: policy(RoutingType.LINEAR, percent)),
    st.integers(5, 50).map(lambda percent: policy(RoutingType.ROLLING, percent)),
)


@given(how=POLICIES, old=st.integers(1, 40), new=st.integers(1, 40), upto=st.integers(0, 500))
def test_there_is_always_an_instance_for_the_traffic_and_the_way_back_ends_where_it_began(
    how: DeploymentPolicy, old: int, new: int, upto: int
) -> None:
    stages = forward(how, {"v": old}, {"v": new})
    assert summaries(stages)[-1][1:] == (new, new, 0, 1.0)
    shares = [stage.counts["v"].share for stage in stages]
    assert shares == sorted(shares)
    reached = stages[min(upto, len(stages) - 1)].counts
    if how.routing is not RoutingType.ROLLING and not reached["v"].old:
        return  # the old fleet is gone: the deployment is over
    return_ = back(how, {"v": old}, reached)
    assert summaries(return_)[-1][1:] == (0, 0, old, 0.0)
    for stage in (*stages, *return_):
        counts = stage.counts["v"]
        assert 0 <= counts.active <= counts.new
        assert counts.share == 0.0 or counts.new > 0
        assert counts.share == 1.0 or counts.old > 0


def test_a_stage_lasts_its_time_times_the_scale() -> None:
    bake = Stage(phase=Phase.BAKING, counts={}, seconds=600)
    at = NOON + timedelta(seconds=6)
    assert is_over(bake, entered=NOON, now=at, scale=0.01)
    assert not is_over(bake, entered=NOON, now=at, scale=1.0)


@pytest.mark.parametrize(
    ("alarming", "deadline", "text"),
    [
        pytest.param([], None, None, id="all is well"),
        pytest.param([], NOON + timedelta(seconds=1), None, id="in time"),
        pytest.param([], NOON, "MaximumExecutionTimeoutInSeconds", id="too late"),
        pytest.param(["a", "b"], None, "ALARM state: a, b", id="alarms"),
    ],
)
def test_what_stops_a_deployment(alarming: list[str], deadline: datetime | None, text: str | None) -> None:
    reason = rollback_reason(alarming, now=NOON, deadline=deadline)
    assert (reason is None) if text is None else (reason is not None and text in reason)
