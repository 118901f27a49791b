"""Evaluates the conditions of a Condition step. Pure."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

Condition = Mapping[str, Any]
Resolve = Callable[[Any], Any]

_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
CONDITION_TYPES = frozenset({*_ORDER, "Equals", "In", "Not", "Or"})


class ConditionError(Exception):
    """A condition compares what cannot be compared."""


def all_hold(conditions: Sequence[Condition], resolve: Resolve) -> bool:
    """Whether every condition holds; a list of conditions means AND."""
    return all(holds(condition, resolve) for condition in conditions)


def holds(condition: Condition, resolve: Resolve) -> bool:
    """Whether one condition holds; raises ConditionError."""
    kind = condition["Type"]
    if kind == "Not":
        return not holds(condition["Condition"], resolve)
    if kind == "Or":
        return any(holds(part, resolve) for part in condition["Conditions"])
    if kind == "In":
        value = resolve(condition["QueryValue"])
        return any(_equal(value, resolve(candidate)) for candidate in condition["Values"])
    left, right = resolve(condition["LeftValue"]), resolve(condition["RightValue"])
    if kind == "Equals":
        return _equal(left, right)
    if not _comparable(left, right):
        raise ConditionError(f"{kind}: {left!r} and {right!r} cannot be compared")
    return _ORDER[kind](left, right)


def condition_types(conditions: Sequence[Condition]) -> Iterator[str]:
    """The types of all conditions, nested ones too."""
    for condition in conditions:
        yield str(condition.get("Type"))
        if condition.get("Type") == "Not":
            yield from condition_types([condition["Condition"]])
        yield from condition_types(condition.get("Conditions") or [])


def _equal(left: Any, right: Any) -> bool:
    """Equality that keeps true apart from 1."""
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def _comparable(left: Any, right: Any) -> bool:
    return (_is_number(left) and _is_number(right)) or (isinstance(left, str) and isinstance(right, str))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
