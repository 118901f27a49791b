"""Rules for rollout strategies: what SageMaker refuses, and bakes that last longer than their metrics."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.errors import Problem
from sluice.spec.endpoint import Endpoint
from sluice.spec.rollout import Rollout
from sluice.spec.schema.rule import Rule
from sluice.spec.serving_modes import strategy_of
from sluice.spec.strategies import BlueGreen, steps_of

METRICS_KEPT_SECONDS = {10: 3 * 3600, 60: 15 * 86_400}
"""How long CloudWatch keeps data points, by period."""

_LEAST_LINEAR_PERCENT = 10
_MANY = 100  # instances: in percent of so many, steps are as small as they can get
_ROUTING, _TIMEOUT = "rollout.blue_green.routing", "rollout.blue_green.timeout"


def _deployment_that_sagemaker_refuses(rollout: Rollout, endpoint: Endpoint) -> Iterator[Problem]:
    if strategy_of(endpoint.type, rollout.strategy) != "blue_green":
        return
    how = rollout.blue_green
    if how.routing == "linear" and how.size_percent < _LEAST_LINEAR_PERCENT:
        path, message = "rollout.blue_green.size_percent", f"{how.size_percent} % steps are too small for SageMaker"
        yield Problem(path, how.size_percent, f"{_LEAST_LINEAR_PERCENT} to 50 for linear routing", message)
    if how.routing != "all_at_once":
        yield from _deployment_in_parts(how, endpoint)
    yield from _deployment_that_times_out(how)


def _deployment_in_parts(how: BlueGreen, endpoint: Endpoint) -> Iterator[Problem]:
    if endpoint.instance_count < 2 and endpoint.scaling is None:
        message = f"{how.routing} moves the traffic with the instances, and there is 1"
        yield Problem(_ROUTING, how.routing, "all_at_once, or endpoint.instance_count of 2 or more", message)
    if endpoint.instance_type.startswith("ml.inf1."):
        message = f"SageMaker has no {how.routing} deployments on {endpoint.instance_type}"
        yield Problem(_ROUTING, how.routing, "all_at_once, or another endpoint.instance_type", message)


def _deployment_that_times_out(how: BlueGreen) -> Iterator[Problem]:
    steps = steps_of(how, _MANY)
    waits = steps * how.wait_seconds + how.termination_wait_seconds
    if how.timeout_seconds <= waits:
        message = f"is over before the waits of {steps} steps (wait) and the last (termination_wait), {waits}s"
        allowed = f"more than {waits}s, up to 8h" if waits < 28_800 else "nothing: make the waits shorter"
        yield Problem(_TIMEOUT, f"{how.timeout_seconds}s", allowed, message)


def _shadow_that_sagemaker_refuses(rollout: Rollout, endpoint: Endpoint) -> Iterator[Problem]:
    if rollout.strategy == "shadow" and endpoint.instance_type.startswith("ml.inf1."):
        message = f"SageMaker has no shadows on {endpoint.instance_type}"
        yield Problem("rollout.strategy", "shadow", "another strategy, or another endpoint.instance_type", message)


def _bake_without_a_measurement(rollout: Rollout, endpoint: Endpoint) -> Iterator[Problem]:
    path, seconds = _longest_bake(rollout)
    if path and seconds < endpoint.period_seconds:
        allowed = f"{endpoint.period_seconds}s or longer (endpoint.metrics_period_seconds)"
        yield Problem(path, f"{seconds}s", allowed, "ends before its first metrics are published")


def _longer_than_its_metrics_last(rollout: Rollout, endpoint: Endpoint) -> Iterator[Problem]:
    path, _ = _longest_bake(rollout)
    period, kept = endpoint.period_seconds, METRICS_KEPT_SECONDS[endpoint.period_seconds]
    longest = rollout.longest_seconds() - rollout.watch_seconds
    if path and longest > kept:
        message = f"CloudWatch keeps {period}-second metrics for {kept // 3600} hours, the judge needs them all"
        yield Problem(path, f"{longest}s", f"{kept}s or less in all, each bake with its rollout.max_hold", message)


def _longest_bake(rollout: Rollout) -> tuple[str, int]:
    """Its path and its seconds, for the strategies whose bakes are no list of stages."""
    if rollout.strategy == "linear":
        return "rollout.step.bake", rollout.step.bake_seconds
    if rollout.strategy == "shadow":
        return "rollout.shadow.duration", rollout.shadow.duration_seconds
    return "", 0


STRATEGY_RULES = tuple(
    Rule(("rollout", "endpoint"), rule)
    for rule in (
        _deployment_that_sagemaker_refuses,
        _shadow_that_sagemaker_refuses,
        _bake_without_a_measurement,
        _longer_than_its_metrics_last,
    )
)
