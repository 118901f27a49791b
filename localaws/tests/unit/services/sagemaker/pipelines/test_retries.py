"""Retry policies: what is tried again, how often and after how long."""

from __future__ import annotations

import pytest

from localaws.services.sagemaker.pipelines.retries import (
    BY_DEFAULT,
    CAPACITY_ERROR,
    JOB_INTERNAL_ERROR,
    RESOURCE_LIMIT,
    SERVICE_FAULT,
    THROTTLING,
    StepRetryPolicy,
    exception_of_failure,
    exception_of_refusal,
    policy_for,
)


def test_waits_grow_with_the_backoff_rate_until_the_attempts_are_used_up() -> None:
    raw = {"ExceptionType": [CAPACITY_ERROR], "IntervalSeconds": 60, "BackoffRate": 2.0, "MaxAttempts": 3}
    policy = StepRetryPolicy.parse(raw)
    assert [policy.delay_seconds(done, 0) for done in range(4)] == [60, 120, 240, None]


def test_a_policy_may_end_by_time_instead() -> None:
    policy = StepRetryPolicy.parse({"ExceptionType": [CAPACITY_ERROR], "ExpireAfterMin": 2})
    assert policy.delay_seconds(30, 119) is not None
    assert policy.delay_seconds(0, 120) is None


def test_a_steps_own_policy_comes_before_the_default_one() -> None:
    own = StepRetryPolicy(exceptions=frozenset({THROTTLING}), interval_seconds=9)
    assert policy_for(THROTTLING, [own]) is own
    assert policy_for(SERVICE_FAULT, [own]) is BY_DEFAULT
    assert policy_for(CAPACITY_ERROR, [own]) is None
    assert policy_for(None, [own]) is None


@pytest.mark.parametrize(
    "raw",
    [
        {"ExceptionType": ["SageMaker.BAD_LUCK"]},
        {"ExceptionType": [THROTTLING], "MaxAttempts": 21},
        {"ExceptionType": [THROTTLING], "IntervalSeconds": 43_201},
        {"ExceptionType": [THROTTLING], "ExpireAfterMin": 14_401},
        {"ExceptionType": [THROTTLING], "MaxAttempts": 1, "ExpireAfterMin": 1},
    ],
)
def test_policies_beyond_the_limits_are_refused(raw: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"ExceptionType|MaxAttempts|IntervalSeconds|ExpireAfterMin"):
        StepRetryPolicy.parse(raw)


@pytest.mark.parametrize(
    ("code", "status", "exception"),
    [
        ("ThrottlingException", 400, THROTTLING),
        ("ResourceLimitExceeded", 400, RESOURCE_LIMIT),
        ("InternalFailure", 500, SERVICE_FAULT),
        ("ValidationException", 400, None),
        ("AccessDeniedException", 400, None),
    ],
)
def test_refusals_are_distinguished_by_code(code: str, status: int, exception: str | None) -> None:
    assert exception_of_refusal(code, status) == exception


def test_failures_are_distinguished_by_how_the_reason_begins() -> None:
    assert exception_of_failure("CapacityError: Unable to provision requested ML compute capacity.") == CAPACITY_ERROR
    assert exception_of_failure("InternalServerError: We encountered an internal error.") == JOB_INTERNAL_ERROR
    assert exception_of_failure("AlgorithmError: CapacityError, exit code: 1") is None
