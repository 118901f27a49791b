"""Decides whether and when EventBridge retries a delivery: attempts, age and backoff."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_FIRST_DELAY_SECONDS = 1.0
_LONGEST_DELAY_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class DeliveryRetryPolicy:
    """How long one target is worth trying; the defaults are EventBridge's."""

    maximum_attempts: int = 185
    maximum_age_seconds: int = 24 * 3600

    @classmethod
    def of_target(cls, target: Mapping[str, Any]) -> DeliveryRetryPolicy:
        given = target.get("RetryPolicy", {})
        return cls(
            maximum_attempts=given.get("MaximumRetryAttempts", 185),
            maximum_age_seconds=given.get("MaximumEventAgeInSeconds", 24 * 3600),
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a target did not take an event. ``may_pass`` is False where trying again cannot help."""

    code: str  # ERROR_CODE of the dead-letter message, e.g. NO_PERMISSIONS
    message: str
    may_pass: bool


@dataclass(frozen=True, slots=True)
class Redeliver:
    """Try once more after ``delay_seconds``."""

    delay_seconds: float


@dataclass(frozen=True, slots=True)
class GiveUpDelivery:
    """Send the event to the dead-letter queue. ``exhausted`` names the limit reached, if it was one."""

    exhausted: str | None


def after_failure(
    failure: Failure, policy: DeliveryRetryPolicy, *, retries: int, age_seconds: float, jitter: float
) -> Redeliver | GiveUpDelivery:
    """What follows a failed delivery that has been retried ``retries`` times.

    ``jitter`` in [0, 1) spreads the delay over the upper half of an exponential backoff. AWS names
    neither base nor ceiling of its own.
    """
    if not failure.may_pass:
        return GiveUpDelivery(None)
    if retries >= policy.maximum_attempts:
        return GiveUpDelivery("MaximumRetryAttempts")
    ceiling = min(_LONGEST_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2 ** min(retries, 32))
    delay = ceiling * (1 + jitter) / 2
    if age_seconds + delay > policy.maximum_age_seconds:
        return GiveUpDelivery("MaximumEventAgeInSeconds")
    return Redeliver(delay)
