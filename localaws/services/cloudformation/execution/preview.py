"""What an update would do to each resource, as a change set shows it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from localaws.services.cloudformation.execution.deletion import keeps_on_deletion
from localaws.services.cloudformation.execution.environment import scope_with
from localaws.services.cloudformation.resources.handler import ResourceHandler, changed_properties
from localaws.services.cloudformation.resources.stack import DeployedResource
from localaws.services.cloudformation.template.errors import TemplateError
from localaws.services.cloudformation.template.intrinsics import TemplateScope, evaluate
from localaws.services.cloudformation.template.order import in_order
from localaws.services.cloudformation.template.plain import PlainTemplate

# How AWS writes a value that only the execution will know.
UNKNOWN = "{{changeSet:KNOWN_AFTER_APPLY}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedProperty:
    """A property with another value, and whether that makes a new resource: Never, Conditionally or Always."""

    name: str
    requires_recreation: str
    is_known: bool  # what its new value will be


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One resource that is added, modified or removed."""

    action: str  # Add, Modify or Remove
    logical_id: str
    type: str
    physical_id: str | None = None
    replacement: str | None = None  # of a modified one: True, False or Conditional
    policy_action: str | None = None  # what becomes of the one that is removed or replaced
    scope: tuple[str, ...] = ()
    properties: tuple[ChangedProperty, ...] = ()


def preview(
    deployed: Mapping[str, DeployedResource], template: PlainTemplate, handlers: Mapping[str, ResourceHandler]
) -> list[Change]:
    """Every change from what is deployed to the template; raises TemplateError for a resource with another type."""
    retyped = sorted(
        name for name, entry in template.resources.items() if name in deployed and deployed[name].type != entry["Type"]
    )
    if retyped:
        problem = "Update of resource type is not permitted. The new template modifies resource type of the following"
        raise TemplateError(f"{problem} resources: [{', '.join(retyped)}]")
    changes = []
    unknown: set[str] = set()
    for name in in_order(template.dependencies):
        entry = template.resources[name]
        if name not in deployed:
            changes.append(Change(action="Add", logical_id=name, type=entry["Type"]))
            unknown.add(name)
            continue
        scope = _scope(template, deployed, unknown)
        change = _modification(deployed[name], entry, scope, handlers[entry["Type"]].replaced_by)
        if change is not None:
            changes.append(change)
            if change.replacement != "False":
                unknown.add(name)
    changes += [_removal(each) for name, each in deployed.items() if name not in template.resources]
    return changes


def _scope(template: PlainTemplate, deployed: Mapping[str, DeployedResource], unknown: set[str]) -> TemplateScope:
    scope = scope_with(template, deployed)
    return replace(
        scope,
        ref=lambda name: UNKNOWN if name in unknown else scope.ref(name),
        attribute=lambda name, attribute: UNKNOWN if name in unknown else scope.attribute(name, attribute),
    )


def _modification(
    before: DeployedResource, entry: Mapping[str, Any], scope: TemplateScope, replaced_by: frozenset[str]
) -> Change | None:
    after: dict[str, Any] = {}
    for name, expression in entry.get("Properties", {}).items():
        after |= _evaluated(name, expression, scope)
    changed = tuple(
        _changed(name, after.get(name), replaced_by) for name in sorted(changed_properties(before.properties, after))
    )
    scopes = _scopes(before, entry, changed)
    if not scopes:
        return None
    recreations = {each.requires_recreation for each in changed}
    replacement = "True" if "Always" in recreations else "Conditional" if "Conditionally" in recreations else "False"
    kept = entry.get("UpdateReplacePolicy", "Delete") == "Retain"
    return Change(
        action="Modify",
        logical_id=before.logical_id,
        type=before.type,
        physical_id=before.physical_id,
        replacement=replacement,
        policy_action=None if replacement == "False" else "ReplaceAndRetain" if kept else "ReplaceAndDelete",
        scope=scopes,
        properties=changed,
    )


def _evaluated(name: str, expression: Any, scope: TemplateScope) -> dict[str, Any]:
    """The property with its value, or without when the value is AWS::NoValue."""
    try:
        evaluated: dict[str, Any] = evaluate({name: expression}, scope)
    except TemplateError:
        return {name: UNKNOWN}  # a function of a value that is not known yet; the execution says if it is wrong
    return evaluated


def _changed(name: str, value: Any, replaced_by: frozenset[str]) -> ChangedProperty:
    is_known = UNKNOWN not in str(value)
    recreation = "Never" if name not in replaced_by else "Always" if is_known else "Conditionally"
    return ChangedProperty(name=name, requires_recreation=recreation, is_known=is_known)


def _scopes(
    before: DeployedResource, entry: Mapping[str, Any], changed: tuple[ChangedProperty, ...]
) -> tuple[str, ...]:
    differs = {
        "Properties": bool(changed),
        "Metadata": dict(before.metadata) != entry.get("Metadata", {}),
        "DeletionPolicy": before.deletion_policy != entry.get("DeletionPolicy", "Delete"),
        "UpdateReplacePolicy": before.replace_policy != entry.get("UpdateReplacePolicy", "Delete"),
    }
    return tuple(name for name, is_changed in differs.items() if is_changed)


def _removal(resource: DeployedResource) -> Change:
    return Change(
        action="Remove",
        logical_id=resource.logical_id,
        type=resource.type,
        physical_id=resource.physical_id,
        policy_action="Retain" if keeps_on_deletion(resource) else "Delete",
    )
