"""A model of a package keeps the package's environment and gets ours, whatever SageMaker does with both."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sluice.endpoint.hosting import Endpoints

from localaws.choices import Choices
from localaws.context import Context
from localaws.service_api import AwsError
from localaws.services.sagemaker.models.models import Models
from tests.builders.aws_clients import client_error, translating

PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/sluice-dev-fraud/7"
OWN = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
OURS = {"SAGEMAKER_MODEL_SERVER_TIMEOUT": "900"}


class SageMaker:
    """CreateModel of the local AWS, with one package."""

    def __init__(self, choices: Choices, environment: dict[str, str]) -> None:
        self._container = {"Image": "image", "ModelDataUrl": "s3://b/model.tar.gz", "Environment": environment}
        context = SimpleNamespace(
            region="us-east-1",
            account="123456789012",
            now=lambda: datetime(2026, 11, 30, tzinfo=UTC),
            choices=choices,
            client=lambda _service, _role: self,
        )
        self._models = Models(cast(Context, context))

    def describe_model_package(self, ModelPackageName: str) -> dict[str, Any]:
        assert ModelPackageName == PACKAGE
        return {"ModelPackageStatus": "Completed", "InferenceSpecification": {"Containers": [self._container]}}

    def create_model(self, **params: Any) -> Any:
        try:
            return self._models.create(params, cast(Any, None))
        except AwsError as error:
            raise client_error("CreateModel", error.code, error.message) from error

    def environment(self, model: str) -> dict[str, str]:
        return dict(self._models.store.get(model).container.environment)


def made(reading: Any, own: dict[str, str], added: dict[str, str]) -> dict[str, str]:
    sagemaker = SageMaker(Choices(added_environment=reading), own)
    Endpoints(translating(sagemaker)).create_model("m", PACKAGE, "arn:aws:iam::123456789012:role/model", added)
    return sagemaker.environment("m")


@pytest.mark.parametrize("reading", ["merge", "replace"])
def test_a_container_gets_the_packages_environment_and_ours(reading: str) -> None:
    assert made(reading, OWN, OURS) == OWN | OURS
    assert made(reading, OWN | {"SAGEMAKER_MODEL_SERVER_TIMEOUT": "1"}, OURS) == OWN | OURS


def test_where_sagemaker_refuses_both_the_package_has_its_own() -> None:
    assert made("refuse", OWN, OURS) == OWN
    assert made("refuse", {}, OURS) == OURS


@pytest.mark.parametrize("reading", ["merge", "replace", "refuse"])
def test_nothing_is_asked_for_beside_the_package_without_need(reading: str) -> None:
    assert made(reading, OWN, {}) == OWN
