"""Endpoints from creation to deletion, through the API, with real containers."""

import threading
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.services.sagemaker.endpoints.hosting import Hosting
from localaws.tests.contract.services.sagemaker.endpoints.artifacts import IMAGE
from localaws.tests.contract.services.sagemaker.endpoints.stage import Stage, eventually, refusal

ARN = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/"


def test_an_endpoint_comes_up_and_serves(stage: Stage) -> None:
    stage.config("up", {"v1": (stage.model("up", "low"), 1.0)})
    stage.sagemaker.create_endpoint(EndpointName="Up", EndpointConfigName="up")
    creating = stage.sagemaker.describe_endpoint(EndpointName="Up")
    assert (creating["EndpointStatus"], creating["EndpointArn"]) == ("Creating", f"{ARN}up")
    shown = stage.settled("Up")
    (variant,) = shown["ProductionVariants"]
    assert variant.pop("DeployedImages")[0]["SpecifiedImage"] == IMAGE
    assert variant == {
        "VariantName": "v1",
        "CurrentWeight": 1.0,
        "DesiredWeight": 1.0,
        "CurrentInstanceCount": 1,
        "DesiredInstanceCount": 1,
    }
    answer, variant_name = stage.invoke("up")  # names differ regardless of case
    assert 0.0 < float(answer) < 3.0
    assert variant_name == "v1"
    assert stage.announced("Up", 2) == [("CREATING", "up"), ("IN_SERVICE", "up")]


def test_weights_take_effect_together_and_refuse_interference_meanwhile(stage: Stage) -> None:
    models = {"v1": (stage.model("shift-low", "low"), 1.0), "v2": (stage.model("shift-high", "high"), 0.0)}
    stage.create("shift", stage.config("shift", models))
    assert {stage.invoke("shift")[1] for _ in range(20)} == {"v1"}
    assert stage.invoke("shift", TargetVariant="v2")[1] == "v2"  # reachable without weight
    desired = [
        {"VariantName": "v1", "DesiredWeight": 0.0},
        {"VariantName": "v2", "DesiredWeight": 5.0},
    ]
    stage.sagemaker.update_endpoint_weights_and_capacities(EndpointName="shift", DesiredWeightsAndCapacities=desired)
    during = stage.sagemaker.describe_endpoint(EndpointName="shift")
    assert during["EndpointStatus"] == "Updating"
    assert [(v["CurrentWeight"], v["DesiredWeight"]) for v in during["ProductionVariants"]] == [(1, 0), (0, 5)]
    in_progress = f'Cannot update in-progress endpoint "{ARN}shift".'
    sagemaker = stage.sagemaker
    assert in_progress == refusal(
        sagemaker.update_endpoint_weights_and_capacities,
        EndpointName="shift",
        DesiredWeightsAndCapacities=desired,
    )
    assert in_progress == refusal(sagemaker.update_endpoint, EndpointName="shift", EndpointConfigName="shift")
    assert in_progress == refusal(sagemaker.delete_endpoint, EndpointName="shift")
    after = stage.settled("shift")
    assert [v["CurrentWeight"] for v in after["ProductionVariants"]] == [0.0, 5.0]
    assert {stage.invoke("shift")[1] for _ in range(20)} == {"v2"}
    assert [status for status, _ in stage.announced("shift", 4)][2:] == ["UPDATING", "IN_SERVICE"]


def test_an_update_loses_no_request_and_keeps_the_instances_of_an_unchanged_variant(stage: Stage) -> None:
    old = (stage.model("calm-low", "script-low"), 1.0)
    stage.create("calm", stage.config("calm-1", {"v1": old}))
    pid = stage.invoke("calm")[0].split()[0]
    problems: list[Exception] = []
    answered: Counter[str] = Counter()
    stop = threading.Event()

    def load() -> None:
        runtime = stage.aws.client("sagemaker-runtime")
        while not stop.wait(0.01):
            try:
                answer = runtime.invoke_endpoint(EndpointName="calm", Body=b"0,0,0", ContentType="text/csv")
                answer["Body"].read()
                answered[answer["InvokedProductionVariant"]] += 1
            except ClientError as problem:
                problems.append(problem)

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    new = (stage.model("calm-high", "script-high"), 1.0)
    for config, variants in (("calm-2", {"v1": old, "v2": new}), ("calm-3", {"v2": new})):
        stage.config(config, variants)
        stage.sagemaker.update_endpoint(EndpointName="calm", EndpointConfigName=config)
        shown = stage.settled("calm")
        assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("InService", config)
        if config == "calm-2":
            assert stage.invoke("calm", TargetVariant="v1")[0].split()[0] == pid
    before = answered["v2"]
    eventually(lambda: answered["v2"], lambda count: count > before + 10)
    stop.set()
    for thread in threads:
        thread.join()
    assert problems == []
    assert answered["v1"] > 0


def test_weights_and_counts_survive_an_update_only_when_retained(stage: Stage) -> None:
    model = stage.model("keep", "low")
    stage.create("keep", stage.config("keep-1", {"v1": (model, 1.0)}))
    stage.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="keep",
        DesiredWeightsAndCapacities=[{"VariantName": "v1", "DesiredWeight": 7, "DesiredInstanceCount": 2}],
    )
    assert [v["CurrentInstanceCount"] for v in stage.settled("keep")["ProductionVariants"]] == [2]
    stage.config("keep-2", {"v1": (model, 1.0), "v2": (model, 3.0)})

    def after_update(**how: Any) -> list[tuple[float, int]]:
        stage.sagemaker.update_endpoint(EndpointName="keep", EndpointConfigName="keep-2", **how)
        variants = stage.settled("keep")["ProductionVariants"]
        return [(v["CurrentWeight"], v["CurrentInstanceCount"]) for v in variants]

    exclude = [{"VariantPropertyType": "DesiredWeight"}]
    assert after_update(RetainAllVariantProperties=True) == [(7.0, 2), (3.0, 1)]
    assert after_update(RetainAllVariantProperties=True, ExcludeRetainedVariantProperties=exclude) == [
        (1.0, 2),
        (3.0, 1),
    ]
    assert after_update() == [(1.0, 1), (3.0, 1)]


def test_a_dead_instance_is_replaced(stage: Stage) -> None:
    stage.create("heal", stage.config("heal", {"v1": (stage.model("heal", "script-low"), 1.0)}))
    pid = stage.invoke("heal")[0].split()[0]
    with pytest.raises(ClientError) as error:
        stage.invoke("heal", "die")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    assert stage.published.total("heal", "v1", "Invocation5XXErrors") == 1.0

    def answer() -> str:
        try:
            return stage.invoke("heal")[0].split()[0]
        except ClientError as problem:
            return str(problem.response["Error"]["Code"])

    assert eventually(answer, lambda seen: seen != "ServiceUnavailable") not in ("ModelError", pid)
    shown = stage.sagemaker.describe_endpoint(EndpointName="heal")
    assert shown["EndpointStatus"] == "InService"


def test_a_deleted_endpoint_is_gone_and_its_name_free(stage: Stage) -> None:
    stage.create("brief", stage.config("brief", {"v1": (stage.model("brief", "low"), 1.0)}))
    stage.sagemaker.delete_endpoint(EndpointName="brief")
    names = lambda: [e["EndpointName"] for e in stage.sagemaker.list_endpoints()["Endpoints"]]  # noqa: E731
    eventually(names, lambda seen: "brief" not in seen)
    assert refusal(stage.sagemaker.describe_endpoint, EndpointName="brief") == (
        f'Could not find endpoint "{ARN}brief".'
    )
    with pytest.raises(ClientError, match="Endpoint brief of account 123456789012 not found") as error:
        stage.invoke("brief")
    assert error.value.response["Error"]["Code"] == "ValidationError"
    assert stage.create("brief", "brief")["EndpointStatus"] == "InService"


def test_an_endpoint_under_maintenance_serves_and_refuses_every_change(stage: Stage) -> None:
    config = stage.config("maintained", {"v1": (stage.model("maintained", "low"), 1.0)})
    stage.create("maintained", config)
    (hosting,) = (service for service in stage.aws.services if isinstance(service, Hosting))
    sagemaker = stage.sagemaker
    with hosting.system_update("maintained"):
        shown = sagemaker.describe_endpoint(EndpointName="maintained")
        assert (shown["EndpointStatus"], shown["EndpointConfigName"]) == ("SystemUpdating", config)
        assert stage.invoke("maintained")[1] == "v1"
        refused = [
            refusal(sagemaker.update_endpoint, EndpointName="maintained", EndpointConfigName=config),
            refusal(sagemaker.delete_endpoint, EndpointName="maintained"),
        ]
        assert refused == [f'Cannot update in-progress endpoint "{ARN}maintained".'] * 2
    assert sagemaker.describe_endpoint(EndpointName="maintained")["EndpointStatus"] == "InService"
    states = [status for status, _ in stage.announced("maintained", 4)]
    assert states[2:] == ["SYSTEM_UPDATING", "IN_SERVICE"]
