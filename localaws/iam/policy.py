"""IAM policy evaluation as pure functions over statements: the same for identity, resource and trust policies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from localaws.iam.conditions import ConditionKeys, PolicyError, holds, wildcard

EVERYONE = "*"
_KNOWN_ELEMENTS = {
    "Sid",
    "Effect",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Principal",
    "Condition",
}


class Decision(Enum):
    """The decision of a set of statements on a request."""

    ALLOWED = "allowed"
    DENIED = "explicitly denied"
    SILENT = "not mentioned"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest:
    """One action on one resource. ``principals`` are all names of the caller, for policies that name some.

    Names look like ``AWS:arn:aws:iam::123456789012:role/x``, ``AWS:123456789012``, ``Service:events.amazonaws.com``.
    """

    action: str
    resource: str
    context: ConditionKeys = field(default_factory=dict)
    principals: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement, ready for matching. ``principals`` is None in identity policies."""

    allow: bool
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    principals: frozenset[str] | None
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]  # (operator, key, alternatives)

    def applies(self, request: AccessRequest) -> bool:
        """Whether every element of the statement matches the request."""
        return (
            self._names_action(request.action)
            and self._names_resource(request)
            and self._names_principal(request.principals)
            and all(holds(*condition, request.context) for condition in self.conditions)
        )

    def _names_action(self, action: str) -> bool:
        patterns = self.actions or self.not_actions
        named = any(wildcard(pattern, ignore_case=True).match(action) for pattern in patterns)
        return named == bool(self.actions)

    def _names_resource(self, request: AccessRequest) -> bool:
        patterns = self.resources or self.not_resources
        if not patterns:
            return True  # trust policies have no resource
        named = any(wildcard(_fill(pattern, request.context)).match(request.resource) for pattern in patterns)
        return named == bool(self.resources)

    def _names_principal(self, principals: frozenset[str]) -> bool:
        return self.principals is None or EVERYONE in self.principals or bool(self.principals & principals)


def parse_policy(document: str | Mapping[str, Any]) -> tuple[Statement, ...]:
    """Read a policy document; raises PolicyError for elements the evaluator does not know."""
    policy = json.loads(document) if isinstance(document, str) else document
    statements = policy.get("Statement", [])
    if isinstance(statements, Mapping):
        statements = [statements]
    return tuple(map(_parse_statement, statements))


def decide(statements: Iterable[Statement], request: AccessRequest) -> Decision:
    """An explicit deny wins, then any allow; otherwise the statements are silent, which is a denial by default."""
    decision = Decision.SILENT
    for statement in statements:
        if statement.applies(request):
            if not statement.allow:
                return Decision.DENIED
            decision = Decision.ALLOWED
    return decision


def _parse_statement(raw: Mapping[str, Any]) -> Statement:
    unknown = raw.keys() - _KNOWN_ELEMENTS
    if unknown:
        raise PolicyError(f"policy elements {sorted(unknown)} are not known here")
    if raw.get("Effect") not in {"Allow", "Deny"} or not ("Action" in raw or "NotAction" in raw):
        raise PolicyError(f"not a statement: {dict(raw)}")
    return Statement(
        allow=raw["Effect"] == "Allow",
        actions=_strings(raw.get("Action")),
        not_actions=_strings(raw.get("NotAction")),
        resources=_strings(raw.get("Resource")),
        not_resources=_strings(raw.get("NotResource")),
        principals=_principals(raw["Principal"]) if "Principal" in raw else None,
        conditions=tuple(
            (operator, key, _strings(wanted))
            for operator, tests in raw.get("Condition", {}).items()
            for key, wanted in tests.items()
        ),
    )


def _strings(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    values = value if isinstance(value, list) else [value]
    return tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in values)


def _principals(raw: str | Mapping[str, Any]) -> frozenset[str]:
    if raw == EVERYONE:
        return frozenset({EVERYONE})
    if isinstance(raw, str):
        raise PolicyError(f"not a principal: {raw}")
    names = {f"{kind}:{name}" for kind, given in raw.items() for name in _strings(given)}
    return frozenset(EVERYONE if name == "AWS:*" else name for name in names)


def _fill(pattern: str, context: ConditionKeys) -> str:
    """Put policy variables in; one the request lacks matches nothing."""

    def value(match: re.Match[str]) -> str:
        found = context.get(match[1])
        return found if isinstance(found, str) else "\0"

    return re.sub(r"\$\{([^}]+)\}", value, pattern) if "${" in pattern else pattern
