"""Calls beyond the account's quotas, as the local AWS was told them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.quotas import Quotas
from localaws.tests.contract.services.sagemaker.serving.account import BUCKET, Account


@pytest.fixture
def quotas(account: Account) -> Iterator[Quotas]:
    context = account.aws.context
    before, context.quotas = context.quotas, Quotas()
    yield context.quotas
    context.quotas = before


def refusal(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**params)
    error = refused.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


def test_an_endpoint_on_a_type_that_the_account_does_not_have_is_refused(account: Account, quotas: Quotas) -> None:
    """New accounts have few instances of a type or none: CreateEndpoint declares ResourceLimitExceeded."""
    quotas.instances["ml.m5.4xlarge for endpoint usage"] = 0
    account.sagemaker.create_endpoint_config(
        EndpointConfigName="beyond",
        ProductionVariants=[
            {"VariantName": "v1", "ModelName": "low", "InstanceType": "ml.m5.4xlarge", "InitialInstanceCount": 1}
        ],
    )
    code, message = refusal(account.sagemaker.create_endpoint, EndpointName="beyond", EndpointConfigName="beyond")
    assert code == "ResourceLimitExceeded"
    assert "'ml.m5.4xlarge for endpoint usage' is 0 Instances" in message
    assert account.sagemaker.list_endpoints(NameContains="beyond")["Endpoints"] == []


def test_a_transform_job_beyond_the_quota_of_its_type_is_refused(account: Account, quotas: Quotas) -> None:
    quotas.instances["ml.m5.4xlarge for transform job usage"] = 1
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/in/"}}
    code, message = refusal(
        account.sagemaker.create_transform_job,
        TransformJobName="beyond",
        ModelName="low",
        TransformInput={"DataSource": source},
        TransformOutput={"S3OutputPath": f"s3://{BUCKET}/out/"},
        TransformResources={"InstanceType": "ml.m5.4xlarge", "InstanceCount": 2},
    )
    assert code == "ResourceLimitExceeded"
    assert "'ml.m5.4xlarge for transform job usage' is 1 Instances" in message
