"""The environment that a transform job is given."""

from __future__ import annotations

from typing import Any

import pytest
from sluice.transform.jobs import Transforms

from tests.builders.aws_clients import client_error, translating

PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/sluice-dev-fraud/7"
REQUEST: dict[str, Any] = {"TransformJobName": "j", "ModelName": "m", "Environment": {"OURS": "1"}}


class SageMaker:
    """One model of a package; ``package`` is the environment of its container, None when it is gone."""

    def __init__(self, package: dict[str, str] | None, model: dict[str, str]) -> None:
        self._package, self._model = package, model
        self.sent: dict[str, Any] = {}

    def describe_model(self, **_: str) -> dict[str, Any]:
        return {"PrimaryContainer": {"ModelPackageName": PACKAGE, "Environment": self._model}}

    def describe_model_package(self, **_: str) -> dict[str, Any]:
        if self._package is None:
            raise client_error("DescribeModelPackage", "ValidationException", "ModelPackage does not exist")
        return {"InferenceSpecification": {"Containers": [{"Environment": self._package}]}}

    def create_transform_job(self, **request: Any) -> None:
        self.sent = request


@pytest.mark.parametrize(
    ("package", "model", "sent"),
    [
        pytest.param({"A": "1"}, {"B": "2"}, {"A": "1", "B": "2", "OURS": "1"}, id="all"),
        pytest.param({"A": "1", "OURS": "0"}, {"A": "2"}, {"A": "2", "OURS": "1"}, id="the last word is ours"),
        pytest.param({f"OWN_{number}": "x" for number in range(16)}, {}, None, id="more than a job can have"),
        pytest.param(None, {"B": "2"}, None, id="the package is gone"),
    ],
)
def test_a_job_is_given_the_whole_environment_or_none(
    package: dict[str, str] | None, model: dict[str, str], sent: dict[str, str] | None
) -> None:
    sagemaker = SageMaker(package, model)
    Transforms(translating(sagemaker)).create(REQUEST)
    assert sagemaker.sent.get("Environment") == sent


def test_a_job_that_needs_nothing_asks_for_nothing() -> None:
    sagemaker = SageMaker(None, {})
    request = {key: value for key, value in REQUEST.items() if key != "Environment"}
    Transforms(translating(sagemaker)).create(request)
    assert sagemaker.sent == request
