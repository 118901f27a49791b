"""Condition steps: which side a condition chooses."""

from __future__ import annotations

import math
from typing import Any

import pytest

from localaws.services.sagemaker.pipelines.conditions import ConditionError, all_hold, condition_types, holds


def as_is(value: Any) -> Any:
    return value


def compare(kind: str, left: Any, right: Any) -> dict[str, Any]:
    return {"Type": kind, "LeftValue": left, "RightValue": right}


@pytest.mark.parametrize(
    ("kind", "left", "right", "expected"),
    [
        ("LessThanOrEqualTo", 6.0, 6, True),
        ("LessThanOrEqualTo", 6.1, 6, False),
        ("LessThan", 6, 6, False),
        ("GreaterThan", 7, 6.5, True),
        ("GreaterThanOrEqualTo", 6.5, 6.5, True),
        ("Equals", "a", "a", True),
        ("Equals", 1, 1.0, True),
        ("Equals", True, 1, False),
        ("LessThanOrEqualTo", math.nan, 6, False),
    ],
)
def test_comparisons(kind: str, left: Any, right: Any, expected: bool) -> None:
    assert holds(compare(kind, left, right), as_is) is expected


def test_a_list_of_conditions_means_and() -> None:
    conditions = [compare("LessThan", 1, 2), compare("LessThan", 3, 2)]
    assert not all_hold(conditions, as_is)
    assert holds({"Type": "Or", "Conditions": conditions}, as_is)


def test_not_negates_its_condition() -> None:
    assert holds({"Type": "Not", "Condition": compare("Equals", 1, 2)}, as_is)


def test_in_looks_for_an_equal_value() -> None:
    assert holds({"Type": "In", "QueryValue": "b", "Values": ["a", "b"]}, as_is)
    assert not holds({"Type": "In", "QueryValue": "c", "Values": ["a", "b"]}, as_is)


def test_a_number_and_a_text_cannot_be_ordered() -> None:
    with pytest.raises(ConditionError, match="'6'"):
        holds(compare("LessThan", 5, "6"), as_is)


def test_types_of_nested_conditions_are_seen() -> None:
    nested = {"Type": "Or", "Conditions": [{"Type": "Not", "Condition": {"Type": "Odd"}}]}
    assert list(condition_types([nested])) == ["Or", "Not", "Odd"]
