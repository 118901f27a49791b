"""IAM's SimulatePrincipalPolicy: whether a role's policies would allow actions, decided as the gateway decides.

Version 3 of the SageMaker SDK asks this of the training role before it uploads anything (ModelTrainer).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, Protocol

from localaws.iam.conditions import ContextValue
from localaws.iam.policy import AccessRequest, Decision, Statement, decide, parse_policy
from localaws.service_api import AwsError, Call, Operation

_VERDICTS = {Decision.ALLOWED: "allowed", Decision.DENIED: "explicitDeny", Decision.SILENT: "implicitDeny"}
_UNSUPPORTED = (
    "PermissionsBoundaryPolicyInputList",
    "PolicyExclusionList",
    "ResourcePolicy",
    "ResourceOwner",
    "ResourceHandlingOption",
)


class KnownRoles(Protocol):
    """Where the policies of a role are read."""

    def documents(self, role: str) -> list[str]:
        """Each policy of the role as JSON text."""

    def trust_policy(self, role: str) -> str | None:
        """None when there is no such role."""


class PolicySimulator:
    """Answers for roles; users and groups are refused, as the local AWS evaluates no policies of theirs."""

    name = "iam"

    def __init__(self, roles: KnownRoles) -> None:
        self._roles = roles

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {"SimulatePrincipalPolicy": self._simulate}

    def _simulate(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        """One result for each action on each resource; without resources on ``*``, which only ``*`` matches."""
        for name in _UNSUPPORTED:
            if params.get(name):
                raise AwsError("NotImplemented", f"{name} is not supported by the local AWS", 501)
        statements = self._statements(params["PolicySourceArn"], params.get("PolicyInputList") or [])
        context = _context(params.get("ContextEntries") or [])
        pairs = itertools.product(params["ActionNames"], params.get("ResourceArns") or ["*"])
        return {
            "EvaluationResults": [_result(statements, action, resource, context) for action, resource in pairs],
            "IsTruncated": False,
        }

    def _statements(self, principal_arn: str, more: list[str]) -> list[Statement]:
        kind, _, name = principal_arn.rpartition(":")[2].partition("/")
        if kind != "role":
            raise AwsError("NotImplemented", f"simulation for {principal_arn}: the local AWS knows roles only", 501)
        role = name.rsplit("/", 1)[-1]
        if self._roles.trust_policy(role) is None:
            raise AwsError("NoSuchEntity", f"The role with name {role} cannot be found.", 404)
        return [statement for text in (*self._roles.documents(role), *more) for statement in parse_policy(text)]


def _result(
    statements: list[Statement], action: str, resource: str, context: Mapping[str, ContextValue]
) -> dict[str, Any]:
    decision = decide(statements, AccessRequest(action=action, resource=resource, context=context))
    return {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": _VERDICTS[decision],
        "MatchedStatements": [],  # not found out here
        "MissingContextValues": [],
    }


def _context(entries: list[Mapping[str, Any]]) -> dict[str, ContextValue]:
    """Condition keys; a list of one counts as its value."""
    found: dict[str, ContextValue] = {}
    for entry in entries:
        values = entry.get("ContextKeyValues") or []
        found[entry["ContextKeyName"]] = values[0] if len(values) == 1 else tuple(values)
    return found
