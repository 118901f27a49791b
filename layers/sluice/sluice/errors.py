"""What can go wrong: a retry helps, it does not, or only the caller knows.

    SluiceError
    ├── RetryableError          the failure is transient: the same call may succeed later
    │   ├── ThrottledError      AWS asked for fewer calls
    │   ├── AccessRefusedError  a role may not do this, or not yet
    │   ├── EndpointBusyError   the endpoint is still changing and refuses another change
    │   └── NotVisibleYetError  what a call refers to is not there, or was made a moment ago
    ├── PermanentError          the same call fails again
    │   ├── SpecError           a model's file is wrong; carries every problem found
    │   └── UnknownModelError   no spec is stored for the model
    └── AwsError                a call to AWS failed, and its caller knows whether a retry helps
        ├── AwsRefusedError     AWS said no; carries its code and its message
        ├── MetricsUnknownError CloudWatch answered, but not with all the data that was asked for
        └── AwsLibraryError     boto3 did not send the request, such as one with invalid parameters

``aws/clients.py`` translates every error of boto3 into one of these; no other module sees boto3's own.

Lambda reports an exception by the name of its class, and Step Functions compares that name as text: a base
class in a ``Retry`` does not cover its subclasses. So these names are part of the state machine and final,
and a state lists each retryable one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_ACCESS_REFUSED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "403"})


class SluiceError(Exception):
    """Anything Sluice itself raises."""


class RetryableError(SluiceError):
    """Trying the same thing again later may work."""


class PermanentError(SluiceError):
    """Trying the same thing again fails again."""


class ThrottledError(RetryableError):
    """AWS refused the call because of too many calls."""


class AccessRefusedError(RetryableError):
    """A role may not do this, or not yet: IAM is eventually consistent, so a new role or policy works after seconds.

    Whoever retries it gives it minutes.
    """


class EndpointBusyError(RetryableError):
    """The endpoint is being created, updated, rolled back or deleted and refuses every change meanwhile."""


class NotVisibleYetError(RetryableError):
    """What a call refers to is not there: it was made a moment ago, or somebody has deleted it.

    Whoever retries it gives it a minute or two, and not the hours of an outage.
    """


class UnknownModelError(PermanentError):
    """No spec is stored for this model in this stage."""


class AwsError(SluiceError):
    """A call to AWS failed for a reason that is not known to be transient."""

    code: str
    """AWS's error code, e.g. ``ValidationException``, or the name of boto3's exception."""

    def __init__(self, text: str, *, code: str) -> None:
        self.code = code
        super().__init__(text)


class AwsRefusedError(AwsError):
    """AWS refused the call."""

    message: str
    """AWS's own words."""
    operation: str
    """What was called, e.g. ``DescribeEndpoint``."""
    response: Mapping[str, Any]
    """The whole answer: some services add to it, such as DynamoDB its CancellationReasons."""

    def __init__(self, text: str, *, code: str, message: str, operation: str, response: Mapping[str, Any]) -> None:
        self.message = message
        self.operation = operation
        self.response = response
        super().__init__(text, code=code)

    @property
    def is_access_refusal(self) -> bool:
        """Whether a policy does not allow the call: each protocol has a code of its own for that."""
        return self.code in _ACCESS_REFUSED

    def message_contains(self, text: str) -> bool:
        """Whether AWS's message contains ``text``, ignoring case.

        SageMaker's hosting API answers nearly everything with ValidationException; only the text tells what it was.
        """
        return text.casefold() in self.message.casefold()


class MetricsUnknownError(AwsError):
    """CloudWatch's answer lacks data or says that it may: no number in it can be relied on, nor that there is none.

    ``code`` is the StatusCode of the result, such as ``InternalError``.
    """


class AwsLibraryError(AwsError):
    """boto3 could not make the call: its parameters are invalid, or there are no credentials or no region."""


RETRYABLE_ERRORS = (RetryableError, AwsError)
"""Errors of one item that must not fail the rest of its batch: that item is retried later."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a spec."""

    path: str
    """Where, e.g. ``rollout.stages[1].weight``; empty for the file as a whole."""
    value: object
    """The value of the field; None if it is missing."""
    allowed: str
    """What may stand there, in words that fit after "allowed:"."""
    message: str
    """What is wrong with it."""

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{where}{self.message} (allowed: {self.allowed})"


class SpecError(PermanentError):
    """A model's spec is wrong; ``problems`` holds all that was found, in the order of the file's fields."""

    problems: tuple[Problem, ...]

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(str(problem) for problem in self.problems))
