"""Makes the resources of a plain CloudFormation template one by one, each after what it refers to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from localaws.services.cloudformation.resources.creation import Creation
from localaws.services.cloudformation.resources.handler import ResourceHandler
from localaws.services.cloudformation.resources.stack import DeployedResource, Made, Output, Stack
from localaws.services.cloudformation.template.conditions import evaluate_conditions
from localaws.services.cloudformation.template.errors import DeployError, TemplateError
from localaws.services.cloudformation.template.intrinsics import TemplateScope, evaluate
from localaws.services.cloudformation.template.order import creation_order
from localaws.services.cloudformation.template.parameters import resolve_parameters

_SECTIONS = {
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
}
# What a resource may say beside its properties. The policies matter on update and delete: never here.
_RESOURCE_KEYS = {
    "Condition",
    "DeletionPolicy",
    "DependsOn",
    "Metadata",
    "Properties",
    "Type",
    "UpdateReplacePolicy",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentEnvironment:
    """Where a template is deployed to."""

    account: str
    region: str
    client: Callable[[str], Any]  # botocore client of a service
    now: Callable[[], datetime]
    handlers: Mapping[str, ResourceHandler]
    on_resource: Callable[[DeployedResource], None] = lambda _resource: None


class Deployment:
    """One template on its way to becoming one stack."""

    def __init__(self, template: Mapping[str, Any], stack: Stack, surroundings: DeploymentEnvironment) -> None:
        """Checks the whole template before anything is made; raises TemplateError."""
        self._around = surroundings
        self._stack = stack
        _refuse_unknown("section", template.keys() - _SECTIONS)
        declared = resolve_parameters(template.get("Parameters", {}), stack.parameters)
        stack.parameters = {name: _as_text(value) for name, value in declared.items()}
        blank = TemplateScope(
            parameters=_pseudo_parameters(stack, surroundings) | declared,
            mappings=template.get("Mappings", {}),
            conditions={},
            ref=self._ref,
            attribute=self._attribute,
        )
        self._conditions = evaluate_conditions(template.get("Conditions", {}), blank)
        self._scope = replace(blank, conditions=self._conditions)
        self._resources = self._wanted(template["Resources"])
        self._outputs = self._wanted(template.get("Outputs", {}))
        for logical_id, resource in self._resources.items():
            self._check_resource(logical_id, resource)
        self._order = creation_order(self._resources, self._conditions)

    def _wanted(self, section: Mapping[str, Any]) -> dict[str, Any]:
        """What is left of a section when the conditions of its entries are applied."""
        for name, entry in section.items():
            if "Condition" in entry and entry["Condition"] not in self._conditions:
                raise TemplateError(f"{name}: no condition {entry['Condition']!r}")
        return {name: entry for name, entry in section.items() if self._conditions.get(entry.get("Condition"), True)}

    def _check_resource(self, logical_id: str, resource: Mapping[str, Any]) -> None:
        kind = resource.get("Type", "")
        if kind not in self._around.handlers:
            problem = f"type {kind} is not supported by the local CloudFormation"
            raise TemplateError(f"resource {logical_id}: {problem}")
        _refuse_unknown(f"resource {logical_id}: attribute", resource.keys() - _RESOURCE_KEYS)

    def run(self) -> None:
        """Make every resource, then the outputs; raises DeployError naming the resource that failed."""
        for logical_id in self._order:
            started = self._around.now()
            made, properties = self._make(logical_id, self._resources[logical_id])
            resource = DeployedResource(
                logical_id=logical_id,
                type=self._resources[logical_id]["Type"],
                physical_id=made.physical_id,
                attributes=made.attributes,
                properties=properties,
                created_at=started,
                duration_seconds=(self._around.now() - started).total_seconds(),
            )
            self._stack.resources[logical_id] = resource
            self._around.on_resource(resource)
        for name, entry in self._outputs.items():
            self._stack.outputs[name] = self._output(name, entry)

    def _make(self, logical_id: str, resource: Mapping[str, Any]) -> tuple[Made, Mapping[str, Any]]:
        kind = resource["Type"]
        try:
            creation = Creation(
                stack=self._stack.name,
                logical_id=logical_id,
                type=kind,
                account=self._around.account,
                region=self._around.region,
                properties=evaluate(resource.get("Properties", {}), self._scope),
                client=self._around.client,
            )
            made = self._around.handlers[kind].create(creation)
            creation.refuse_unused()
        except (TemplateError, ClientError, ParamValidationError) as error:
            raise DeployError(self._stack.name, logical_id, kind, str(error)) from error
        return made, creation.properties

    def _output(self, name: str, entry: Mapping[str, Any]) -> Output:
        export = entry.get("Export", {}).get("Name")
        try:
            return Output(
                value=str(evaluate(entry["Value"], self._scope)),
                description=entry.get("Description", ""),
                export=None if export is None else str(evaluate(export, self._scope)),
            )
        except TemplateError as error:
            raise TemplateError(f"output {name}: {error}") from error

    def _ref(self, name: str) -> str:
        return self._existing(name).physical_id

    def _attribute(self, logical_id: str, name: str) -> str:
        resource = self._existing(logical_id)
        if name not in resource.attributes:
            raise TemplateError(f"{resource.type} {logical_id} has no attribute {name}")
        return resource.attributes[name]

    def _existing(self, name: str) -> DeployedResource:
        if name not in self._stack.resources:
            raise TemplateError(f"nothing is called {name}")
        return self._stack.resources[name]


def _pseudo_parameters(stack: Stack, around: DeploymentEnvironment) -> dict[str, Any]:
    return {
        "AWS::AccountId": around.account,
        "AWS::NotificationARNs": [],
        "AWS::Partition": "aws",
        "AWS::Region": around.region,
        "AWS::StackId": stack.arn,
        "AWS::StackName": stack.name,
        "AWS::URLSuffix": "amazonaws.com",
    }


def _as_text(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


def _refuse_unknown(what: str, names: set[str]) -> None:
    if names:
        raise TemplateError(f"{what} {', '.join(sorted(names))} is not supported by the local CloudFormation")
