"""The permission, and how ARNs are made; shared by all families of services."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localaws.iam.conditions import ContextValue

CallParams = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Permission:
    """One action on one resource; all of a call's permissions must be granted."""

    action: str  # e.g. "sagemaker:InvokeEndpoint"
    resource: str  # ARN, or "*" for actions without resource-level permissions
    context: Mapping[str, ContextValue] = field(default_factory=dict)  # condition keys of this call


def _unknown(_table: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Place:
    """The account and region of a call, and what is there."""

    account: str
    region: str
    partition_key: Callable[[str], str | None] = _unknown  # of a table, by its name; None if there is no such table

    def arn(self, service: str, rest: str) -> str:
        """The ARN of a regional resource."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{rest}"


# Of an operation and its parameters, the permissions needed.
Rules = Callable[[str, CallParams, Place], list[Permission]]


def pass_role(role_arn: str | None, service: str) -> list[Permission]:
    """Handing a role to an AWS service needs a permission of its own; nothing when no role is handed."""
    if not role_arn:
        return []
    return [Permission("iam:PassRole", role_arn, {"iam:PassedToService": f"{service}.amazonaws.com"})]


def as_arn(name: str, arn_of_name: str) -> str:
    """AWS takes most names as ARNs, too."""
    return name if name.startswith("arn:") else arn_of_name
