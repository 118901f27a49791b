"""STS: GetCallerIdentity, and AssumeRole where the trust policy and the caller's own policies allow it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from localaws.iam.identity import Identities
from localaws.iam.policy import AccessRequest, Decision, decide, parse_policy
from localaws.service_api import AwsError, Call, Operation


class TrustPolicies(Protocol):
    """Where the trust policy of a role is read."""

    def trust_policy(self, role: str) -> str | None:
        """The policy as JSON text; None when there is no such role."""


class SecurityTokens:
    """AssumeRole and GetCallerIdentity, which obey the policies; the other operations stay with moto."""

    name = "sts"

    def __init__(self, identities: Identities, policies: TrustPolicies) -> None:
        self._identities = identities
        self._policies = policies

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {"AssumeRole": self._assume_role, "GetCallerIdentity": self._get_caller_identity}

    def _get_caller_identity(self, _params: dict[str, Any], call: Call) -> dict[str, Any]:
        identifier = f"AROA{call.role.upper()[:16]}:{call.principal.rsplit('/', 1)[-1]}" if call.role else "AIDA"
        return {"Account": call.account, "Arn": call.principal, "UserId": identifier}

    def _assume_role(self, params: dict[str, Any], call: Call) -> dict[str, Any]:
        role_arn, session = params["RoleArn"], params["RoleSessionName"]
        role = role_arn.rsplit("/", 1)[-1]
        trust = self._policies.trust_policy(role)
        request = AccessRequest(action="sts:AssumeRole", resource=role_arn, principals=_names(call))
        if trust is None or decide(parse_policy(trust), request) is not Decision.ALLOWED:
            message = f"User: {call.principal} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
            raise AwsError("AccessDenied", message, 403)
        key = self._identities.key_of_role(role_arn, session)
        return {
            "Credentials": {
                "AccessKeyId": key.identifier,
                "SecretAccessKey": key.secret,
                "SessionToken": key.token,
                "Expiration": datetime.now(UTC) + timedelta(seconds=params.get("DurationSeconds") or 3600),
            },
            "AssumedRoleUser": {
                "AssumedRoleId": f"AROA{role.upper()[:16]}:{session}",
                "Arn": key.caller.arn,
            },
        }


def _names(call: Call) -> frozenset[str]:
    """All names under which a trust policy may know the caller."""
    names = {call.principal, f"arn:aws:iam::{call.account}:root", call.account}
    if call.role:
        names.add(f"arn:aws:iam::{call.account}:role/{call.role}")
    return frozenset(f"AWS:{name}" for name in names)
