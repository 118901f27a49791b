"""A stack's parameters: given values checked against the template, defaults filled in. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from localaws.services.cloudformation.template.errors import TemplateError

_KNOWN_TYPES = ("String", "Number", "CommaDelimitedList", "List<Number>")


def resolve_parameters(declared: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """The value of each declared parameter, a list for list types; a TemplateError names the parameter."""
    unknown = sorted(given.keys() - declared.keys())
    if unknown:
        raise TemplateError(f"the template has no parameter {', '.join(unknown)}")
    return {name: _value(name, declaration, given) for name, declaration in declared.items()}


def _value(name: str, declaration: Mapping[str, Any], given: Mapping[str, str]) -> Any:
    kind = declaration.get("Type", "String")
    if kind not in _KNOWN_TYPES:
        raise TemplateError(f"parameter {name}: type {kind} is not supported")
    if name not in given and "Default" not in declaration:
        raise TemplateError(f"parameter {name} has no default and needs a value")
    text = str(given[name] if name in given else declaration["Default"])
    values = [item.strip() for item in text.split(",")] if "List" in kind else [text]
    for value in values:
        _check(name, value, declaration)
    return values if "List" in kind else text


def _check(name: str, value: str, declaration: Mapping[str, Any]) -> None:
    for wrong in _violations(value, declaration):
        explanation = declaration.get("ConstraintDescription", wrong)
        raise TemplateError(f"parameter {name}: {value!r} {explanation}")


def _violations(value: str, declaration: Mapping[str, Any]) -> list[str]:
    found = []
    allowed = [str(item) for item in declaration.get("AllowedValues", [])]
    if allowed and value not in allowed:
        found.append(f"is not one of {', '.join(allowed)}")
    pattern = declaration.get("AllowedPattern")
    if pattern and not re.fullmatch(pattern, value):
        found.append(f"does not match {pattern}")
    if not int(declaration.get("MinLength", 0)) <= len(value) <= int(declaration.get("MaxLength", 4096)):
        found.append("is too short or too long")
    if "Number" in declaration.get("Type", ""):
        found += _number_violations(value, declaration)
    return found


def _number_violations(value: str, declaration: Mapping[str, Any]) -> list[str]:
    try:
        number = float(value)
    except ValueError:
        return ["is not a number"]
    least, most = declaration.get("MinValue", "-inf"), declaration.get("MaxValue", "inf")
    return [] if float(least) <= number <= float(most) else [f"is not between {least} and {most}"]
