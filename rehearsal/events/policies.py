"""Resource policies: whether a queue, topic or function lets an AWS service in."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What an AWS service wants to do to a resource."""

    service: str  # e.g. "events.amazonaws.com"
    action: str  # e.g. "sqs:SendMessage"
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)  # condition keys, e.g. aws:SourceArn


class PolicyError(ValueError):
    """The policy uses something this evaluator does not know, so it can say neither yes nor no."""


def allows(policy: Mapping[str, Any], access: Access) -> bool:
    """Whether a statement of ``policy`` allows ``access`` and none denies it."""
    effects = {s["Effect"] for s in _listed(policy.get("Statement", [])) if _applies(s, access)}
    return effects == {"Allow"}


def _applies(statement: Mapping[str, Any], access: Access) -> bool:
    if {"NotPrincipal", "NotAction", "NotResource"} & statement.keys():
        raise PolicyError(f"Statement {statement.get('Sid', '')!r} uses a Not… element")
    return (
        _names_service(statement.get("Principal", {}), access.service)
        and any(
            _like(action.lower(), access.action.lower()) for action in _listed(statement.get("Action", []))
        )
        and any(_like(resource, access.resource) for resource in _listed(statement.get("Resource", "*")))
        and _conditions_met(statement.get("Condition", {}), access.context)
    )


def _names_service(principal: Any, service: str) -> bool:
    if isinstance(principal, str):
        return principal in {"*", service}
    return service in _listed(principal.get("Service", [])) or "*" in _listed(principal.get("AWS", []))


def _conditions_met(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    given = {key.lower(): value for key, value in context.items()}
    for operator, demands in conditions.items():
        base = operator.removesuffix("IfExists")
        test = _TESTS.get(base)
        if test is None:
            raise PolicyError(f"Condition operator {operator} is not known")
        for key, wanted in demands.items():
            actual = given.get(key.lower())
            if actual is None:
                met = base != operator or base in _NEGATED
            else:
                met = test(actual, [str(w) for w in _listed(wanted)])
            if not met:
                return False
    return True


def _any_equal(actual: str, wanted: Sequence[str]) -> bool:
    return actual in wanted


def _any_like(actual: str, wanted: Sequence[str]) -> bool:
    return any(_like(pattern, actual) for pattern in wanted)


def _any_equal_ignoring_case(actual: str, wanted: Sequence[str]) -> bool:
    return actual.lower() in [w.lower() for w in wanted]


_TESTS: Mapping[str, Callable[[str, Sequence[str]], bool]] = {
    "StringEquals": _any_equal,
    "StringNotEquals": lambda actual, wanted: not _any_equal(actual, wanted),
    "StringEqualsIgnoreCase": _any_equal_ignoring_case,
    "StringLike": _any_like,
    "StringNotLike": lambda actual, wanted: not _any_like(actual, wanted),
    "ArnEquals": _any_like,
    "ArnLike": _any_like,
    "ArnNotEquals": lambda actual, wanted: not _any_like(actual, wanted),
    "ArnNotLike": lambda actual, wanted: not _any_like(actual, wanted),
    "Bool": _any_equal_ignoring_case,
}
_NEGATED = frozenset({"StringNotEquals", "StringNotLike", "ArnNotEquals", "ArnNotLike"})


def _like(pattern: str, text: str) -> bool:
    # Square brackets are ordinary characters in IAM's patterns, unlike in fnmatch's.
    return re.fullmatch(fnmatch.translate(pattern.replace("[", "[[]")), text) is not None


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
