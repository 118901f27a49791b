"""A DeploymentConfig as a policy, and the refusals of SageMaker."""

from typing import Any

import pytest

from localaws.service_api import AwsError
from localaws.services.sagemaker.endpoint_state.guardrails import (
    DeploymentPolicy,
    RoutingType,
    Size,
    check_fits,
    parse_policy,
)

ONE = {"Type": "INSTANCE_COUNT", "Value": 1}


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def blue_green(kind: str, **sizes: Any) -> dict[str, Any]:
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": 600, **sizes},
            "TerminationWaitInSeconds": 300,
            "MaximumExecutionTimeoutInSeconds": 7200,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]},
    }


def rolling(size: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": 60, **more}}


def test_a_canary_policy() -> None:
    assert parse_policy(blue_green("CANARY", CanarySize=percent(25))) == DeploymentPolicy(
        routing=RoutingType.CANARY,
        batch=Size("CAPACITY_PERCENT", 25),
        wait_seconds=600,
        termination_wait_seconds=300,
        max_seconds=7200,
        alarms=("errors",),
    )


def test_a_rolling_policy_rolls_back_all_at_once_unless_it_says_how() -> None:
    assert parse_policy(rolling(ONE)).rollback_batch == Size("CAPACITY_PERCENT", 100)
    assert parse_policy(rolling(ONE, RollbackMaximumBatchSize=percent(50))).rollback_batch == Size(
        "CAPACITY_PERCENT", 50
    )


@pytest.mark.parametrize(
    ("given", "text"),
    [
        pytest.param({"AutoRollbackConfiguration": {"Alarms": []}}, "exactly one", id="no policy"),
        pytest.param({**blue_green("ALL_AT_ONCE"), **rolling(ONE)}, "exactly one", id="two policies"),
        pytest.param(blue_green("CANARY"), "CanarySize is required", id="a canary of no size"),
        pytest.param(blue_green("LINEAR"), "LinearStepSize is required", id="steps of no size"),
        pytest.param(blue_green("ALL_AT_ONCE", CanarySize=ONE), "CanarySize is not allowed", id="a size too many"),
        pytest.param(
            blue_green("LINEAR", LinearStepSize=ONE, CanarySize=ONE), "CanarySize is not allowed", id="both sizes"
        ),
    ],
)
def test_refused_whatever_the_endpoint(given: dict[str, Any], text: str) -> None:
    with pytest.raises(AwsError, match=text) as refusal:
        parse_policy(given)
    assert refusal.value.code == "ValidationException"


@pytest.mark.parametrize(
    ("given", "instances", "fits"),
    [
        pytest.param(blue_green("CANARY", CanarySize=percent(50)), 4, True, id="canary of 50 %"),
        pytest.param(blue_green("CANARY", CanarySize=percent(51)), 4, False, id="canary of 51 %"),
        pytest.param(blue_green("CANARY", CanarySize=ONE), 2, True, id="canary of 1 in 2"),
        pytest.param(blue_green("CANARY", CanarySize=ONE), 1, False, id="canary of 1 in 1"),
        pytest.param(blue_green("LINEAR", LinearStepSize=percent(9)), 10, False, id="steps of 9 %"),
        pytest.param(blue_green("LINEAR", LinearStepSize=ONE), 10, True, id="steps of 1 in 10"),
        pytest.param(blue_green("LINEAR", LinearStepSize=ONE), 11, False, id="steps of 1 in 11"),
        pytest.param(rolling(percent(5)), 3, True, id="batches of 5 %"),
        pytest.param(rolling(percent(4)), 3, False, id="batches of 4 %"),
        pytest.param(rolling(ONE), 1, False, id="batches of 1 in 1"),
    ],
)
def test_sizes_against_the_fleet(given: dict[str, Any], instances: int, fits: bool) -> None:
    policy = parse_policy(given)
    if fits:
        check_fits(policy, {"v1": instances}, {"v1": instances})
        return
    with pytest.raises(AwsError, match="batch size"):
        check_fits(policy, {"v1": instances}, {"v1": instances})


def test_variant_names_must_stay() -> None:
    with pytest.raises(AwsError, match="variant names"):
        check_fits(parse_policy(blue_green("CANARY", CanarySize=percent(50))), {"v1": 2}, {"v2": 2})
    check_fits(parse_policy(blue_green("ALL_AT_ONCE")), {"v1": 2}, {"v2": 2})  # what happens without guardrails too


def test_rolling_is_for_one_variant() -> None:
    two = {"v1": 2, "v2": 2}
    with pytest.raises(AwsError, match="several production variants"):
        check_fits(parse_policy(rolling(percent(50))), two, two)
    check_fits(parse_policy(blue_green("CANARY", CanarySize=percent(50))), two, two)


@pytest.mark.parametrize(
    ("size", "total", "instances"),
    [
        pytest.param(percent(25), 10, 2, id="rounded down"),
        pytest.param(percent(5), 3, 1, id="but never to none"),
        pytest.param(percent(100), 3, 3, id="all"),
        pytest.param({"Type": "INSTANCE_COUNT", "Value": 5}, 3, 3, id="never more than there are"),
    ],
)
def test_sizes_in_instances(size: dict[str, Any], total: int, instances: int) -> None:
    assert Size(size["Type"], size["Value"]).instances(total) == instances
