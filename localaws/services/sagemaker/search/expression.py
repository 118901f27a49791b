"""Search expressions: filters, nested filters and their combinations, evaluated on one record. Pure.

Operators and property types are those that the service model documents for ``Filter``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from localaws.service_api import AwsError, invalid

FILTERS_MAX = 50

_ORDERING: Mapping[str, Callable[[Any, Any], bool]] = {
    "GreaterThan": lambda value, wanted: value > wanted,
    "GreaterThanOrEqualTo": lambda value, wanted: value >= wanted,
    "LessThan": lambda value, wanted: value < wanted,
    "LessThanOrEqualTo": lambda value, wanted: value <= wanted,
}
_TEXT_ONLY = frozenset({"Contains", "In"})
_NUMBERS = frozenset({"integer", "long", "float", "double"})
_OPEN = frozenset({"Tags", "HyperParameters", "Metrics"})  # followed by a name of the user's


class _Part(Protocol):
    """A condition of any kind."""

    def matches(self, record: Mapping[str, Any]) -> bool: ...


class Expression:
    """One SearchExpression for records of a shape of the service model; raises ValidationException when it is wrong."""

    def __init__(self, given: Mapping[str, Any], record: Any) -> None:
        """``record`` is botocore's shape of the records."""
        self._given = given
        if not any(given.get(part) for part in ("Filters", "NestedFilters", "SubExpressions")):
            raise invalid("A SearchExpression needs a Filter, a NestedFilter or a SubExpression.")
        if sum(1 for _ in _parts(given)) > FILTERS_MAX:
            raise invalid(f"A SearchExpression can have at most {FILTERS_MAX} filters and expressions.")
        self._parts: list[_Part] = [
            *(_Condition(entry, record) for entry in given.get("Filters") or []),
            *(_Nested(entry, record) for entry in given.get("NestedFilters") or []),
            *(Expression(entry, record) for entry in given.get("SubExpressions") or []),
        ]

    def matches(self, record: Mapping[str, Any]) -> bool:
        """Whether a record satisfies it."""
        parts = (part.matches(record) for part in self._parts)
        return any(parts) if self._given.get("Operator") == "Or" else all(parts)


class _Condition:
    """A filter on one property."""

    def __init__(self, given: Mapping[str, Any], record: Any) -> None:
        self._name = str(given["Name"])
        self._path = self._name.split(".", 1) if self._name.split(".")[0] in _OPEN else self._name.split(".")
        self._operator = given.get("Operator") or "Equals"
        self._text = given.get("Value")
        kind = property_type(record, self._path, self._name)
        if self._operator in ("Exists", "NotExists"):
            return
        if self._text is None:
            raise invalid(f"The filter on {self._name} needs a Value for the operator {self._operator}.")
        if self._operator in _TEXT_ONLY and kind != "string":
            raise invalid(f"The operator {self._operator} is supported for text properties only, not for {self._name}.")
        if self._operator in _ORDERING and kind == "string" and self._path[0] not in _OPEN:
            raise invalid(f"The operator {self._operator} is not supported for the text property {self._name}.")
        self._wanted = _converted(self._text, kind, self._name)

    def matches(self, record: Mapping[str, Any]) -> bool:
        value = _value(record, self._path)
        if self._operator in ("Exists", "NotExists"):
            return (value is not None) == (self._operator == "Exists")
        if value is None:
            return self._operator == "NotEquals"
        if self._operator == "Contains":
            return str(self._text) in str(value)
        if self._operator == "In":
            return str(value) in [item.strip() for item in str(self._text).split(",")]
        value, wanted = _comparable(value, self._wanted)
        if self._operator in _ORDERING:
            return type(value) is type(wanted) and bool(_ORDERING[self._operator](value, wanted))
        return bool(value == wanted) == (self._operator == "Equals")


class _Nested:
    """Filters that one and the same entry of a list must satisfy."""

    def __init__(self, given: Mapping[str, Any], record: Any) -> None:
        self._list = str(given["NestedPropertyName"])
        shape = record.members.get(self._list)
        if shape is None or shape.type_name != "list" or shape.member.type_name != "structure":
            raise invalid(f"{self._list} is not a list of nested properties.")
        prefix = f"{self._list}."
        self._conditions = [
            _Condition({**entry, "Name": str(entry["Name"]).removeprefix(prefix)}, shape.member)
            for entry in given["Filters"]
        ]

    def matches(self, record: Mapping[str, Any]) -> bool:
        entries = record.get(self._list) or []
        return any(all(condition.matches(entry) for condition in self._conditions) for entry in entries)


def property_type(record: Any, path: list[str], name: str) -> str:
    """``string``, ``number`` or ``timestamp`` of a property; raises ValidationException when there is none."""
    if path[0] == "Metrics" and "FinalMetricDataList" in record.members and len(path) == 2:
        return "number"
    shape = record
    for step in path:
        if shape.type_name == "list" and path[0] == "Tags":
            return "string"
        if shape.type_name == "map":
            shape = shape.value
        elif shape.type_name == "structure" and step in shape.members:
            shape = shape.members[step]
        elif shape.type_name == "list":
            raise AwsError("NotImplemented", f"filters on entries of the list in {name} need NestedFilters here", 501)
        else:
            raise invalid(f"Invalid property name: {name} is no property of {record.name}.")
    if shape.type_name in _NUMBERS:
        return "number"
    return "timestamp" if shape.type_name == "timestamp" else "string"


def _parts(given: Mapping[str, Any]) -> Iterator[Any]:
    yield from given.get("Filters") or []
    for nested in given.get("NestedFilters") or []:
        yield from (nested, *nested["Filters"])
    for inner in given.get("SubExpressions") or []:
        yield inner
        yield from _parts(inner)


def _value(record: Mapping[str, Any], path: list[str]) -> Any:
    """The property's value, None without one."""
    if path[0] == "Metrics":
        metrics = record.get("FinalMetricDataList") or []
        return next((metric["Value"] for metric in metrics if metric["MetricName"] == path[1]), None)
    if path[0] == "Tags":
        tags = record.get("Tags") or []
        return next((tag["Value"] for tag in tags if len(path) == 2 and tag["Key"] == path[1]), None)
    value: Any = record
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _converted(text: str, kind: str, name: str) -> Any:
    try:
        if kind == "number":
            return float(text)
        if kind == "timestamp":
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except ValueError as error:
        raise invalid(f"The Value {text!r} of the filter on {name} is no {kind}.") from error
    return text


def _comparable(value: Any, wanted: Any) -> tuple[Any, Any]:
    """Both as numbers where both are some: hyperparameters are text, whatever they say."""
    if isinstance(wanted, datetime):
        return value, wanted
    try:
        return float(value), float(wanted)
    except (TypeError, ValueError):
        return str(value), str(wanted)
