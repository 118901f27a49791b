"""Decides whether a failed step is retried, and after what delay. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SERVICE_FAULT = "Step.SERVICE_FAULT"
THROTTLING = "Step.THROTTLING"
JOB_INTERNAL_ERROR = "SageMaker.JOB_INTERNAL_ERROR"
CAPACITY_ERROR = "SageMaker.CAPACITY_ERROR"
RESOURCE_LIMIT = "SageMaker.RESOURCE_LIMIT"
EXCEPTION_TYPES = frozenset({SERVICE_FAULT, THROTTLING, JOB_INTERNAL_ERROR, CAPACITY_ERROR, RESOURCE_LIMIT})

_SERVER_ERROR = 500
_THROTTLED = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRetryPolicy:
    """One entry of ``RetryPolicies``; the n-th retry waits ``interval_seconds * backoff_rate**n``, n from 0."""

    exceptions: frozenset[str]
    interval_seconds: float = 1
    backoff_rate: float = 2.0
    max_attempts: int | None = 5  # retries, the first attempt not counted
    expire_after_seconds: float | None = None  # since the first failure

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> StepRetryPolicy:
        """Read a definition's policy; raises ValueError for what AWS does not allow."""
        given = raw["ExceptionType"]
        exceptions = frozenset([given] if isinstance(given, str) else given)
        if unknown := exceptions - EXCEPTION_TYPES:
            raise ValueError(f"ExceptionType {', '.join(sorted(unknown))} is unknown")
        expire_after_minutes = raw.get("ExpireAfterMin")
        max_attempts = raw.get("MaxAttempts")
        if expire_after_minutes is not None and max_attempts is not None:
            raise ValueError("only one of MaxAttempts and ExpireAfterMin can be given")
        policy = cls(
            exceptions=exceptions,
            interval_seconds=raw.get("IntervalSeconds", 1),
            backoff_rate=raw.get("BackoffRate", 2.0),
            max_attempts=None if expire_after_minutes is not None else (max_attempts or 5),
            expire_after_seconds=None if expire_after_minutes is None else expire_after_minutes * 60,
        )
        policy._check_limits()
        return policy

    def _check_limits(self) -> None:
        if not 1 <= self.interval_seconds <= 43_200:
            raise ValueError("IntervalSeconds must be between 1 and 43200")
        if self.max_attempts is not None and not 1 <= self.max_attempts <= 20:
            raise ValueError("MaxAttempts must be between 1 and 20")
        if self.expire_after_seconds is not None and self.expire_after_seconds > 14_400 * 60:
            raise ValueError("ExpireAfterMin must be at most 14400")

    def delay_seconds(self, retries_done: int, elapsed_seconds: float) -> float | None:
        """How long to wait before the next retry, None when there is none left."""
        if self.max_attempts is not None and retries_done >= self.max_attempts:
            return None
        if self.expire_after_seconds is not None and elapsed_seconds >= self.expire_after_seconds:
            return None
        return float(self.interval_seconds * self.backoff_rate**retries_done)


# SageMaker retries these two without a policy; how often is not documented.
BY_DEFAULT = StepRetryPolicy(exceptions=frozenset({SERVICE_FAULT, THROTTLING}))


def policy_for(exception: str | None, policies: Sequence[StepRetryPolicy]) -> StepRetryPolicy | None:
    """The policy that covers an exception: the step's own before SageMaker's."""
    return next((policy for policy in (*policies, BY_DEFAULT) if exception in policy.exceptions), None)


def exception_of_refusal(code: str, status: int) -> str | None:
    """The exception type of a Create call that was refused with an AWS error, None if none fits."""
    if code in _THROTTLED:
        return THROTTLING
    if code == "ResourceLimitExceeded":
        return RESOURCE_LIMIT
    return SERVICE_FAULT if status >= _SERVER_ERROR else None


def exception_of_failure(failure_reason: str) -> str | None:
    """The exception type of a job that ended as Failed, by what its reason begins with."""
    if failure_reason.startswith("InternalServerError"):
        return JOB_INTERNAL_ERROR
    return CAPACITY_ERROR if failure_reason.startswith("CapacityError") else None
