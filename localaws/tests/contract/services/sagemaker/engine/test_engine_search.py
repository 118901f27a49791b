"""Search: finds groups, versions and jobs by their properties."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.tests.contract.services.sagemaker.engine.conftest import IMAGE, Engine


def found(engine_aws: Engine, resource: str, *filters: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    answer = engine_aws.sagemaker.search(Resource=resource, SearchExpression={"Filters": list(filters)}, **more)
    return [result[resource] for result in answer["Results"]]


def test_a_group_is_found_by_its_name_and_one_that_is_not_there_is_not(engine_aws: Engine) -> None:
    """Estimator.register of the SageMaker SDK looks so whether it has to make the group."""
    for name in ("searched", "searched-too"):
        engine_aws.sagemaker.create_model_package_group(ModelPackageGroupName=name)
    by_name = {"Name": "ModelPackageGroupName", "Operator": "Equals"}
    (group,) = found(engine_aws, "ModelPackageGroup", {**by_name, "Value": "searched"})
    assert group["ModelPackageGroupName"] == "searched"
    assert found(engine_aws, "ModelPackageGroup", {**by_name, "Value": "absent"}) == []


def test_versions_are_found_by_numbers_and_tags_and_sorted(engine_aws: Engine) -> None:
    client = engine_aws.sagemaker
    tags = [{"Key": "team", "Value": "risk"}]
    client.create_model_package_group(ModelPackageGroupName="versions-searched", Tags=tags)
    inference = {
        "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://lake/model.tar.gz"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    for _ in range(3):
        client.create_model_package(ModelPackageGroupName="versions-searched", InferenceSpecification=inference)
    of_group = {"Name": "ModelPackageGroupName", "Value": "versions-searched"}
    later = {"Name": "ModelPackageVersion", "Operator": "GreaterThan", "Value": "1"}
    by = {"SortBy": "ModelPackageVersion", "SortOrder": "Ascending"}
    assert [each["ModelPackageVersion"] for each in found(engine_aws, "ModelPackage", of_group, later, **by)] == [2, 3]
    (group,) = found(engine_aws, "ModelPackageGroup", {"Name": "Tags.team", "Value": "risk"})
    assert group["ModelPackageGroupName"] == "versions-searched"


@pytest.mark.parametrize(
    ("resource", "given", "code"),
    [
        ("ModelPackage", {"Name": "NoSuchProperty", "Value": "x"}, "ValidationException"),
        ("ModelPackage", {"Name": "ModelPackageArn", "Operator": "GreaterThan", "Value": "x"}, "ValidationException"),
        ("ModelPackage", {"Name": "ModelPackageVersion", "Value": "three"}, "ValidationException"),
        ("Experiment", {"Name": "ExperimentName", "Value": "x"}, "NotImplemented"),
    ],
)
def test_what_cannot_be_searched_is_refused(
    engine_aws: Engine, resource: str, given: dict[str, str], code: str
) -> None:
    with pytest.raises(ClientError) as refused:
        found(engine_aws, resource, given)
    assert refused.value.response["Error"]["Code"] == code
