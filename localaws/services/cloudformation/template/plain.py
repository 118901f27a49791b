"""A template without transforms, checked as a whole before anything is made of it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from localaws.services.cloudformation.template.conditions import evaluate_conditions
from localaws.services.cloudformation.template.errors import TemplateError
from localaws.services.cloudformation.template.intrinsics import TemplateScope
from localaws.services.cloudformation.template.order import dependency_graph, in_order
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
_RESOURCE_KEYS = {
    "Condition",
    "DeletionPolicy",
    "DependsOn",
    "Metadata",
    "Properties",
    "Type",
    "UpdateReplacePolicy",
}
_POLICIES = {
    "DeletionPolicy": ("Delete", "Retain", "RetainExceptOnCreate"),  # Snapshot: for types that are not here
    "UpdateReplacePolicy": ("Delete", "Retain"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainTemplate:
    """What a template says for these parameters; resources and outputs whose condition does not hold are left out."""

    template: Mapping[str, Any]
    parameters: Mapping[str, str]  # each declared one as a text
    scope: TemplateScope  # knows parameters, mappings and conditions, but no resource
    resources: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, Mapping[str, Any]]
    dependencies: Mapping[str, frozenset[str]]  # of each resource, by logical id

    @property
    def description(self) -> str:
        return str(self.template.get("Description", ""))


def read_plain(
    template: Mapping[str, Any],
    given: Mapping[str, str],
    *,
    pseudo_parameters: Mapping[str, Any],
    known_types: Collection[str],
) -> PlainTemplate:
    """Check the whole template; raises TemplateError for what is wrong or not known here, by name."""
    _refuse_unknown("section", template.keys() - _SECTIONS)
    declared = resolve_parameters(template.get("Parameters", {}), given)
    blank = TemplateScope(
        parameters={**pseudo_parameters, **declared},
        mappings=template.get("Mappings", {}),
        conditions={},
        ref=_nothing,
        attribute=_nothing,
    )
    conditions = evaluate_conditions(template.get("Conditions", {}), blank)
    resources = _wanted(template["Resources"], conditions)
    for logical_id, resource in resources.items():
        _check_resource(logical_id, resource, known_types)
    dependencies = dependency_graph(resources, conditions)
    in_order(dependencies)  # refuses a circle
    return PlainTemplate(
        template=template,
        parameters={name: _as_text(value) for name, value in declared.items()},
        scope=replace(blank, conditions=conditions),
        resources=resources,
        outputs=_wanted(template.get("Outputs", {}), conditions),
        dependencies=dependencies,
    )


def _wanted(section: Mapping[str, Any], conditions: Mapping[str, bool]) -> dict[str, Any]:
    """What is left of a section when the conditions of its entries are applied."""
    for name, entry in section.items():
        if "Condition" in entry and entry["Condition"] not in conditions:
            raise TemplateError(f"{name}: no condition {entry['Condition']!r}")
    return {name: entry for name, entry in section.items() if conditions.get(entry.get("Condition"), True)}


def _check_resource(logical_id: str, resource: Mapping[str, Any], known_types: Collection[str]) -> None:
    kind = resource["Type"]
    if kind not in known_types:
        raise TemplateError(f"resource {logical_id}: type {kind} is not supported by the local CloudFormation")
    _refuse_unknown(f"resource {logical_id}: attribute", resource.keys() - _RESOURCE_KEYS)
    for name, allowed in _POLICIES.items():
        value = resource.get(name, "Delete")
        if value not in allowed:
            problem = f"{name} {value!r} is not one of {', '.join(allowed)}"
            raise TemplateError(f"resource {logical_id}: {problem}")


def _nothing(name: str, *_attribute: str) -> Any:
    raise TemplateError(f"nothing is called {name}")


def _as_text(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


def _refuse_unknown(what: str, names: set[str]) -> None:
    if names:
        raise TemplateError(f"{what} {', '.join(sorted(names))} is not supported by the local CloudFormation")
