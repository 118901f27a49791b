"""Whether a delivery or an asynchronous invocation is tried again, and when it is given up."""

from __future__ import annotations

import pytest

from localaws.services.events import retry as events
from localaws.services.events.targets import failure_of
from localaws.services.lambda_.invocations import retries as lambdas

BUSY = events.Failure("THROTTLING", "busy", may_pass=True)
FORBIDDEN = events.Failure("NO_PERMISSIONS", "no", may_pass=False)


def test_eventbridge_tries_for_a_day_by_default() -> None:
    assert events.DeliveryRetryPolicy.of_target({}) == events.DeliveryRetryPolicy(185, 86400)


def test_a_targets_own_policy_counts() -> None:
    target = {"RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}}
    assert events.DeliveryRetryPolicy.of_target(target) == events.DeliveryRetryPolicy(0, 60)


def test_a_refused_permission_is_not_retried() -> None:
    decision = events.after_failure(FORBIDDEN, events.DeliveryRetryPolicy(), retries=0, age_seconds=0, jitter=0)
    assert decision == events.GiveUpDelivery(None)


def test_delays_double_up_to_a_ceiling_with_jitter_below_it() -> None:
    def delay(retries: int, jitter: float) -> float:
        decision = events.after_failure(
            BUSY, events.DeliveryRetryPolicy(), retries=retries, age_seconds=0, jitter=jitter
        )
        assert isinstance(decision, events.Redeliver)
        return decision.delay_seconds

    assert [delay(n, 0.0) for n in range(3)] == [0.5, 1.0, 2.0]
    assert delay(0, 0.99) < 1.0
    assert delay(100, 0.0) == 300.0


def test_eventbridge_names_the_limit_it_reached() -> None:
    policy = events.DeliveryRetryPolicy(maximum_attempts=2, maximum_age_seconds=60)
    assert events.after_failure(BUSY, policy, retries=2, age_seconds=0, jitter=0) == events.GiveUpDelivery(
        "MaximumRetryAttempts"
    )
    assert events.after_failure(BUSY, policy, retries=1, age_seconds=60, jitter=0) == events.GiveUpDelivery(
        "MaximumEventAgeInSeconds"
    )


@pytest.mark.parametrize(
    ("code", "status", "expected", "may_pass"),
    [
        ("TooManyRequestsException", 429, "THROTTLING", True),
        ("ThrottlingException", 400, "THROTTLING", True),
        ("ServiceException", 500, "INTERNAL_ERROR", True),
        ("AccessDeniedException", 400, "NO_PERMISSIONS", False),
        ("AccessDenied", 403, "NO_PERMISSIONS", False),
        ("ResourceNotFoundException", 404, "NO_RESOURCE", False),
        ("AWS.SimpleQueueService.NonExistentQueue", 400, "NO_RESOURCE", False),
        ("ExecutionAlreadyExists", 400, "RESOURCE_ALREADY_EXISTS", False),
        ("InvalidExecutionInput", 400, "SDK_CLIENT_ERROR", False),
    ],
)
def test_what_an_aws_error_means(code: str, status: int, expected: str, may_pass: bool) -> None:
    failure = failure_of(code, status, "text")
    assert (failure.code, failure.may_pass) == (expected, may_pass)


def test_lambda_retries_errors_after_one_and_two_minutes() -> None:
    policy = lambdas.AsyncPolicy.of_config({})
    decisions = [lambdas.after_error(policy, errors=n, age_seconds=0) for n in (1, 2, 3)]
    assert decisions == [lambdas.RetryLater(60), lambdas.RetryLater(120), lambdas.GiveUpInvocation("RetriesExhausted")]


def test_no_retries_means_none() -> None:
    policy = lambdas.AsyncPolicy.of_config({"MaximumRetryAttempts": 0})
    assert lambdas.after_error(policy, errors=1, age_seconds=0) == lambdas.GiveUpInvocation("RetriesExhausted")


def test_an_old_event_is_given_up_before_its_retry() -> None:
    policy = lambdas.AsyncPolicy.of_config({"MaximumEventAgeInSeconds": 100})
    assert lambdas.after_error(policy, errors=1, age_seconds=50) == lambdas.GiveUpInvocation("EventAgeExceeded")
    assert lambdas.after_throttle(policy, throttles=1, age_seconds=99.5) == lambdas.GiveUpInvocation("EventAgeExceeded")


def test_throttled_events_come_back_from_one_second_to_five_minutes() -> None:
    policy = lambdas.AsyncPolicy()
    delays = [lambdas.after_throttle(policy, throttles=n, age_seconds=0) for n in (1, 2, 3, 50)]
    assert delays == [lambdas.RetryLater(1), lambdas.RetryLater(2), lambdas.RetryLater(4), lambdas.RetryLater(300)]
