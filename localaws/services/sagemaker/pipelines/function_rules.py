"""Refuses what SageMaker's parser of definitions refuses, and uses of functions that no document shows. Pure.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-propertyfile.html shows ``Std:JsonGet`` in a
condition step alone; the public schema of definitions gives ``Std:Join`` texts and ``Get`` to join; its path is a text
(sagemaker-python-sdk issue 4418); a Not has the member Condition (issue 2746, with the text of the refusal).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from localaws.services.sagemaker.pipelines.parameters import DefinitionError

_FUNCTIONS = frozenset({"Std:Join", "Std:JsonGet"})
_CONDITION_MEMBERS: Mapping[str, frozenset[str]] = {
    "In": frozenset({"Type", "QueryValue", "Values"}),
    "Not": frozenset({"Type", "Condition"}),
    "Or": frozenset({"Type", "Conditions"}),
}
_COMPARISON_MEMBERS = frozenset({"Type", "LeftValue", "RightValue"})


def check_functions(arguments: Mapping[str, Any]) -> None:
    """Raise DefinitionError for a function in a step's arguments that is not as documented.

    The ``Conditions`` of a condition step may read JSON; nothing else may.
    """
    for name, value in arguments.items():
        _check(value, may_read_json=name == "Conditions")


def check_condition_members(conditions: Sequence[Mapping[str, Any]]) -> None:
    """Raise DefinitionError for a member that a condition of its type does not have, in SageMaker's words."""
    for condition in conditions:
        known = _CONDITION_MEMBERS.get(str(condition.get("Type")), _COMPARISON_MEMBERS)
        if unknown := sorted(condition.keys() - known):
            raise DefinitionError(f"Cannot parse object, unknown property '{unknown[0]}'.")
        if missing := sorted(known - condition.keys()):
            raise DefinitionError(f"a condition of type {condition.get('Type')} lacks {missing[0]}")
        check_condition_members(condition.get("Conditions") or [])
        check_condition_members([condition["Condition"]] if "Condition" in condition else [])


def _check(value: Any, *, may_read_json: bool) -> None:
    if isinstance(value, list):
        for item in value:
            _check(item, may_read_json=may_read_json)
    if not isinstance(value, dict):
        return
    for name, given in value.items():
        if name.startswith("Std:"):
            _check_function(name, given, value, may_read_json=may_read_json)
        may_go_on = may_read_json and name != "Std:Join"  # a text that is joined from JSON is nowhere shown
        _check(given, may_read_json=may_go_on)


def _check_function(name: str, given: Any, value: Mapping[str, Any], *, may_read_json: bool) -> None:
    if name not in _FUNCTIONS or len(value) > 1 or not isinstance(given, dict):
        raise DefinitionError(f"{name} is not a function, or not alone in its object")
    if name == "Std:Join":
        if given.keys() - {"On", "Values"} or not isinstance(given.get("Values"), list):
            raise DefinitionError("Std:Join takes On and a list of Values")
        return
    if not may_read_json:
        raise DefinitionError("Std:JsonGet can be evaluated in the conditions of a condition step only")
    if not isinstance(given.get("Path"), str):
        raise DefinitionError("the Path of Std:JsonGet must be a text, not a reference")
    if given.keys() not in ({"PropertyFile", "Path"}, {"S3Uri", "Path"}):
        raise DefinitionError("Std:JsonGet takes either a PropertyFile or an S3Uri, and a Path")
