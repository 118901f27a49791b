"""Where a template is deployed to, and what the names in it stand for there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from localaws.services.cloudformation.resources.handler import ResourceHandler
from localaws.services.cloudformation.resources.stack import DeployedResource
from localaws.services.cloudformation.template.errors import TemplateError
from localaws.services.cloudformation.template.intrinsics import TemplateScope
from localaws.services.cloudformation.template.plain import PlainTemplate


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentEnvironment:
    """The account and region, the AWS API there, and what can be made by it."""

    account: str
    region: str
    client: Callable[[str], Any]  # botocore client of a service
    now: Callable[[], datetime]
    handlers: Mapping[str, ResourceHandler]
    at_once: int = 4  # resources that do not depend on each other


def scope_with(template: PlainTemplate, resources: Mapping[str, DeployedResource]) -> TemplateScope:
    """The template's scope, with these resources for ``Ref`` and ``Fn::GetAtt``."""

    def existing(name: str) -> DeployedResource:
        if name not in resources:
            raise TemplateError(f"nothing is called {name}")
        return resources[name]

    def attribute(logical_id: str, name: str) -> str:
        resource = existing(logical_id)
        if name not in resource.attributes:
            raise TemplateError(f"{resource.type} {logical_id} has no attribute {name}")
        return resource.attributes[name]

    return replace(template.scope, ref=lambda name: existing(name).physical_id, attribute=attribute)
