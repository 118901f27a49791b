"""Serverless endpoints: cold, warm, back to zero, limited, provisioned."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.tests.contract.services.sagemaker.endpoints.artifacts import OTHER_IMAGE
from localaws.tests.contract.services.sagemaker.serving.account import Account, eventually


def serverless(most: int, provisioned: int = 0) -> dict[str, Any]:
    config = {"MemorySizeInMB": 2048, "MaxConcurrency": most}
    return {"ServerlessConfig": config | ({"ProvisionedConcurrency": provisioned} if provisioned else {})}


def invoke(account: Account, endpoint: str, body: bytes = b"0.1,0.2,0.3") -> str:
    answer = account.runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType="text/csv")
    return str(answer["Body"].read().decode())


def running(account: Account, endpoint: str) -> int:
    """Containers that have their model on disk: it goes with them."""
    return len(list((account.aws.context.run_dir / "endpoints" / endpoint).glob("*/ml")))


def cold_starts(account: Account, endpoint: str) -> int:
    where = {"EndpointName": endpoint, "VariantName": "v1"}
    return int(sum(account.datapoints("ModelSetupTime", where, "SampleCount")))


def test_cold_warm_and_back_to_zero(account: Account) -> None:
    shown = account.endpoint("cold", serverless(2))
    assert shown["EndpointStatus"] == "InService", shown
    [variant] = shown["ProductionVariants"]
    assert variant["CurrentServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 2}
    assert "CurrentInstanceCount" not in variant
    assert running(account, "cold") == 0
    assert invoke(account, "cold") == invoke(account, "cold")
    assert (running(account, "cold"), cold_starts(account, "cold")) == (1, 1)
    eventually(lambda: running(account, "cold"), lambda count: count == 0)
    invoke(account, "cold")
    assert cold_starts(account, "cold") == 2
    where = {"EndpointName": "cold", "VariantName": "v1"}
    assert sum(account.datapoints("Invocations", where)) == 3
    assert account.datapoints("InvocationsPerInstance", where) == []
    assert max(account.datapoints("ServerlessConcurrentExecutionsUtilization", where, "Maximum")) == 0.5


def test_above_its_concurrency_it_throttles(account: Account) -> None:
    account.endpoint("narrow", serverless(1))

    def outcome(_number: int) -> str:
        try:
            return "served" if invoke(account, "narrow") else ""
        except ClientError as error:
            return f"{error.response['ResponseMetadata']['HTTPStatusCode']} {error.response['Error']['Code']}"

    with ThreadPoolExecutor(4) as callers:  # the first of them is busy starting its container
        outcomes = list(callers.map(outcome, range(4)))
    assert set(outcomes) == {"served", "400 ThrottlingException"}
    assert invoke(account, "narrow")


def test_provisioned_concurrency_is_warm_measured_and_scaled(account: Account) -> None:
    account.endpoint("provisioned", serverless(4, provisioned=1))
    assert running(account, "provisioned") == 1
    invoke(account, "provisioned")
    where = {"EndpointName": "provisioned", "VariantName": "v1"}
    assert cold_starts(account, "provisioned") == 0
    assert sum(account.datapoints("ServerlessProvisionedConcurrencyInvocations", where)) == 1
    account.aws.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="sagemaker",
        ResourceId="endpoint/provisioned/variant/v1",
        ScalableDimension="sagemaker:variant:DesiredProvisionedConcurrency",
        MinCapacity=2,
        MaxCapacity=3,
    )
    eventually(lambda: running(account, "provisioned"), lambda count: count == 2)
    shown = account.settled("provisioned")["ProductionVariants"][0]
    assert shown["CurrentServerlessConfig"]["ProvisionedConcurrency"] == 2


def test_what_it_refuses(account: Account) -> None:
    account.endpoint("small", serverless(1))
    with pytest.raises(ClientError, match=r"ValidationError.* 4194304 bytes"):
        invoke(account, "small", b"1" * (4 * 1024 * 1024 + 1))
    with pytest.raises(ClientError, match=r"ModelError.*\(415\)"):
        account.runtime.invoke_endpoint(EndpointName="small", Body=b"<row/>", ContentType="application/xml")
    with pytest.raises(ClientError, match=r"ValidationError.* smaller .*not found"):
        invoke(account, "smaller")
    desired = {"VariantName": "v1", "DesiredInstanceCount": 2}
    with pytest.raises(ClientError, match="not supported for the serverless variant"):
        account.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName="small", DesiredWeightsAndCapacities=[desired]
        )


def test_serverless_may_go_to_instances_and_not_back(account: Account) -> None:
    account.endpoint("converted", serverless(1))
    instances = {"VariantName": "v1", "ModelName": "low", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    account.sagemaker.create_endpoint_config(EndpointConfigName="on-instances", ProductionVariants=[instances])
    account.sagemaker.update_endpoint(EndpointName="converted", EndpointConfigName="on-instances")
    assert account.settled("converted")["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    assert invoke(account, "converted")
    with pytest.raises(ClientError, match="instance-based endpoint to a serverless endpoint is not supported"):
        account.sagemaker.update_endpoint(EndpointName="converted", EndpointConfigName="converted")


def test_a_model_that_does_not_come_up_fails_the_endpoint(account: Account) -> None:
    account.model("exits", "script-exits")
    shown = account.endpoint("exits", {**serverless(1), "ModelName": "exits"})
    assert shown["EndpointStatus"] == "Failed"
    assert "Unable to successfully stand up your model" in shown["FailureReason"]


def test_an_image_that_is_not_played_fails_by_name(account: Account) -> None:
    model = account.model("torch-serverless", "low", image=OTHER_IMAGE)
    shown = account.endpoint("torch-serverless", {**serverless(1), "ModelName": model})
    assert shown["EndpointStatus"] == "Failed"
    assert OTHER_IMAGE in shown["FailureReason"]
