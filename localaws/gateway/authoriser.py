"""Authorisation: what the policies that IAM holds for a role allow it to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from localaws.iam.conditions import PolicyError
from localaws.iam.identity import Caller
from localaws.iam.permissions.encryption import ObjectKeys, key_permissions
from localaws.iam.permissions.permission import Permission, Place
from localaws.iam.permissions.required import required
from localaws.iam.permissions.trust import refuse_untrusting_roles
from localaws.iam.policy import AccessRequest, Decision, Statement, decide, parse_policy
from localaws.service_api import AwsError, Call

_REASONS = {
    Decision.DENIED: "with an explicit deny in an identity-based policy",
    Decision.SILENT: "because no identity-based policy allows the {action} action",
}
# Services whose protocol has its own name for a refusal, and those that answer 400 instead of 403.
_CODES = {"s3": "AccessDenied", "iam": "AccessDenied", "sts": "AccessDenied"} | {
    "cloudformation": "AccessDenied",
    "sns": "AuthorizationError",
}
_STATUS_400 = {"dynamodb", "events", "logs", "sagemaker", "ssm", "stepfunctions", "sqs", "cloudwatch"}
_KEPT_DECISIONS = 20_000
_ASSUME_ROLES = {"events", "lambda", "sagemaker", "scheduler", "stepfunctions"}  # services that are handed roles


class RolePolicies(Protocol):
    """Where the policies of a role are read."""

    def documents(self, role: str) -> list[str]:
        """Each policy of the role as JSON text; none when there is no such role."""

    def trust_policy(self, role: str) -> str | None:
        """Who may assume the role, as JSON text; None when there is no such role."""

    def is_settled(self, role: str) -> bool:
        """Whether the role is known everywhere; a new one may do nothing until it is."""


class RoleAuthoriser:
    """Implements ``Authoriser`` for roles; the developer may do everything.

    Decisions are kept until IAM changes: an endpoint is invoked many times a second under the same role.
    """

    def __init__(
        self,
        policies: RolePolicies,
        keys: ObjectKeys | None = None,
        partition_key: Callable[[str], str | None] = lambda _table: None,
    ) -> None:
        self._policies = policies
        self._partition_key = partition_key
        self._keys = keys
        self._statements: dict[str, tuple[Statement, ...]] = {}
        self._decisions: dict[tuple[Any, ...], Decision] = {}

    def authorise(self, caller: Caller, call: Call, params: Mapping[str, Any]) -> tuple[Permission, ...]:
        """All permissions the call needs; raises AwsError, in AWS's words, for the first that is missing."""
        needed = (*required(call, params, self._partition_key), *self._on_keys(call, params))
        if caller.role_arn is not None:
            for permission in needed:
                decision = self._decide(caller, permission)
                if decision is not Decision.ALLOWED:
                    raise refusal(call, caller, permission, decision)
        return needed

    def refuse_untrusting_roles(self, call: Call, params: Mapping[str, Any]) -> None:
        """Raise AwsError for a role that is handed to a service which may not assume it, whoever calls."""
        if call.service in _ASSUME_ROLES and call.operation.startswith(("Create", "Update", "Put")):
            refuse_untrusting_roles(call, required(call, params), self._policies.trust_policy)

    def _on_keys(self, call: Call, params: Mapping[str, Any]) -> Iterable[Permission]:
        if self._keys is None or call.service != "s3":
            return ()
        return key_permissions(call.operation, params, Place(call.account, call.region), self._keys)

    def iam_changed(self) -> None:
        """Forget what was read and decided. In this order: a decision in the new table stems from new statements."""
        self._statements = {}
        self._decisions = {}

    def _decide(self, caller: Caller, permission: Permission) -> Decision:
        assert caller.role_arn is not None
        assert caller.role is not None
        if not self._policies.is_settled(caller.role):
            return Decision.SILENT
        context = tuple(sorted(permission.context.items()))
        key = (caller.role_arn, permission.action, permission.resource, context)
        decisions = self._decisions  # iam_changed replaces it, so that no stale decision is stored in the new
        decision = decisions.get(key)
        if decision is None:
            request = AccessRequest(action=permission.action, resource=permission.resource, context=permission.context)
            decision = decide(self._statements_of(caller), request)
            if len(decisions) < _KEPT_DECISIONS:
                decisions[key] = decision
        return decision

    def _statements_of(self, caller: Caller) -> tuple[Statement, ...]:
        assert caller.role_arn is not None
        assert caller.role is not None
        kept = self._statements
        if caller.role_arn not in kept:
            documents = self._policies.documents(caller.role)
            try:
                kept[caller.role_arn] = sum(map(parse_policy, documents), ())
            except PolicyError as error:
                raise PolicyError(f"role {caller.role}: {error}") from error
        return kept[caller.role_arn]


def refusal(call: Call, caller: Caller, permission: Permission, decision: Decision) -> AwsError:
    """AWS's text and code for a missing permission."""
    reason = _REASONS[decision].format(action=permission.action)
    message = (
        f"User: {caller.arn} is not authorized to perform: {permission.action}"
        f" on resource: {permission.resource} {reason}"
    )
    code = _CODES.get(call.service, "AccessDeniedException")
    return AwsError(code, message, 400 if call.service in _STATUS_400 else 403)
