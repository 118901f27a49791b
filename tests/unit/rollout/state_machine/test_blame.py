"""A version is marked Rejected for its own faults only. What AWS did not answer is none; traffic goes back anyway."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sluice.aws.metric_data import Counts
from sluice.errors import AwsRefusedError, SluiceError
from sluice.rollout_id import RolloutId

from tests.builders.aws_clients import refusal
from tests.fakes.sluice_world import SluiceWorld, live_variants, outcome_of, sluice_world, spec_with_rollout

GOOD = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}


def world_with(**alarms: Any) -> tuple[SluiceWorld, str]:
    world = sluice_world(spec_with_rollout(alarms=alarms))
    for name in alarms.get("also", ()):
        world.metrics.alarms[name] = "OK"
    world.live(1)
    world.metrics.per_period = dict(GOOD)
    return world, world.approve(2)


def approval(world: SluiceWorld, rollout: str) -> str:
    return world.registry.packages[world.ports.store.get(RolloutId.required(rollout)).package_arn].approval


def assert_it_went_back_unblamed(world: SluiceWorld, rollout: str, outcome: str, reason: str) -> None:
    found, said = outcome_of(world, rollout)
    assert found == outcome
    assert reason in said
    told = world.events.published[-1][1]["reason"]
    assert told.startswith(said)
    assert told.endswith("it stays Approved: `sluice retry fraud/2` tries it again")
    assert approval(world, rollout) == "Approved"
    assert live_variants(world) == {"v1": 100.0}


def test_metrics_that_stay_unknown_end_a_rollout_without_blame() -> None:
    world, rollout = world_with()

    def look(state: str) -> None:
        if state == "AnalyzeStage":
            world.metrics.incomplete = {"v1": "InternalError"}

    assert world.play(rollout, on_state=look) == "RolledBack"
    assert_it_went_back_unblamed(world, rollout, "rolled_back", "metrics: unknown")


def test_an_alarm_that_cannot_be_evaluated_ends_a_rollout_without_blame() -> None:
    world, rollout = world_with(also=["orders"])

    def look(state: str) -> None:
        if state == "ShiftTraffic":
            world.metrics.alarms["orders"] = "EVALUATION_ERROR"

    assert world.play(rollout, on_state=look) == "RolledBack"
    assert_it_went_back_unblamed(world, rollout, "rolled_back", "CloudWatch cannot evaluate orders")


@pytest.mark.parametrize("state", ["EVALUATION_ERROR", "EVALUATION_FAILURE", "PARTIAL_DATA"])
def test_an_alarm_that_cannot_be_evaluated_is_named_before_anything_is_changed(state: str) -> None:
    world, rollout = world_with(also=["orders"])
    world.metrics.alarms["orders"] = state
    assert world.play(rollout) == "RolledBack"
    told = f"rollout.alarms.also: CloudWatch cannot evaluate 'orders' ({state})"
    assert_it_went_back_unblamed(world, rollout, "failed", told)
    assert [each for each in world.hosting.models if "fraud-2-1" in each] == []


def test_a_right_that_is_gone_for_longer_than_it_is_retried_ends_a_rollout_without_blame() -> None:
    world, rollout = world_with()

    def refused(*_args: Any, **_more: Any) -> Any:
        raise AwsRefusedError(
            "AccessDenied: no policy allows it",
            code="AccessDenied",
            message="no policy allows it",
            operation="GetMetricData",
            response={},
        )

    def look(state: str) -> None:
        if state == "AnalyzeStage":
            world.metrics.counts = refused  # type: ignore[method-assign]

    assert world.play(rollout, on_state=look) == "RolledBack"
    assert_it_went_back_unblamed(world, rollout, "failed", "AccessDenied: no policy allows it")


def test_a_version_that_proves_nothing_is_still_rejected_beside_an_alarm_that_cannot_be_evaluated() -> None:
    world, rollout = world_with(also=["orders"])
    world.metrics.per_period = {}

    def look(state: str) -> None:
        if state == "ShiftTraffic":
            world.metrics.alarms["orders"] = "EVALUATION_ERROR"

    assert world.play(rollout, on_state=look) == "RolledBack"
    assert approval(world, rollout) == "Rejected"


def test_a_proven_harm_is_still_rejected() -> None:
    world, rollout = world_with()
    world.metrics.per_period = {"v1": Counts(1800, 2), "v2": Counts(200, 60)}
    assert world.play(rollout) == "RolledBack"
    assert approval(world, rollout) == "Rejected"


# Roles that are seconds old: AWS does not know them yet, and no version is rejected for that.

UNTRUSTED = (
    "Could not assume role arn:aws:iam::1:role/model. Please ensure that the role exists and allows principal "
    "'sagemaker.amazonaws.com' to assume the role."
)
NOT_YET = {
    "the function's own": refusal("CreateModel", "AccessDeniedException", "not authorized to perform"),
    "the model's": refusal("CreateModel", "ValidationException", UNTRUSTED),
}


def refuse_for(world: SluiceWorld, seconds: float, port: Any, name: str, error: SluiceError) -> Callable[..., Any]:
    """The call works once this time has passed."""
    call, until = getattr(port, name), world.clock.now() + timedelta(seconds=seconds)

    def attempt(*args: Any, **given: Any) -> Any:
        if world.clock.now() < until:
            raise error
        return call(*args, **given)

    return attempt


@pytest.mark.parametrize("error", NOT_YET.values(), ids=NOT_YET)
@pytest.mark.parametrize(
    ("of", "name"),
    [
        ("registry", "describe"),
        ("hosting", "create_model"),
        ("hosting", "create_config"),
        ("hosting", "update_endpoint"),
        ("hosting", "set_weights"),
        ("metrics", "put_alarms"),
        ("events", "publish"),
    ],
)
def test_a_role_that_works_after_half_a_minute_rejects_no_version(
    of: str, name: str, error: SluiceError, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = sluice_world()
    world.live(1)
    rollout = world.approve(2)
    world.metrics.per_period = GOOD
    port = getattr(world, of)
    monkeypatch.setattr(port, name, refuse_for(world, 30, port, name, error))
    assert world.play(rollout) == "Promoted"
    assert live_variants(world) == {"v2": 100.0}


def test_a_right_that_stays_missing_ends_the_rollout_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    world = sluice_world()
    world.live(1)
    rollout, error = world.approve(2), NOT_YET["the function's own"]
    monkeypatch.setattr(world.hosting, "create_model", refuse_for(world, 86_400, world.hosting, "create_model", error))
    assert world.play(rollout) == "RolledBack"
    outcome, reason = outcome_of(world, rollout)
    assert outcome == "failed"
    assert "AccessDeniedException" in reason
    assert "not authorized to perform" in reason
    assert live_variants(world) == {"v1": 100.0}
