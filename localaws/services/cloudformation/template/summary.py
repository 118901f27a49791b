"""What a template declares, without deploying it. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from localaws.services.cloudformation.template.document import iam_capabilities, transforms


def summarise(template: Mapping[str, Any], translated: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of GetTemplateSummary; ``translated`` is the template without transforms."""
    capability, types = iam_capabilities(translated)
    needed = [capability] if capability else []
    summary = {
        "Parameters": [_declared(name, item) for name, item in template.get("Parameters", {}).items()],
        "Description": template.get("Description"),
        "Capabilities": needed + (["CAPABILITY_AUTO_EXPAND"] if transforms(template) else []),
        "CapabilitiesReason": _reason(types),
        "ResourceTypes": sorted({str(each["Type"]) for each in template["Resources"].values()}),
        "Version": _text(template.get("AWSTemplateFormatVersion")),
        "Metadata": json.dumps(template["Metadata"]) if "Metadata" in template else None,
        "DeclaredTransforms": transforms(template),
    }
    return {name: value for name, value in summary.items() if value is not None}


def validated(template: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of ValidateTemplate, which does not look behind transforms."""
    capability, types = iam_capabilities(template)
    needed = [capability] if capability else []
    named = transforms(template)
    answer = {
        "Parameters": [_validated(name, item) for name, item in template.get("Parameters", {}).items()],
        "Description": template.get("Description"),
        "Capabilities": needed + (["CAPABILITY_AUTO_EXPAND"] if named else []),
        "CapabilitiesReason": _reason(types),
        "DeclaredTransforms": named,
    }
    return {name: value for name, value in answer.items() if value is not None}


def _reason(types: list[str]) -> str | None:
    return f"The following resource(s) require capabilities: [{', '.join(types)}]" if types else None


def _declared(name: str, declaration: Mapping[str, Any]) -> dict[str, Any]:
    """An item of GetTemplateSummary's parameters."""
    allowed = declaration.get("AllowedValues")
    constraints = {} if allowed is None else {"AllowedValues": [str(value) for value in allowed]}
    return {
        **_validated(name, declaration),
        "ParameterType": declaration.get("Type", "String"),
        "ParameterConstraints": constraints,
    }


def _validated(name: str, declaration: Mapping[str, Any]) -> dict[str, Any]:
    """An item of ValidateTemplate's parameters."""
    shown: dict[str, Any] = {"ParameterKey": name, "NoEcho": str(declaration.get("NoEcho", False)).lower() == "true"}
    if "Default" in declaration:
        shown["DefaultValue"] = str(declaration["Default"])
    if "Description" in declaration:
        shown["Description"] = declaration["Description"]
    return shown


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
