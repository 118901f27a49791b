"""The environment that a model's container gets from its model package and from CreateModel.

Whether an environment that is given beside a package's, or a transform job's beside the model's, is merged with it or
takes its place is not documented. What is sent is therefore always the whole: the same under both readings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.errors import AwsRefusedError

_MISSING = ("ValidationException", "ResourceNotFound")


def environment_of_package(client: Any, package: str) -> dict[str, str]:
    """The environment of the package's container (DescribeModelPackage); of the first one, should it have several."""
    specification = client.describe_model_package(ModelPackageName=package).get("InferenceSpecification", {})
    return _of_first(specification.get("Containers", ()))


def environment_of_model(client: Any, model: str) -> dict[str, str] | None:
    """The environment with which a model was made, that of its package included; None if one of them is gone."""
    try:
        found = client.describe_model(ModelName=model)
        containers = [found["PrimaryContainer"]] if found.get("PrimaryContainer") else found.get("Containers", ())
        package = containers[0].get("ModelPackageName") if containers else None
        own = environment_of_package(client, package) if package else {}
    except AwsRefusedError as error:
        if error.code in _MISSING:
            return None
        raise
    return {**own, **_of_first(containers)}


def _of_first(containers: Any) -> dict[str, str]:
    first: Mapping[str, Any] = containers[0] if containers else {}
    return dict(first.get("Environment") or {})
