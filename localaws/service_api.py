"""The interface between the gateway and a service: a parsed call in, a botocore-shaped result or an AWS error out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Who calls what. ``role`` is None for the developer and for the local AWS itself."""

    service: str  # botocore's service name, e.g. "sagemaker-runtime"
    operation: str  # CamelCase, e.g. "InvokeEndpoint"
    region: str
    account: str
    role: str | None = None  # role name, for calls made with a role's credentials
    principal: str = ""  # ARN of the caller


class AwsError(Exception):
    """An error the caller receives in the protocol's own shape.

    ``fields`` are further members of the error shape, e.g. ``OriginalStatusCode`` of a ModelError.
    """

    def __init__(self, code: str, message: str, status: int = 400, fields: Mapping[str, Any] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = dict(fields or {})


def invalid(message: str) -> AwsError:
    """SageMaker's error for nearly every invalid request: ValidationException; only the text differs."""
    return AwsError("ValidationException", message)


def quota_exceeded(quota: str, limit: int, in_use: int, more: int, unit: str) -> AwsError:
    """ResourceLimitExceeded in the words that users of SageMaker report."""
    return AwsError(
        "ResourceLimitExceeded",
        f"The account-level service limit '{quota}' is {limit} {unit}, with current utilization of {in_use} {unit} and "
        f"a request delta of {more} {unit}. Please use AWS Service Quotas to request an increase for this quota. If "
        "AWS Service Quotas is not available, contact AWS support to request an increase for this quota.",
    )


Params = dict[str, Any]  # of a call, as botocore names and types them
Result = dict[str, Any]  # of a call, likewise
Operation = Callable[[Params, Call], Result]


class Service(Protocol):
    """One AWS service of our own; operations it lacks are answered 501 and recorded, never silently ignored."""

    name: str

    @property
    def operations(self) -> Mapping[str, Operation]: ...


@dataclass(slots=True)
class RecordedCall:
    """One call that passed the gateway, for reports and for "used versus granted" of each role."""

    at: float  # epoch seconds
    service: str
    operation: str
    role: str | None
    resources: tuple[str, ...] = ()
    allowed: bool = True
    error: str | None = None  # AWS error code
    fields: dict[str, Any] = field(default_factory=dict)
