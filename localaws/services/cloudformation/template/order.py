"""The order in which resources are made: each after everything it refers to. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from localaws.services.cloudformation.template.errors import TemplateError
from localaws.services.cloudformation.template.intrinsics import (
    SUBSTITUTION,
    arguments,
    attribute_path,
    function_call,
    sub_arguments,
)


def creation_order(resources: Mapping[str, Any], conditions: Mapping[str, bool]) -> list[str]:
    """Logical ids, dependencies first, otherwise as written; raises TemplateError for a circle."""
    return in_order(dependency_graph(resources, conditions))


def dependency_graph(resources: Mapping[str, Any], conditions: Mapping[str, bool]) -> dict[str, frozenset[str]]:
    """What each resource refers to of the others, by logical id."""
    return {
        logical_id: frozenset(_dependencies(resource, conditions) & resources.keys())
        for logical_id, resource in resources.items()
    }


def in_order(graph: Mapping[str, frozenset[str]]) -> list[str]:
    """The graph's names, each after all that it depends on; raises TemplateError for a circle."""
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name, dependencies in graph.items():
        sorter.add(name, *sorted(dependencies))
    try:
        return list(sorter.static_order())
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise TemplateError(f"resources depend on each other: {circle}") from error


def _dependencies(resource: Mapping[str, Any], conditions: Mapping[str, bool]) -> set[str]:
    explicit = resource.get("DependsOn", [])
    named = {explicit} if isinstance(explicit, str) else set(explicit)
    return named | set(references(resource.get("Properties", {}), conditions))


def references(value: Any, conditions: Mapping[str, bool]) -> Iterator[str]:
    """Names the expression refers to, parameters and resources alike; of an ``If`` only the branch taken."""
    call = function_call(value)
    if call is None:
        items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for item in items:
            yield from references(item, conditions)
        return
    name, argument = call
    if name == "Ref":
        yield str(argument)
    elif name == "Fn::GetAtt":
        yield attribute_path(argument)[0]
    elif name == "Fn::Sub":
        yield from _references_of_sub(argument, conditions)
    elif name == "Fn::If":
        condition, when_true, when_false = arguments(name, argument, 3)
        yield from references(when_true if conditions.get(condition) else when_false, conditions)
    else:
        yield from references(argument, conditions)


def _references_of_sub(argument: Any, conditions: Mapping[str, bool]) -> Iterator[str]:
    text, variables = sub_arguments(argument)
    yield from references(list(variables.values()), conditions)
    names = (match["name"] for match in SUBSTITUTION.finditer(text) if not match["literal"])
    yield from (name.split(".")[0] for name in names if name not in variables)
