"""Parses event patterns; checks them when a rule is written, so that a typing error is found at once."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

from localaws.services.events.matching import COMPARISONS, OPERATORS

_NUMBER_LIMIT = 2**53
_MAX_CHARACTERS = 4096
_TEXT_OPERATORS = frozenset({"prefix", "suffix", "equals-ignore-case", "wildcard"})


class PatternError(ValueError):
    """The pattern would be refused by EventBridge with InvalidEventPatternException."""


def parse_pattern(text: str) -> dict[str, Any]:
    """The pattern in ``text``; raises PatternError for whatever EventBridge would not accept in a rule."""
    if len(text) > _MAX_CHARACTERS:
        raise PatternError(f"Pattern is longer than {_MAX_CHARACTERS} characters")
    try:
        pattern = json.loads(text)
    except json.JSONDecodeError as error:
        raise PatternError(f"Not valid JSON: {error}") from error
    check_pattern(pattern)
    return dict(pattern)


def check_pattern(pattern: object) -> None:
    """Raise PatternError unless every field of ``pattern`` holds a list of values or known operators."""
    if not isinstance(pattern, dict) or not pattern:
        raise PatternError("Pattern must be a non-empty JSON object")
    for field, wanted in pattern.items():
        if field == "$or" and isinstance(wanted, list) and len(wanted) > 1:
            for alternative in wanted:
                check_pattern(alternative)
        elif isinstance(wanted, dict):
            check_pattern(wanted)
        elif isinstance(wanted, list) and wanted:
            for alternative in wanted:
                _check_alternative(field, alternative)
        else:
            raise PatternError(f'"{field}" must be an object or a non-empty array')


def _check_alternative(field: str, alternative: object) -> None:
    if isinstance(alternative, list):
        raise PatternError(f'"{field}" holds an array within an array')
    if not isinstance(alternative, dict):
        return
    if len(alternative) != 1:
        raise PatternError(f'"{field}" needs exactly one operator in each object')
    ((operator, operand),) = alternative.items()
    if operator not in OPERATORS:
        raise PatternError(f"Unrecognized match type {operator}")
    if not _operand_is_valid(operator, operand):
        raise PatternError(f'"{field}": {operator} does not take {json.dumps(operand)}')


def _operand_is_valid(operator: str, operand: object) -> bool:
    match operator:
        case "exists":
            return isinstance(operand, bool)
        case "numeric":
            return _range_is_valid(operand)
        case "cidr":
            return isinstance(operand, str) and _is_network(operand)
        case "anything-but":
            return _exclusion_is_valid(operand)
        case _:
            return _text_is_valid(operator, operand)


def _text_is_valid(operator: str, operand: object) -> bool:
    if isinstance(operand, dict) and operator in {"prefix", "suffix"}:
        return list(operand) == ["equals-ignore-case"] and isinstance(operand["equals-ignore-case"], str)
    return isinstance(operand, str) and not (operator == "wildcard" and "**" in operand)


def _exclusion_is_valid(operand: object) -> bool:
    if isinstance(operand, dict):
        if len(operand) != 1:
            return False
        ((operator, unwanted),) = operand.items()
        texts = unwanted if isinstance(unwanted, list) else [unwanted]
        return operator in _TEXT_OPERATORS and bool(texts) and all(_text_is_valid(operator, t) for t in texts)
    values = operand if isinstance(operand, list) else [operand]
    return bool(values) and all(isinstance(v, str | int | float) and not isinstance(v, bool) for v in values)


def _range_is_valid(operand: object) -> bool:
    if not isinstance(operand, list) or len(operand) not in {2, 4}:
        return False
    comparisons, bounds = operand[::2], operand[1::2]
    return all(c in COMPARISONS for c in comparisons) and all(
        isinstance(b, int | float) and not isinstance(b, bool) and abs(b) <= _NUMBER_LIMIT for b in bounds
    )


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True
