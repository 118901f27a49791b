"""Computes metric math over series of datapoints, with CloudWatch's rules for missing ones."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from localaws.services.cloudwatch.metric_math.functions import (
    FUNCTIONS,
    KEYWORDS,
    Array,
    PeriodRange,
    Series,
    Value,
    lift,
)
from localaws.services.cloudwatch.metric_math.syntax import (
    BinaryOperation,
    ExpressionError,
    FunctionCall,
    Identifier,
    Listing,
    Negation,
    Node,
    Number,
    Text,
    parse,
)


@dataclass(frozen=True, slots=True)
class ExpressionScope:
    """What an expression may refer to: other queries by id, and the periods of the answer."""

    value_of: Callable[[str], Value]  # ExpressionError for an unknown id
    metrics: Mapping[str, Series]  # those queried directly, which METRICS() means
    periods: Sequence[int]  # starts of all periods of the range
    period: int  # seconds


def compute(expression: str, around: ExpressionScope) -> list[Series]:
    """The one or more series an expression yields. ExpressionError if it is wrong or yields a single number."""
    value = _value(parse(expression), around)
    if isinstance(value, float | str):
        raise ExpressionError("the expression must return a time series, not a scalar")
    return value if isinstance(value, list) else [value]


def _value(node: Node, around: ExpressionScope) -> Value:
    match node:
        case Number(number):
            return number
        case Text(text):
            return text
        case Identifier(name):
            return name if name in KEYWORDS else around.value_of(name)
        case Negation(operand):
            return _binary("-", 0.0, _value(operand, around))
        case BinaryOperation(sign, left, right):
            return _binary(sign, _value(left, around), _value(right, around))
        case Listing(items):
            return _array([_value(item, around) for item in items])
        case FunctionCall(function, arguments):
            return _call(function, [_value(argument, around) for argument in arguments], around)


def _call(function: str, arguments: list[Value], around: ExpressionScope) -> Value:
    if function == "METRICS":
        return _metrics(arguments, around)
    known = FUNCTIONS.get(function)
    if known is None:
        raise ExpressionError(f"unknown function {function}")
    if not known.least <= len(arguments) <= known.most:
        raise ExpressionError(f"{function} takes {known.least} to {known.most} arguments, got {len(arguments)}")
    return known.compute(arguments, PeriodRange(around.periods, around.period))


def _metrics(arguments: Sequence[Value], around: ExpressionScope) -> Array:
    part = arguments[0] if arguments else ""
    if len(arguments) > 1 or not isinstance(part, str):
        raise ExpressionError("METRICS takes at most one text")
    return [series for name, series in around.metrics.items() if part in name]


def _array(items: Sequence[Value]) -> Array:
    if not all(isinstance(item, dict) for item in items):
        raise ExpressionError("a list may hold time series only")
    return [item for item in items if isinstance(item, dict)]


_OPERATORS: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "==": lambda left, right: float(left == right),
    "!=": lambda left, right: float(left != right),
    "<": lambda left, right: float(left < right),
    "<=": lambda left, right: float(left <= right),
    ">": lambda left, right: float(left > right),
    ">=": lambda left, right: float(left >= right),
    "AND": lambda left, right: float(bool(left) and bool(right)),
    "OR": lambda left, right: float(bool(left) or bool(right)),
}


def _binary(sign: str, left: Value, right: Value) -> Value:
    """Point by point. A point only one side has meets a 0; a division by 0 leaves no point."""
    if isinstance(left, list) or isinstance(right, list):
        return lift(lambda one, other: _binary(sign, one, other), left, right)
    if isinstance(left, str) or isinstance(right, str):
        raise ExpressionError(f"unsupported operand for {sign}: text")
    if isinstance(left, float) and isinstance(right, float):
        result = _apply(sign, left, right)
        return {} if result is None else result
    times = {**(left if isinstance(left, dict) else {}), **(right if isinstance(right, dict) else {})}
    points = {time: _apply(sign, _at(left, time), _at(right, time)) for time in sorted(times)}
    return {time: value for time, value in points.items() if value is not None}


def _at(value: float | Series, time: int) -> float:
    return value if isinstance(value, float) else value.get(time, 0.0)


def _apply(sign: str, left: float, right: float) -> float | None:
    if sign == "/" and right == 0:
        return None
    result = _OPERATORS[sign](left, right)
    return result if isfinite(result) else None
