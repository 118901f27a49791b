"""Decides whether an event matches a pattern.

Values are compared as JSON does: ``true`` is not ``1``, and a string is never taken for a number.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_ABSENT = object()
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "=": lambda value, bound: value == bound,
    "<": lambda value, bound: value < bound,
    "<=": lambda value, bound: value <= bound,
    ">": lambda value, bound: value > bound,
    ">=": lambda value, bound: value >= bound,
}


def matches(pattern: Mapping[str, Any], event: object) -> bool:
    """Whether ``event`` has, for each field of a checked pattern, one of the wanted values.

    In an array of objects one element has to satisfy all the fields asked of it.
    """
    if isinstance(event, list) and event:
        return any(matches(pattern, element) for element in event)
    fields = event if isinstance(event, dict) else {}
    for field, wanted in pattern.items():
        if field == "$or" and isinstance(wanted, list):
            if not any(matches(alternative, event) for alternative in wanted):
                return False
        elif isinstance(wanted, dict):
            if not matches(wanted, fields.get(field, _ABSENT)):
                return False
        elif not _any_matches(wanted, fields.get(field, _ABSENT)):
            return False
    return True


def _any_matches(wanted: Sequence[object], actual: object) -> bool:
    values = (actual or [_ABSENT]) if isinstance(actual, list) else [actual]
    return any(_alternative_matches(alternative, value) for alternative in wanted for value in values)


def _alternative_matches(alternative: object, value: object) -> bool:
    if not isinstance(alternative, dict):
        return _equal(alternative, value)
    ((operator, operand),) = alternative.items()
    return OPERATORS[operator](operand, value)


def _equal(wanted: object, value: object) -> bool:
    # Of one type as well: true is not 1, and EventBridge compares numbers as written, so 300 is not 300.0.
    return type(wanted) is type(value) and wanted == value


def _exists(wanted: bool, value: object) -> bool:
    is_there = value is not _ABSENT and not isinstance(value, dict)
    return is_there is wanted


def _anything_but(operand: Any, value: object) -> bool:
    if value is _ABSENT:
        return False
    if isinstance(operand, dict):
        ((operator, unwanted),) = operand.items()
        texts = unwanted if isinstance(unwanted, list) else [unwanted]
        return not any(OPERATORS[operator](text, value) for text in texts)
    return not any(_equal(unwanted, value) for unwanted in (operand if isinstance(operand, list) else [operand]))


def _numeric(operand: Sequence[Any], value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    pairs = zip(operand[::2], operand[1::2], strict=True)
    return all(COMPARISONS[comparison](value, bound) for comparison, bound in pairs)


def _cidr(operand: str, value: object) -> bool:
    try:
        return ipaddress.ip_address(str(value)) in ipaddress.ip_network(operand, strict=False)
    except ValueError:
        return False


def _text_operator(test: Callable[[str, str], bool]) -> Callable[[Any, object], bool]:
    def matcher(operand: Any, value: object) -> bool:
        if not isinstance(value, str):
            return False
        if isinstance(operand, dict):
            return test(value.casefold(), operand["equals-ignore-case"].casefold())
        return test(value, operand)

    return matcher


def _wildcard(value: str, operand: str) -> bool:
    parts = re.split(r"(\\\\|\\\*|\*)", operand)
    expression = "".join(".*" if part == "*" else re.escape(re.sub(r"\\(.)", r"\1", part)) for part in parts)
    return re.fullmatch(expression, value, re.DOTALL) is not None


OPERATORS: Mapping[str, Callable[[Any, object], bool]] = {
    "prefix": _text_operator(str.startswith),
    "suffix": _text_operator(str.endswith),
    "equals-ignore-case": _text_operator(lambda value, operand: value.casefold() == operand.casefold()),
    "wildcard": _text_operator(_wildcard),
    "anything-but": _anything_but,
    "numeric": _numeric,
    "exists": _exists,
    "cidr": _cidr,
}
