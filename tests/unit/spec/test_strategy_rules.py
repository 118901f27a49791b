"""Rules on strategies: what SageMaker would refuse is refused at apply, and only where the strategy is used."""

from __future__ import annotations

from typing import Any

import pytest
from sluice.errors import SpecError
from sluice.spec.model import ModelSpec

from tests.builders.spec_examples import spec_with

SIX = ("endpoint.instance_count", 6)


def blue_green(**settings: object) -> tuple[tuple[str, object], ...]:
    return (("rollout.strategy", "blue_green"), ("rollout.blue_green", settings))


WRONG: dict[str, tuple[tuple[tuple[str, object], ...], str, str]] = {
    "a canary of one instance": (blue_green(routing="canary"), "rollout.blue_green.routing", "there is 1"),
    "rolling over one instance": (blue_green(routing="rolling"), "rollout.blue_green.routing", "there is 1"),
    "steps too small": (
        (SIX, *blue_green(routing="linear", size_percent=5, wait="1m")),
        "rollout.blue_green.size_percent",
        "too small",
    ),
    "on Inferentia": (
        (SIX, ("endpoint.instance_type", "ml.inf1.xlarge"), *blue_green(routing="canary")),
        "rollout.blue_green.routing",
        "ml.inf1.xlarge",
    ),
    "a timeout within the waits": (
        blue_green(wait="30m", termination_wait="30m", timeout="1h"),
        "rollout.blue_green.timeout",
        "1 steps (wait)",
    ),
    "ten steps that time out": (
        (SIX, *blue_green(routing="linear", size_percent=10, wait="15m")),
        "rollout.blue_green.timeout",
        "10 steps",
    ),
    "steps that no timeout allows": (
        (SIX, *blue_green(routing="rolling", size_percent=5, wait="1h")),
        "rollout.blue_green.timeout",
        "72300s",
    ),
    "an alarm over more than a day while SageMaker deploys": (
        (
            ("endpoint.metrics_period_seconds", 10),
            ("rollout.alarms.evaluation_periods", 1441),
            *blue_green(routing="all_at_once"),
        ),
        "rollout.alarms.evaluation_periods",
        "1441 periods of 60 s",
    ),
    "a shadow on Inferentia": (
        (("endpoint.instance_type", "ml.inf1.xlarge"), ("rollout.strategy", "shadow")),
        "rollout.strategy",
        "no shadows",
    ),
    "a shadow shorter than a metric": (
        (("rollout.strategy", "shadow"), ("rollout.shadow", {"duration": "30s"})),
        "rollout.shadow.duration",
        "before its first metrics",
    ),
    "a shadow that outlives its metrics": (
        (("rollout.strategy", "shadow"), ("rollout.shadow", {"duration": "14d"}), ("rollout.max_hold", "2d")),
        "rollout.shadow.duration",
        "for 360 hours",
    ),
    "steps that outlive their metrics": (
        (
            ("endpoint.metrics_period_seconds", 10),
            ("rollout.strategy", "linear"),
            ("rollout.step", {"weight": 5, "bake": "10m"}),
        ),
        "rollout.step.bake",
        "for 3 hours",
    ),
}


def parsed(*changes: tuple[str, object]) -> Any:
    return ModelSpec.parse(spec_with(*changes))


@pytest.mark.parametrize(("changes", "path", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_rolled_out_like_that(changes: tuple[tuple[str, object], ...], path: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        parsed(*changes)
    (problem,) = caught.value.problems
    assert problem.path == path
    assert message in problem.message


@pytest.mark.parametrize("changes", [each[0] for each in WRONG.values()], ids=WRONG)
def test_settings_of_a_strategy_that_is_not_used_may_stay(changes: tuple[tuple[str, object], ...]) -> None:
    assert parsed(*changes, ("rollout.strategy", "all_at_once")).rollout.strategy == "all_at_once"


def test_a_deployment_with_nothing_but_defaults_fits_one_instance() -> None:
    spec = parsed(("rollout.strategy", "blue_green"))
    assert spec.endpoint.instance_count == 1
    assert spec.rollout.blue_green.routing == "all_at_once"


def test_an_endpoint_that_scales_may_be_deployed_in_parts() -> None:
    """How many instances it has then is seen when the rollout is planned."""
    spec = parsed(("endpoint.scaling", {"min": 1, "max": 4}), *blue_green(routing="canary"))
    assert spec.rollout.blue_green.routing == "canary"
