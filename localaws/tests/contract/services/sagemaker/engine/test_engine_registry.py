"""The model registry, through the API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.services.sagemaker.registry.registry import Registry
from localaws.tests.contract.services.sagemaker.engine.conftest import IMAGE, ROLE, Engine

INFERENCE = {
    "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://lake/model.tar.gz"}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}


@pytest.fixture
def group(engine_aws: Engine, request: pytest.FixtureRequest) -> str:
    name: str = request.node.name.split("[")[0].replace("_", "-")[:60].rstrip("-")
    engine_aws.sagemaker.create_model_package_group(ModelPackageGroupName=name)
    return name


def register(engine_aws: Engine, group: str, **more: Any) -> str:
    made = engine_aws.sagemaker.create_model_package(
        ModelPackageGroupName=group, InferenceSpecification=INFERENCE, **more
    )
    return str(made["ModelPackageArn"])


def test_versions_are_numbered_and_never_reused(engine_aws: Engine, group: str) -> None:
    assert register(engine_aws, group).endswith(f"/{group}/1")
    second = register(engine_aws, group)
    engine_aws.sagemaker.delete_model_package(ModelPackageName=second)
    assert register(engine_aws, group).endswith(f"/{group}/3")


def test_approval_is_announced_with_the_fields_that_changed(engine_aws: Engine, group: str) -> None:
    arn = register(engine_aws, group)
    engine_aws.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    engine_aws.sagemaker.update_model_package(ModelPackageArn=arn, CustomerMetadataProperties={"rollout": "r-1"})
    created, approved, noted = [event["detail"] for event in engine_aws.announced.about(arn)]
    assert "UpdatedModelPackageFields" not in created
    assert approved["UpdatedModelPackageFields"] == ["ModelApprovalStatus"]
    assert (noted["ModelApprovalStatus"], noted["UpdatedModelPackageFields"]) == (
        "Approved",
        ["CustomerMetadataProperties"],
    )


def test_listing_filters_sorts_and_pages(engine_aws: Engine, group: str) -> None:
    arns = [register(engine_aws, group) for _ in range(3)]
    engine_aws.sagemaker.update_model_package(ModelPackageArn=arns[0], ModelApprovalStatus="Approved")
    waiting = {"ModelPackageGroupName": group, "ModelApprovalStatus": "PendingManualApproval"}
    first = engine_aws.sagemaker.list_model_packages(**waiting, SortOrder="Descending", MaxResults=1)
    assert [found["ModelPackageVersion"] for found in first["ModelPackageSummaryList"]] == [3]
    rest = engine_aws.sagemaker.list_model_packages(
        **waiting, SortOrder="Descending", MaxResults=1, NextToken=first["NextToken"]
    )
    assert [found["ModelPackageVersion"] for found in rest["ModelPackageSummaryList"]] == [2]
    assert "NextToken" not in rest


def test_a_repeated_token_changes_nothing_again(engine_aws: Engine, group: str) -> None:
    arn = register(engine_aws, group)
    for description in ("first", "second"):
        engine_aws.sagemaker.update_model_package(
            ModelPackageArn=arn, ApprovalDescription=description, ClientToken="token-of-this-test"
        )
    described = engine_aws.sagemaker.describe_model_package(ModelPackageName=arn)
    assert described["ApprovalDescription"] == "first"


def test_tags_end_with_their_resource(engine_aws: Engine) -> None:
    tags = [{"Key": "team", "Value": "risk"}]
    client = engine_aws.sagemaker
    arn = client.create_model_package_group(ModelPackageGroupName="tagged", Tags=tags)["ModelPackageGroupArn"]
    assert client.list_tags(ResourceArn=arn)["Tags"] == tags
    client.delete_model_package_group(ModelPackageGroupName="tagged")
    client.create_model_package_group(ModelPackageGroupName="tagged")
    assert client.list_tags(ResourceArn=arn)["Tags"] == []


@pytest.mark.parametrize(
    ("act", "named"),
    [
        (lambda client: client.describe_model_package(ModelPackageName="nope"), "does not exist"),
        (lambda client: client.describe_model_package_group(ModelPackageGroupName="nope"), "does not exist"),
        (lambda client: client.create_model_package(ModelPackageGroupName="nope"), "does not exist"),
        (lambda client: client.create_model_package_group(ModelPackageGroupName="a b"), "regular expression"),
    ],
)
def test_refusals_are_validation_exceptions(engine_aws: Engine, act: Callable[[Any], object], named: str) -> None:
    with pytest.raises(ClientError, match=named) as refusal:
        act(engine_aws.sagemaker)
    assert refusal.value.response["Error"]["Code"] == "ValidationException"


def test_a_group_with_versions_cannot_be_deleted(engine_aws: Engine, group: str) -> None:
    register(engine_aws, group)
    with pytest.raises(ClientError, match="still contains"):
        engine_aws.sagemaker.delete_model_package_group(ModelPackageGroupName=group)


@pytest.fixture
def registry(engine_aws: Engine) -> Iterator[Registry]:
    (found,) = (service for service in engine_aws.aws.services if isinstance(service, Registry))
    yield found
    found.status_of_new = "Completed"


def test_a_package_may_be_in_progress_and_fail(engine_aws: Engine, group: str, registry: Registry) -> None:
    registry.status_of_new = "InProgress"
    arn = register(engine_aws, group, ModelApprovalStatus="Approved")
    with pytest.raises(ClientError, match="its status is InProgress"):
        engine_aws.sagemaker.create_model(
            ModelName="too-early", PrimaryContainer={"ModelPackageName": arn}, ExecutionRoleArn=ROLE
        )
    registry.move_on(arn, "Failed", "the image could not be pulled")
    found = engine_aws.sagemaker.describe_model_package(ModelPackageName=arn)
    assert (found["ModelPackageStatus"], found["ModelApprovalStatus"]) == ("Failed", "Approved")
    assert found["ModelPackageStatusDetails"]["ValidationStatuses"][0]["FailureReason"] == (
        "the image could not be pulled"
    )
    statuses = [event["detail"]["ModelPackageStatus"] for event in engine_aws.announced.about(arn)]
    assert statuses == ["InProgress", "Failed"]


def test_a_failed_package_takes_updates_or_does_not(engine_aws: Engine, group: str, registry: Registry) -> None:
    registry.status_of_new = "InProgress"
    arn = register(engine_aws, group, ModelApprovalStatus="Approved")
    registry.move_on(arn, "Failed", "the image could not be pulled")
    note = {"ModelPackageArn": arn, "CustomerMetadataProperties": {"note": "never served"}}
    engine_aws.aws.context.choices.failed_package_takes_updates = False
    try:
        with pytest.raises(ClientError, match="its status is Failed"):
            engine_aws.sagemaker.update_model_package(**note)
    finally:
        engine_aws.aws.context.choices.failed_package_takes_updates = True
    engine_aws.sagemaker.update_model_package(**note)


def test_without_a_group_or_a_type_only_unversioned_packages_are_listed(engine_aws: Engine, group: str) -> None:
    """So says the service model of ModelPackageType; there are none here."""
    arn = register(engine_aws, group)
    listed = engine_aws.sagemaker.list_model_packages

    def arns(**given: str) -> list[str]:
        return [each["ModelPackageArn"] for each in listed(**given, MaxResults=100)["ModelPackageSummaryList"]]

    assert arns() == []
    assert arns(ModelPackageGroupName=group) == [arn]
    assert arn in arns(ModelPackageType="Versioned")
    assert arn in arns(ModelPackageType="Both")
    assert arns(ModelPackageGroupName=group, ModelPackageType="Unversioned") == []
