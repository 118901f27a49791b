"""Roles that are seconds old: AWS does not know them yet, and no version is rejected for that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sluice.aws.metric_data import Counts
from sluice.errors import SluiceError

from tests.builders.aws_clients import refusal
from tests.fakes.sluice_world import SluiceWorld, live_variants, outcome_of, sluice_world

GOOD = {"v1": Counts(1800, 2), "v2": Counts(1000, 0)}
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
    assert "AccessRefusedError" in reason
    assert "not authorized to perform" in reason
    assert live_variants(world) == {"v1": 100.0}
