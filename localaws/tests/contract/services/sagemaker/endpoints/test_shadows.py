"""Shadow variants: they see the traffic and nobody sees them, whatever they do."""

import statistics
import time

import pytest
from botocore.exceptions import ClientError

from localaws.tests.contract.services.sagemaker.endpoints.load import traffic
from localaws.tests.contract.services.sagemaker.endpoints.stage import Stage, eventually, wanted_variant

ROUNDS, TURNS = 12, 12
"""If the shadow cost nothing at all, hardly one run in 18,000 would have its median round above the worst of twelve of
chance; a client that waited for the shadow would see a factor of 100."""


def shadowed(stage: Stage, endpoint: str, shadow: str) -> None:
    """Create an endpoint of "low" that mirrors all of its requests to the artifact ``shadow``."""
    low = stage.model(f"{endpoint}-p", "low")
    shadows = [wanted_variant("candidate", stage.model(f"{endpoint}-s", shadow), 2.0)]
    stage.create(endpoint, stage.config(endpoint, {"live": (low, 2.0)}, ShadowProductionVariants=shadows))


def mirrored(stage: Stage, endpoint: str, metric: str = "Invocations") -> float:
    return stage.published.total(endpoint, "candidate", metric)


def test_a_shadow_sees_every_request_and_answers_none(guarded: Stage) -> None:
    shadowed(guarded, "twin", "high")
    for _ in range(20):
        answer, variant = guarded.invoke("twin", "0.5,0.5,0.5")
        assert (variant, float(answer) < 10) == ("live", True)
    assert eventually(lambda: mirrored(guarded, "twin"), lambda count: count >= 20) == 20
    assert guarded.published.total("twin", "live", "Invocations") == 20
    shown = guarded.sagemaker.describe_endpoint(EndpointName="twin")
    (shadow,) = shown["ShadowProductionVariants"]
    assert (shadow["VariantName"], shadow["CurrentWeight"], shadow["CurrentInstanceCount"]) == ("candidate", 2.0, 1)
    assert [variant["VariantName"] for variant in shown["ProductionVariants"]] == ["live"]
    with pytest.raises(ClientError, match='Variant "candidate" not found'):
        guarded.invoke("twin", TargetVariant="candidate")


def test_a_shadow_that_times_out_on_every_request_costs_the_client_less_than_chance_does(guarded: Stage) -> None:
    """In turns: an endpoint, its twin, whose difference from it is chance, and one with a shadow that hangs."""
    for endpoint in ("alone", "control"):
        guarded.create(endpoint, guarded.config(endpoint, {"live": (guarded.model(endpoint, "low"), 1.0)}))
    shadowed(guarded, "haunted", "script-hangs")
    for endpoint in ("alone", "control", "haunted"):
        guarded.invoke(endpoint)  # opens the connections

    def seconds(endpoint: str) -> float:
        began = time.perf_counter()
        guarded.invoke(endpoint)
        return time.perf_counter() - began

    chance, cost = [], []
    for _ in range(ROUNDS):
        times: dict[str, list[float]] = {"alone": [], "control": [], "haunted": []}
        for turn in range(TURNS):
            order = [*times][turn % 3 :] + [*times][: turn % 3]  # whoever comes first after a pause is slower
            for endpoint in order:
                times[endpoint].append(seconds(endpoint))
        alone, control, haunted = (statistics.median(each) for each in times.values())
        chance.append(max(control / alone, alone / control))
        cost.append(haunted / alone)
    assert statistics.median(cost) < max(chance)
    errors = eventually(lambda: mirrored(guarded, "haunted", "Invocation5XXErrors"), lambda count: count > 5)
    assert errors == mirrored(guarded, "haunted")
    assert guarded.published.total("haunted", "live", "Invocation5XXErrors") == 0


def test_a_shadow_that_fails_does_so_alone(guarded: Stage) -> None:
    shadowed(guarded, "cursed", "script-low")
    for _ in range(5):
        guarded.invoke("cursed", "-1,0,0")  # the shadow's code refuses negative numbers
    assert eventually(lambda: mirrored(guarded, "cursed", "InvocationModelErrors"), lambda count: count >= 5) == 5
    assert guarded.published.total("cursed", "live", "InvocationModelErrors") == 0


def test_shadows_come_and_go_with_the_config(guarded: Stage) -> None:
    low = guarded.model("brief-p", "low")
    guarded.create("brief", guarded.config("brief-1", {"live": (low, 1.0)}))
    shadows = [wanted_variant("candidate", guarded.model("brief-s", "high"), 1.0)]
    guarded.config("brief-2", {"live": (low, 1.0)}, ShadowProductionVariants=shadows)
    at_once = {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 10}}
    with traffic(guarded, "brief") as seen:
        guarded.update("brief", "brief-2", DeploymentConfig={"BlueGreenUpdatePolicy": at_once})
        assert "ShadowProductionVariants" in guarded.settled("brief")
        eventually(lambda: mirrored(guarded, "brief"), lambda count: count > 5)
        guarded.update("brief", "brief-1")
        assert "ShadowProductionVariants" not in guarded.settled("brief")
    assert seen.problems == []
    assert guarded.published.deployments("brief")[0]["PendingDeploymentSummary"]["EndpointConfigName"] == "brief-2"
