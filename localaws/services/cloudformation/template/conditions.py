"""The ``Conditions`` section of a template: evaluates each condition. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from localaws.services.cloudformation.template.errors import TemplateError
from localaws.services.cloudformation.template.intrinsics import (
    TemplateScope,
    arguments,
    evaluate,
    function_call,
    plain,
)


def evaluate_conditions(section: Mapping[str, Any], scope: TemplateScope) -> dict[str, bool]:
    """The truth of every condition; conditions may build on each other but not in a circle."""
    known: dict[str, bool] = {}

    def truth(name: str, asking: tuple[str, ...]) -> bool:
        if name in asking:
            raise TemplateError(f"conditions depend on each other: {' -> '.join((*asking, name))}")
        if name not in section:
            raise TemplateError(f"no condition {name!r}")
        if name not in known:
            for inner in _conditions_in(section[name]):
                truth(inner, (*asking, name))
            known[name] = _holds(section[name], replace(scope, conditions=known))
        return known[name]

    for name in section:
        truth(name, ())
    return known


def _conditions_in(expression: Any) -> list[str]:
    call = function_call(expression, also=("Condition",))
    if call is not None and call[0] == "Condition":
        return [str(call[1])]
    items = expression.values() if isinstance(expression, dict) else expression
    return [name for item in items for name in _conditions_in(item)] if isinstance(expression, dict | list) else []


def _holds(expression: Any, scope: TemplateScope) -> bool:
    call = function_call(expression, also=("Condition",))
    if call is None:
        raise TemplateError(f"not a condition: {expression!r}")
    name, argument = call
    if name == "Condition":
        return scope.conditions[argument]
    if name == "Fn::Equals":
        left, right = (evaluate(side, scope) for side in arguments(name, argument, 2))
        return plain(left) == plain(right)
    if name == "Fn::Not":
        return not _holds(arguments(name, argument, 1)[0], scope)
    if name not in ("Fn::And", "Fn::Or") or not isinstance(argument, list):
        raise TemplateError(f"not a condition: {expression!r}")
    parts = [_holds(item, scope) for item in argument]
    return all(parts) if name == "Fn::And" else any(parts)
