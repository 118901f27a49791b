"""A container with network isolation is given no way to AWS: no endpoint, no credentials of the model's role."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from localaws.context import Context
from localaws.services.sagemaker.containers.serving_process import credentials
from localaws.services.sagemaker.models.models import ContainerSpec

SPEC = ContainerSpec(image="i", model_data_url="s3://b/m.tar.gz", environment={}, role_arn="arn:role")


def context() -> Context:
    made: Any = SimpleNamespace(endpoint_url="http://aws", credentials=lambda role: {"AWS_ACCESS_KEY_ID": role})
    return cast(Context, made)


def test_an_ordinary_container_acts_under_the_models_role() -> None:
    assert credentials(context(), SPEC) == {"AWS_ENDPOINT_URL": "http://aws", "AWS_ACCESS_KEY_ID": "arn:role"}


def test_an_isolated_container_has_no_credentials() -> None:
    assert credentials(context(), replace(SPEC, is_isolated=True)) == {}
