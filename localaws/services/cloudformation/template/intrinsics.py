"""CloudFormation's intrinsic functions: what an expression in a template stands for. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localaws.services.cloudformation.template.errors import TemplateError


class NoValue:
    """What ``AWS::NoValue`` stands for: the property or list item is as if it had not been written."""


NO_VALUE = NoValue()

SUBSTITUTION = re.compile(r"\$\{(?P<literal>!?)(?P<name>[^}]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateScope:
    """What the names in an expression stand for."""

    parameters: Mapping[str, Any]  # incl. pseudo parameters such as AWS::Region
    mappings: Mapping[str, Mapping[str, Mapping[str, Any]]]
    conditions: Mapping[str, bool]
    ref: Callable[[str], Any]  # of a resource that exists; raises TemplateError for any other name
    attribute: Callable[[str, str], Any]


def evaluate(value: Any, scope: TemplateScope) -> Any:
    """The value with every function in it replaced by its result; raises TemplateError."""
    call = function_call(value)
    if call is not None:
        name, argument = call
        return _function(name)(argument, scope)
    if isinstance(value, dict):
        items = ((key, evaluate(item, scope)) for key, item in value.items())
        return {key: item for key, item in items if item is not NO_VALUE}
    if isinstance(value, list):
        return [item for item in (evaluate(item, scope) for item in value) if item is not NO_VALUE]
    if isinstance(value, str) and "{{resolve:" in value:
        raise TemplateError(f"dynamic references are not supported: {value}")
    return value


def function_call(value: Any, *, also: tuple[str, ...] = ()) -> tuple[str, Any] | None:
    """``(name, argument)`` when the value is a call of an intrinsic function."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((name, argument),) = value.items()
    is_call = isinstance(name, str) and (name == "Ref" or name.startswith("Fn::") or name in also)
    return (name, argument) if is_call else None


def _function(name: str) -> Callable[[Any, TemplateScope], Any]:
    if name not in _FUNCTIONS:
        raise TemplateError(f"function {name} is not supported")
    return _FUNCTIONS[name]


def _ref(argument: Any, scope: TemplateScope) -> Any:
    if argument == "AWS::NoValue":
        return NO_VALUE
    return scope.parameters[argument] if argument in scope.parameters else scope.ref(argument)


def _get_att(argument: Any, scope: TemplateScope) -> Any:
    logical_id, attribute = attribute_path(argument)
    return scope.attribute(logical_id, str(evaluate(attribute, scope)))


def attribute_path(argument: Any) -> tuple[str, Any]:
    if isinstance(argument, str):
        logical_id, _, attribute = argument.partition(".")
        return logical_id, attribute
    logical_id, attribute = arguments("Fn::GetAtt", argument, 2)
    return str(logical_id), attribute


def _sub(argument: Any, scope: TemplateScope) -> str:
    text, variables = sub_arguments(argument)

    def replace(match: re.Match[str]) -> str:
        name = match["name"]
        if match["literal"]:
            return f"${{{name}}}"
        if name in variables:
            return _text(evaluate(variables[name], scope))
        if "." in name:
            return _text(_get_att(name, scope))
        return _text(_ref(name, scope))

    return SUBSTITUTION.sub(replace, text)


def sub_arguments(argument: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(argument, str):
        return argument, {}
    text, variables = arguments("Fn::Sub", argument, 2)
    if not isinstance(text, str) or not isinstance(variables, dict):
        raise TemplateError("Fn::Sub takes a string, or a string and a map")
    return text, variables


def _join(argument: Any, scope: TemplateScope) -> str:
    delimiter, items = arguments("Fn::Join", argument, 2)
    return str(delimiter).join(_text(item) for item in _list("Fn::Join", items, scope))


def _split(argument: Any, scope: TemplateScope) -> list[str]:
    delimiter, text = arguments("Fn::Split", argument, 2)
    return _text(evaluate(text, scope)).split(str(delimiter))


def _select(argument: Any, scope: TemplateScope) -> Any:
    index, items = arguments("Fn::Select", argument, 2)
    position, among = int(evaluate(index, scope)), _list("Fn::Select", items, scope)
    if not 0 <= position < len(among):
        raise TemplateError(f"Fn::Select: no item {position} in a list of {len(among)}")
    return among[position]


def _find_in_map(argument: Any, scope: TemplateScope) -> Any:
    keys = [str(evaluate(key, scope)) for key in arguments("Fn::FindInMap", argument, 3)]
    found: Any = scope.mappings
    for key in keys:
        if not isinstance(found, Mapping) or key not in found:
            raise TemplateError(f"Fn::FindInMap: no {'.'.join(keys)}")
        found = found[key]
    return found


def _if(argument: Any, scope: TemplateScope) -> Any:
    name, when_true, when_false = arguments("Fn::If", argument, 3)
    return evaluate(when_true if _condition(name, scope) else when_false, scope)


def _condition(name: Any, scope: TemplateScope) -> bool:
    if name not in scope.conditions:
        raise TemplateError(f"no condition {name!r}")
    return scope.conditions[name]


_FUNCTIONS: Mapping[str, Callable[[Any, TemplateScope], Any]] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Split": _split,
    "Fn::Select": _select,
    "Fn::FindInMap": _find_in_map,
    "Fn::If": _if,
}


def arguments(name: str, argument: Any, count: int) -> list[Any]:
    if not isinstance(argument, list) or len(argument) != count:
        raise TemplateError(f"{name} takes a list of {count}, got {argument!r}")
    return argument


def _list(name: str, argument: Any, scope: TemplateScope) -> list[Any]:
    items = evaluate(argument, scope)
    if not isinstance(items, list):
        raise TemplateError(f"{name} takes a list, got {items!r}")
    return items


def _text(value: Any) -> str:
    if isinstance(value, dict | list | NoValue) or value is None:
        raise TemplateError(f"not a text: {value!r}")
    return plain(value)


def plain(value: Any) -> str:
    """CloudFormation compares and joins texts: ``true`` in YAML is ``"true"``, ``5`` is ``"5"``."""
    return str(value).lower() if isinstance(value, bool) else str(value)
