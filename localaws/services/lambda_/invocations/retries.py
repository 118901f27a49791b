"""Decides whether a failed asynchronous invocation is retried or given up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_DELAYS_AFTER_ERRORS_SECONDS = (60.0, 120.0)
_FIRST_DELAY_AFTER_THROTTLE_SECONDS = 1.0
_LONGEST_DELAY_AFTER_THROTTLE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class AsyncPolicy:
    """How long a function's asynchronous events are worth trying; the defaults are Lambda's."""

    maximum_retries: int = 2
    maximum_age_seconds: int = 6 * 3600

    @classmethod
    def of_config(cls, config: Mapping[str, Any]) -> AsyncPolicy:
        """From an EventInvokeConfig; an empty one gives the defaults."""
        return cls(
            maximum_retries=config.get("MaximumRetryAttempts", 2),
            maximum_age_seconds=config.get("MaximumEventAgeInSeconds", 6 * 3600),
        )


@dataclass(frozen=True, slots=True)
class RetryLater:
    delay_seconds: float


@dataclass(frozen=True, slots=True)
class GiveUpInvocation:
    """``condition`` is the word for it in the record sent to the on-failure destination."""

    condition: str  # RetriesExhausted | EventAgeExceeded


def after_error(policy: AsyncPolicy, *, errors: int, age_seconds: float) -> RetryLater | GiveUpInvocation:
    """After the function failed for the ``errors``-th time (1 or more)."""
    if errors > policy.maximum_retries:
        return GiveUpInvocation("RetriesExhausted")
    return _again_if_young(_DELAYS_AFTER_ERRORS_SECONDS[errors - 1], policy, age_seconds)


def after_throttle(policy: AsyncPolicy, *, throttles: int, age_seconds: float) -> RetryLater | GiveUpInvocation:
    """After no environment was free for the ``throttles``-th time (1 or more); these are not counted as retries."""
    delay = _FIRST_DELAY_AFTER_THROTTLE_SECONDS * 2.0 ** min(throttles - 1, 16)
    return _again_if_young(min(delay, _LONGEST_DELAY_AFTER_THROTTLE_SECONDS), policy, age_seconds)


def _again_if_young(delay: float, policy: AsyncPolicy, age_seconds: float) -> RetryLater | GiveUpInvocation:
    if age_seconds + delay > policy.maximum_age_seconds:
        return GiveUpInvocation("EventAgeExceeded")
    return RetryLater(delay)
