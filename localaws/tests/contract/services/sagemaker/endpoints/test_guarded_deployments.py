"""Updates under a DeploymentConfig: their phases, their alarms, and the way back."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.service_api import AwsError
from localaws.services.sagemaker.fleets.provisioning import HostingTiming
from localaws.tests.contract.services.sagemaker.endpoints.artifacts import OTHER_IMAGE
from localaws.tests.contract.services.sagemaker.endpoints.load import traffic
from localaws.tests.contract.services.sagemaker.endpoints.stage import ROLE_WITHOUT_RIGHTS, Stage, eventually, refusal

ONE = {"Type": "INSTANCE_COUNT", "Value": 1}


def blue_green(kind: str, *, wait: int = 100, alarm: str | None = None, **more: Any) -> dict[str, Any]:
    policy = {"TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": wait, **more}}
    return {"BlueGreenUpdatePolicy": policy, **watched(alarm)}


def rolling(*, wait: int = 100, alarm: str | None = None) -> dict[str, Any]:
    policy = {"MaximumBatchSize": ONE, "RollbackMaximumBatchSize": ONE, "WaitIntervalInSeconds": wait}
    return {"RollingUpdatePolicy": policy, **watched(alarm)}


def watched(alarm: str | None) -> dict[str, Any]:
    return {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm}]}} if alarm else {}


def prepared(stage: Stage, name: str) -> Callable[..., None]:
    """An endpoint of two instances of "low", and how to ask for "high" instead of it."""
    low, high = stage.model(f"{name}-low", "low"), stage.model(f"{name}-high", "high")
    stage.create(name, stage.config(f"{name}-1", {"v1": (low, 1.0)}, instances=2))
    stage.config(f"{name}-2", {"v1": (high, 1.0)}, instances=2)
    return lambda deployment: stage.update(name, f"{name}-2", DeploymentConfig=deployment)


def phase(stage: Stage, endpoint: str) -> str | None:
    """The phase of the deployment, and how many of the new instances have traffic."""
    pending = stage.sagemaker.describe_endpoint(EndpointName=endpoint).get("PendingDeploymentSummary")
    if pending is None:
        return None
    (variant,) = pending["ProductionVariants"]
    return f"{variant['VariantStatus'][0]['Status']} {variant['CurrentInstanceCount']}"


def announced_phases(stage: Stage, endpoint: str) -> list[tuple[str, int, str]]:
    """``(phase, instances with traffic, status)`` of the endpoint's deployment events."""
    found = []
    for detail in stage.published.deployments(endpoint):
        (variant,) = detail["PendingDeploymentSummary"]["ProductionVariants"]
        (status,) = variant["VariantStatus"]
        found.append((status["Status"], variant["CurrentInstanceCount"], detail["EndpointStatus"]))
    return found


def test_a_canary_moves_traffic_in_two_steps_and_loses_no_request(guarded: Stage) -> None:
    update = prepared(guarded, "canary")
    deployment = blue_green("CANARY", wait=150, CanarySize=ONE)
    with traffic(guarded, "canary") as seen:
        update(deployment)
        eventually(lambda: dict(seen.answered), lambda answered: answered.get("high", 0) > 0)
        shown = guarded.settled("canary")
        before = seen.answered["high"]
        eventually(lambda: seen.answered["high"], lambda count: count > before + 5)
    assert seen.problems == []
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", "canary-2")
    assert shown["LastDeploymentConfig"] == deployment
    assert "PendingDeploymentSummary" not in shown
    assert announced_phases(guarded, "canary") == [
        ("Creating", 0, "UPDATING"),
        ("ActivatingTraffic", 1, "UPDATING"),
        ("Baking", 1, "UPDATING"),
        ("ActivatingTraffic", 2, "UPDATING"),
        ("Baking", 2, "UPDATING"),
        ("Deleting", 2, "UPDATING"),
    ]
    message = guarded.published.deployments("canary")[2]["PendingDeploymentSummary"]["ProductionVariants"][0]
    assert message["VariantStatus"][0]["StatusMessage"].startswith("Baking for 150 seconds (WaitIntervalInSeconds)")
    assert guarded.announced("canary", 4)[2:] == [("UPDATING", "canary-1"), ("IN_SERVICE", "canary-2")]


def test_the_new_fleet_has_metrics_of_its_own_while_it_is_deployed(guarded: Stage) -> None:
    update = prepared(guarded, "series")
    with traffic(guarded, "series"):
        update(blue_green("LINEAR", wait=50, LinearStepSize={"Type": "CAPACITY_PERCENT", "Value": 50}))
        guarded.settled("series")
    for metric in ("Invocations", "ModelLatency"):
        assert guarded.published.total("series", "v1", metric, EndpointConfigName="series-2") > 0
    new = guarded.published.total("series", "v1", "Invocations", EndpointConfigName="series-2")
    assert new < guarded.published.total("series", "v1", "Invocations")
    assert guarded.published.total("series", "v1", "Invocations", EndpointConfigName="series-1") == 0


def test_an_alarm_during_the_bake_returns_to_the_old_fleet(guarded: Stage) -> None:
    guarded.alarm("bad")
    update = prepared(guarded, "alarmed")
    with traffic(guarded, "alarmed") as seen:
        update(blue_green("CANARY", wait=3600, CanarySize=ONE, alarm="bad"))
        eventually(lambda: phase(guarded, "alarmed"), lambda now: now == "Baking 1")
        guarded.alarm("bad", "ALARM")
        shown = guarded.settled("alarmed")
    assert seen.problems == []
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", "alarmed-1")
    assert "ALARM state: bad" in shown["FailureReason"]
    assert "PendingDeploymentSummary" not in shown
    assert {float(guarded.invoke("alarmed", "0.5,0.5,0.5")[0]) < 10 for _ in range(10)} == {True}
    assert [status for status, _ in guarded.announced("alarmed", 5)][2:] == ["UPDATING", "ROLLING_BACK", "IN_SERVICE"]
    assert announced_phases(guarded, "alarmed")[-2:] == [
        ("ActivatingTraffic", 0, "ROLLING_BACK"),
        ("Deleting", 0, "ROLLING_BACK"),
    ]


def test_an_alarm_before_the_start_keeps_the_new_fleet_from_traffic(guarded: Stage) -> None:
    guarded.alarm("early", "ALARM")
    update = prepared(guarded, "early")
    with traffic(guarded, "early") as seen:
        update(blue_green("ALL_AT_ONCE", alarm="early"))
        shown = guarded.settled("early")
    assert (shown["EndpointConfigName"], seen.answered["high"], seen.problems) == ("early-1", 0, [])


def test_rolling_replaces_the_fleet_in_batches_and_rebuilds_it_on_alarm(guarded: Stage) -> None:
    guarded.alarm("rolled")
    update = prepared(guarded, "rolling")
    with traffic(guarded, "rolling") as seen:
        update(rolling(wait=3600, alarm="rolled"))
        eventually(lambda: phase(guarded, "rolling"), lambda now: now == "Baking 1")
        guarded.alarm("rolled", "ALARM")
        assert guarded.settled("rolling")["EndpointConfigName"] == "rolling-1"
        guarded.alarm("rolled", "OK")
        update(rolling(wait=0, alarm="rolled"))
        shown = guarded.settled("rolling")
    assert seen.problems == []
    assert shown["EndpointConfigName"] == "rolling-2"
    assert [v["CurrentInstanceCount"] for v in shown["ProductionVariants"]] == [2]
    assert {float(guarded.invoke("rolling", "0.5,0.5,0.5")[0]) > 10 for _ in range(10)} == {True}


def test_a_rollback_that_cannot_rebuild_leaves_a_mixed_fleet_that_serves_and_can_be_repaired(guarded: Stage) -> None:
    guarded.alarm("stuck")
    update = prepared(guarded, "stuck")
    with traffic(guarded, "stuck") as seen:
        update(rolling(wait=3600, alarm="stuck"))
        eventually(lambda: phase(guarded, "stuck"), lambda now: now == "Baking 1")
        guarded.aws.faults.add("s3", "GetObject", AwsError("SlowDown", "Please reduce your request rate.", 503))
        guarded.alarm("stuck", "ALARM")
        shown = guarded.settled("stuck")
        assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("UpdateRollbackFailed", "stuck-1")
        assert "Rolling back failed: Failed to download model data" in shown["FailureReason"]
        guarded.alarm("stuck", "OK")
        update(rolling(wait=0))
        assert guarded.settled("stuck")["EndpointConfigName"] == "stuck-2"
    assert seen.problems == []
    assert [status for status, _ in guarded.announced("stuck", 7)][3:] == [
        "ROLLING_BACK",
        "UPDATE_ROLLBACK_FAILED",
        "UPDATING",
        "IN_SERVICE",
    ]


def test_an_instance_that_dies_while_it_bakes_is_replaced(guarded: Stage) -> None:
    low, high = guarded.model("frail-low", "script-low"), guarded.model("frail-high", "script-high")
    guarded.create("frail", guarded.config("frail-1", {"v1": (low, 1.0)}))
    guarded.config("frail-2", {"v1": (high, 1.0)})
    guarded.update("frail", "frail-2", DeploymentConfig=blue_green("ALL_AT_ONCE", wait=3600))
    eventually(lambda: phase(guarded, "frail"), lambda now: now == "Baking 1")
    pid = guarded.invoke("frail")[0].split()[0]
    with pytest.raises(ClientError):
        guarded.invoke("frail", "die")

    def answered() -> str | None:
        try:
            return guarded.invoke("frail")[0].split()[0]
        except ClientError:
            return None

    assert eventually(answered, bool) != pid
    assert phase(guarded, "frail") == "Baking 1"


def test_a_change_of_capacity_is_reported_as_a_deployment(guarded: Stage) -> None:
    guarded.create("grow", guarded.config("grow", {"v1": (guarded.model("grow", "low"), 1.0)}))
    desired = [{"VariantName": "v1", "DesiredInstanceCount": 2}]
    guarded.sagemaker.update_endpoint_weights_and_capacities(EndpointName="grow", DesiredWeightsAndCapacities=desired)
    guarded.settled("grow")
    (detail,) = guarded.published.deployments("grow")
    assert "PendingDeploymentSummary" not in detail
    (status,) = detail["ProductionVariants"][0]["VariantStatus"]
    assert (status["Status"], status["StatusMessage"]) == ("Updating", "Scaling out desired instance count to 2.")


def test_a_deployment_config_is_retained_on_request_only(guarded: Stage) -> None:
    prepared(guarded, "retain")(blue_green("ALL_AT_ONCE", wait=10))
    guarded.settled("retain")
    guarded.update("retain", "retain-1", RetainDeploymentConfig=True)
    guarded.settled("retain")
    guarded.update("retain", "retain-2")
    guarded.settled("retain")
    baked = [name for name, _, _ in announced_phases(guarded, "retain") if name == "Baking"]
    assert len(baked) == 2


def test_what_exceeds_its_time_limit_is_rolled_back(guarded: Stage) -> None:
    deployment = blue_green("ALL_AT_ONCE", wait=3600)
    deployment["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = 600  # 6 s at this time scale
    prepared(guarded, "slow")(deployment)
    shown = guarded.settled("slow")
    assert shown["EndpointConfigName"] == "slow-1"
    assert "MaximumExecutionTimeoutInSeconds" in shown["FailureReason"]


NAMES = itertools.count()


@pytest.mark.parametrize(
    ("deployment", "config", "text"),
    [
        pytest.param(blue_green("CANARY", CanarySize=ONE), {}, "batch size", id="a canary of the whole fleet"),
        pytest.param(rolling(), {"variants": ("v1", "v2")}, "variant names", id="other variant names"),
        pytest.param(blue_green("ALL_AT_ONCE", alarm="nowhere"), {}, "Could not find the alarms", id="no alarm"),
        pytest.param(blue_green("ALL_AT_ONCE", alarm="both"), {}, "Composite alarms", id="a composite alarm"),
        pytest.param(
            blue_green("ALL_AT_ONCE", alarm="single"), {"blind": True}, "not authorized", id="a role that sees no alarm"
        ),
        pytest.param(blue_green("ALL_AT_ONCE", wait=3601), {}, "less than or equal to 3600", id="too long a bake"),
    ],
)
def test_refusals_leave_the_endpoint_alone(
    guarded: Stage, refusable: str, deployment: dict[str, Any], config: dict[str, Any], text: str
) -> None:
    role: dict[str, Any] = {"ExecutionRoleArn": ROLE_WITHOUT_RIGHTS} if config.get("blind") else {}
    name = f"refused-{next(NAMES)}"
    guarded.config(name, {variant: ("refusable", 1.0) for variant in config.get("variants", ("v1",))}, **role)
    message = refusal(
        guarded.sagemaker.update_endpoint, EndpointName=refusable, EndpointConfigName=name, DeploymentConfig=deployment
    )
    assert text in message
    assert guarded.sagemaker.describe_endpoint(EndpointName=refusable)["EndpointStatus"] == "InService"


@pytest.fixture(scope="module")
def refusable(guarded: Stage) -> str:
    """An endpoint of one instance, a metric alarm called single and a composite one called both."""
    guarded.create("refusable", guarded.config("refusable", {"v1": (guarded.model("refusable", "low"), 1.0)}))
    guarded.alarm("single")
    guarded.aws.client("cloudwatch").put_composite_alarm(AlarmName="both", AlarmRule='ALARM("single")')
    return "refusable"


def test_waits_are_real_unless_a_test_scales_them() -> None:
    assert HostingTiming().wait_scale == 1.0


def test_a_canary_of_an_image_that_is_not_played_gets_no_traffic(guarded: Stage) -> None:
    guarded.create("torch", guarded.config("torch-1", {"v1": (guarded.model("torch-1", "low"), 1.0)}, instances=2))
    guarded.config("torch-2", {"v1": (guarded.model("torch-2", "low", image=OTHER_IMAGE), 1.0)}, instances=2)
    guarded.update("torch", "torch-2", DeploymentConfig=blue_green("CANARY", CanarySize=ONE))
    shown = guarded.settled("torch")
    assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", "torch-1")
    assert OTHER_IMAGE in shown["FailureReason"]
    assert max(traffic for _, traffic, _ in announced_phases(guarded, "torch")) == 0
