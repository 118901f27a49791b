"""Condition operators of IAM policies, as a pure function of the condition and the request's context."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from datetime import datetime

ContextValue = str | tuple[str, ...]
ConditionKeys = Mapping[str, ContextValue]
Test = Callable[[str, str], bool]  # (value in the request, value in the policy)


class PolicyError(ValueError):
    """A policy uses something this evaluator does not know. Guessing would be worse than failing."""


@functools.lru_cache(maxsize=4096)
def wildcard(pattern: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """The regular expression of an IAM pattern with ``*`` and ``?``."""
    expression = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return re.compile(f"{expression}\\Z", re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _like(value: str, pattern: str) -> bool:
    return wildcard(pattern).match(value) is not None


def _arn_like(value: str, pattern: str) -> bool:
    """Wildcards of an ARN match within one of its six parts, not across the colons."""
    parts, patterns = value.split(":", 5), pattern.split(":", 5)
    return len(parts) == len(patterns) and all(map(_like, parts, patterns))


def _numbers(compare: Callable[[float, float], bool]) -> Test:
    return lambda value, limit: compare(float(value), float(limit))


def _dates(compare: Callable[[datetime, datetime], bool]) -> Test:
    return lambda value, limit: compare(datetime.fromisoformat(value), datetime.fromisoformat(limit))


_TESTS: dict[str, Test] = {
    "StringEquals": lambda value, wanted: value == wanted,
    "StringEqualsIgnoreCase": lambda value, wanted: value.casefold() == wanted.casefold(),
    "StringLike": _like,
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": lambda value, wanted: value.lower() == wanted.lower(),
    "NumericEquals": _numbers(lambda value, limit: value == limit),
    "NumericLessThan": _numbers(lambda value, limit: value < limit),
    "NumericLessThanEquals": _numbers(lambda value, limit: value <= limit),
    "NumericGreaterThan": _numbers(lambda value, limit: value > limit),
    "NumericGreaterThanEquals": _numbers(lambda value, limit: value >= limit),
    "DateEquals": _dates(lambda value, limit: value == limit),
    "DateLessThan": _dates(lambda value, limit: value < limit),
    "DateLessThanEquals": _dates(lambda value, limit: value <= limit),
    "DateGreaterThan": _dates(lambda value, limit: value > limit),
    "DateGreaterThanEquals": _dates(lambda value, limit: value >= limit),
}
_NEGATIONS = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
}


def holds(operator: str, key: str, wanted: tuple[str, ...], context: ConditionKeys) -> bool:
    """Whether one condition holds: ``wanted`` are alternatives. Raises PolicyError for an unknown operator.

    A key the request lacks fails a positive operator and satisfies a negated one, ``…IfExists`` and
    ``ForAllValues``, as AWS documents.
    """
    values = _lookup(context, key)
    if operator == "Null":
        return (not values) == (wanted[0].lower() == "true")
    quantifier, _, name = operator.rpartition(":")
    base = name.removesuffix("IfExists")
    negated = base in _NEGATIONS
    test = _TESTS.get(_NEGATIONS.get(base, base))
    if test is None or quantifier not in {"", "ForAnyValue", "ForAllValues"}:
        raise PolicyError(f"condition operator {operator} is not known here")
    if not values:
        return base != name or quantifier == "ForAllValues" or (negated and quantifier == "")
    verdicts = [any(test(value, alternative) for alternative in wanted) != negated for value in values]
    return any(verdicts) if quantifier == "ForAnyValue" else all(verdicts)


def _lookup(context: ConditionKeys, key: str) -> tuple[str, ...]:
    """Condition keys are compared without regard to case."""
    found = context.get(key)
    if found is None:
        lowered = key.lower()
        found = next((value for name, value in context.items() if name.lower() == lowered), ())
    return (found,) if isinstance(found, str) else found
