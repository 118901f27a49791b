"""Silence is HOLD: while AWS does not answer, a rollout waits. It is not taken back, and its version is not blamed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sluice.aws.metric_data import Counts
from sluice.errors import RetryableError, SluiceError, ThrottledError
from sluice.rollout_id import RolloutId

from tests.builders.aws_clients import refusal
from tests.fakes.sluice_world import (
    ENDPOINT,
    TASKS,
    FakePorts,
    SluiceWorld,
    agree,
    live_variants,
    outcome_of,
    sluice_world,
    spec_with_rollout,
)

GOOD = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
STATES = ["PlanRollout", "ProvisionCandidate", "ShiftTraffic", "AnalyzeStage", "PromoteCandidate"]


class Timedout(Exception):
    """As Lambda reports it: the names of errors are compared as text."""


Timedout.__name__ = "Sandbox.Timedout"


def world_with(**rollout: Any) -> tuple[SluiceWorld, str]:
    world = sluice_world(spec_with_rollout(shadow={"duration": "5m"}, **rollout))
    world.live(1)
    world.metrics.per_period = dict(GOOD)
    agree(world)
    return world, world.approve(2)


def silence(world: SluiceWorld, of: object, names: list[str], error: BaseException, until: datetime) -> None:
    """Calls of a service fail until then."""

    def failing(call: Callable[..., Any]) -> Callable[..., Any]:
        def attempt(*given: Any, **named: Any) -> Any:
            if world.clock.now() < until:
                raise error
            return call(*given, **named)

        return attempt

    for name in names:
        setattr(of, name, failing(getattr(of, name)))


SERVICES: dict[str, Callable[[SluiceWorld], tuple[object, list[str]]]] = {
    "CloudWatch": lambda world: (
        world.metrics,
        ["counts", "slow_counts", "alarm_states", "put_alarms", "put_composite_alarm", "latency_summaries"],
    ),
    "DescribeEndpoint": lambda world: (world.hosting, ["describe"]),
    "DynamoDB": lambda world: (world.ports.store._table, ["get", "query", "set", "set_once", "add_to_set"]),
    "the Model Registry": lambda world: (world.registry, ["describe"]),
}


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
@pytest.mark.parametrize("at", STATES)
@pytest.mark.parametrize("strategy", ["canary", "blue_green"])
def test_an_outage_of_an_hour_holds_a_rollout_and_takes_nothing_back(
    service: Callable[[SluiceWorld], tuple[object, list[str]]], at: str, strategy: str
) -> None:
    world, rollout = world_with(strategy=strategy, watch="10m")
    began: list[datetime] = []

    def fail(state: str) -> None:
        if state == at and not began:
            began.append(world.clock.now())
            of, names = service(world)
            silence(world, of, names, RetryableError("503"), world.clock.now() + timedelta(hours=1))

    assert world.play(rollout, on_state=fail) == "Promoted"
    world.hosting.settle()
    (only,) = world.hosting.endpoints[ENDPOINT].variants
    assert only.model == f"sluice-dev-{rollout}-model"
    assert world.ports.locks.holder(ENDPOINT) is None


@pytest.mark.parametrize("error", [ThrottledError("slow down"), Timedout("60 s")], ids=["throttled", "stalled"])
def test_a_service_that_stalls_for_minutes_holds_a_rollout(error: BaseException) -> None:
    world, rollout = world_with()
    began: list[datetime] = []

    def fail(state: str) -> None:
        if state == "AnalyzeStage" and not began:
            began.append(world.clock.now())
            silence(world, world.hosting, ["describe"], error, world.clock.now() + timedelta(minutes=10))

    assert world.play(rollout, on_state=fail) == "Promoted"


@pytest.mark.parametrize(
    "error",
    [RetryableError("503"), ThrottledError("slow down"), Timedout("60 s"), refusal("X", "InternalError", "oops")],
    ids=["unavailable", "throttled", "stalled", "refused"],
)
def test_an_outage_that_outlasts_every_retry_blames_no_version(error: SluiceError) -> None:
    """The version goes back, as nobody watches it any more, and it may be tried again."""
    world, rollout = world_with()
    failed = False

    def fail(ports: FakePorts) -> Callable[..., Any]:
        def attempt(event: Any, _ports: Any) -> Any:
            raise error

        return attempt

    def look(state: str) -> None:
        nonlocal failed
        failed = failed or state == "AnalyzeStage"

    analyze = TASKS["AnalyzeStage"]
    TASKS["AnalyzeStage"] = fail(world.ports)
    try:
        assert world.play(rollout, on_state=look) == "RolledBack"
    finally:
        TASKS["AnalyzeStage"] = analyze
    assert failed
    assert live_variants(world) == {"v1": 100.0}
    assert approval(world, rollout) == "Approved"


def approval(world: SluiceWorld, rollout: str) -> str:
    return world.registry.packages[world.ports.store.get(RolloutId.required(rollout)).package_arn].approval


def test_a_model_that_is_not_found_right_after_its_creation_is_waited_for_and_not_for_hours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Somebody deleted it: then no wait helps, and the rollout says so within minutes."""
    from sluice.errors import NotVisibleYetError

    world, rollout = world_with()

    def missing(_config: object) -> None:
        raise NotVisibleYetError("Could not find model sluice-dev-fraud-1-1-model")

    monkeypatch.setattr(world.hosting, "create_config", missing)
    began = world.clock.now()
    assert world.play(rollout) == "RolledBack"
    assert world.clock.now() - began < timedelta(minutes=5)
    assert "Could not find model" in outcome_of(world, rollout)[1]
    assert approval(world, rollout) == "Approved"


# Whose fault it is


def test_an_execution_that_somebody_stops_is_no_fault_of_its_version() -> None:
    world, rollout = world_with()

    class Stopped(BaseException):
        pass

    def stop(state: str) -> None:
        if state == "AnalyzeStage":
            raise Stopped

    with pytest.raises(Stopped):
        world.play(rollout, on_state=stop)
    world.end_execution(rollout, "ABORTED")
    world.play(rollout, mode="restore")
    assert outcome_of(world, rollout)[0] == "failed"
    assert approval(world, rollout) == "Approved"


@pytest.mark.parametrize("strategy", ["canary", "blue_green"])
@pytest.mark.parametrize(
    ("why", "expected"),
    [
        ("The primary container for production variant v2 did not pass the ping health check.", "Rejected"),
        ("Unable to successfully stand up your model within the allotted 180 second timeout.", "Rejected"),
        ('Failed to extract model data archive from URL "s3://b/k" for container "container_1".', "Rejected"),
        ("Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error", "Approved"),
        ("The account-level service limit 'ml.m5.large for endpoint usage' is 4 Instances", "Approved"),
        ("Request to service failed. If failure persists after retry, contact customer support.", "Approved"),
        ("Unable to locate at least 2 availability zone(s) with the requested instance type ml.g5.xlarge", "Approved"),
        ('Failed to download model data for container "container_1" from URL: "s3://health/ping.tgz"', "Approved"),
        ("Please make sure all images included in the model exist, and that the execution role used", "Approved"),
    ],
)
def test_a_fleet_that_does_not_come_up_is_the_versions_fault_only_if_sagemaker_says_so(
    strategy: str, why: str, expected: str
) -> None:
    world, rollout = world_with(strategy=strategy)
    world.hosting.why_unhealthy = why
    world.hosting.unhealthy = {f"sluice-dev-{rollout}-model"}
    assert world.play(rollout) == "RolledBack"
    assert approval(world, rollout) == expected


@pytest.mark.parametrize("change", ["deleted", "changed"])
def test_an_endpoint_that_somebody_deletes_or_changes_is_no_fault_of_the_version(change: str) -> None:
    world, rollout = world_with()

    def meddle(state: str) -> None:
        if state == "AnalyzeStage" and ENDPOINT in world.hosting.endpoints:
            if change == "deleted":
                del world.hosting.endpoints[ENDPOINT]
            else:
                from dataclasses import replace

                world.hosting.endpoints[ENDPOINT] = replace(world.hosting.endpoints[ENDPOINT], config="tuned-by-hand")

    assert world.play(rollout, on_state=meddle) == "RolledBack"
    assert approval(world, rollout) == "Approved"


# The watch after a promotion


@pytest.mark.parametrize("on_doubt", ["roll_back", "pause"])
def test_an_alarm_that_somebody_deletes_in_the_watch_holds_it(on_doubt: str) -> None:
    world, rollout = world_with(strategy="all_at_once", watch="10m", on_doubt=on_doubt, max_hold="20m")
    deleted: list[datetime] = []
    held: list[timedelta] = []

    def delete(state: str) -> None:
        if state == "WaitForPromotion" and world.ports.store.get(RolloutId.required(rollout)).watching_since:
            world.metrics.alarms.pop("sluice-dev-fraud-2-1-errors", None)
            deleted.append(world.clock.now())
            held.append(world.clock.now() - deleted[0])

    last = world.play(rollout, on_state=delete)
    if on_doubt == "pause":
        assert last == "TimedOut"
        return
    assert last == "RolledBack"
    assert timedelta(minutes=25) < held[-1] < timedelta(minutes=40)
    assert "is missing" in outcome_of(world, rollout)[1]
    assert approval(world, rollout) == "Approved"
