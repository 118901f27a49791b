"""boto3's clients, made when first used, and the one place that translates AWS's errors into our own.

A client costs tens of milliseconds and a TLS connection to make, so nothing is made before it is needed, and all
share one session: each session reads all of botocore's data for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from boto3 import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError, IncompleteReadError

from sluice.errors import (
    AccessRefusedError,
    AwsLibraryError,
    AwsRefusedError,
    EndpointBusyError,
    RetryableError,
    SluiceError,
    ThrottledError,
)

_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)

_CONFLICTS = frozenset(
    {
        "ConditionalRequestConflict",
        "ConflictException",
        "ReplicatedWriteConflictException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
"""Somebody else is changing it just now. DynamoDB refuses even a single write to an item of an ongoing transaction:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html#transaction-conflict-handling"""

_PASSING_REASONS = frozenset({"ProvisionedThroughputExceeded", "ThrottlingError", "TransactionConflict"})
"""For which DynamoDB cancels a transaction that may succeed later:
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""

GATE_ANSWER_SECONDS = 20
"""How long a gate's function may take to answer; twice as much fits into the functions that ask gates."""

_NOT_ASSUMED = ("could not assume role", "ensure that the role", "to assume the role", "cannot be assumed")
"""What SageMaker, Scheduler and Lambda say of a role that they may not assume, or not yet."""

_INVALID = frozenset({"InvalidParameterValueException", "ValidationException"})

_UNREACHABLE = (ConnectionError, HTTPClientError)
_BODIES = ("Body", "Payload")  # fields of answers that are streams


class Boto3Clients:
    """One boto3 client per service, shared and lazily made on one session.

    Threads may use clients together, but not have one session make them at the same time.
    """

    def __init__(self, session: Session | None = None, region: str | None = None) -> None:
        self._session = session
        self._region = region
        self._made: dict[str, Any] = {}
        self._making = Lock()

    def __call__(self, service: str) -> Any:
        if service not in self._made:
            with self._making:
                self._make(service)
        return self._made[service]

    def _make(self, service: str) -> None:
        if service in self._made:
            return  # by another thread, while this one waited
        self._session = self._session or Session()
        try:
            self._made[service] = self._session.client(service, region_name=self._region, config=_config(service))
        except ValueError as error:  # botocore's, of an endpoint that is no URL
            raise AwsLibraryError(str(error), code="InvalidEndpoint") from error


class LazyClient:
    """A client made at its first use, so that a function pays only for the services it calls.

    Its calls, and the bodies that they answer with, raise the errors of ``sluice.errors`` and never boto3's.
    """

    def __init__(self, clients: Callable[[str], Any], service: str) -> None:
        self._clients = clients
        self._service = service

    def __getattr__(self, name: str) -> Any:
        with _translated_errors():
            attribute = getattr(self._clients(self._service), name)
        return _translated(attribute) if callable(attribute) else attribute


def lazy_clients(clients: Callable[[str], Any] | None = None) -> Callable[[str], LazyClient]:
    """Clients by service, each made when first used; ``clients`` makes them, by default on a session of their own."""
    make = clients or Boto3Clients()
    return lambda service: LazyClient(make, service)


def _config(service: str) -> Config:
    """``total_max_attempts`` counts all tries; botocore's ``max_attempts`` counts those after the first.

    https://botocore.amazonaws.com/v1/documentation/api/latest/reference/config.html
    """
    if service == "lambda":
        # Only gates' functions are invoked. One that takes long must not be invoked once more meanwhile: the next look
        # asks again.
        return Config(retries={"total_max_attempts": 1}, connect_timeout=3, read_timeout=GATE_ANSWER_SECONDS)
    # Three tries, which all can hang and still leave a function of 60 s time to say so; what fails then is
    # retried by the state machine or the queue.
    return Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=3, read_timeout=10)


class _Body:
    """The body of an answer. A connection that breaks while it is read is a RetryableError."""

    def __init__(self, body: Any, name: str) -> None:
        self._body = body
        self._name = name

    def read(self, *size: int) -> Any:
        try:
            return self._body.read(*size)
        except (*_UNREACHABLE, IncompleteReadError) as error:
            raise RetryableError(f"{self._name} could not be read to its end: {error}") from error
        except BotoCoreError as error:
            raise AwsLibraryError(str(error), code=type(error).__name__) from error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)


def _translated(call: Callable[..., Any]) -> Callable[..., Any]:
    """The same call, which raises the errors of ``sluice.errors``."""

    def attempt(*args: Any, **request: Any) -> Any:
        with _translated_errors():
            answer = call(*args, **request)
        for field in _BODIES:
            if isinstance(answer, dict) and hasattr(answer.get(field), "read"):
                answer[field] = _Body(answer[field], str(request.get("Key") or "the answer"))
        return answer

    return attempt


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        translated = translate_client_error(error)
        raise translated from translated.__cause__
    except _UNREACHABLE as error:
        raise RetryableError(f"AWS cannot be reached: {error}") from error
    except BotoCoreError as error:
        raise AwsLibraryError(str(error), code=type(error).__name__) from error


def translate_client_error(error: ClientError) -> SluiceError:
    """AWS's refusal as the error to raise: a RetryableError where we know that the failure is transient.

    The AwsRefusedError that it would be otherwise is then its cause, with the code and the message.
    """
    details = error.response.get("Error", {})
    refusal = AwsRefusedError(
        str(error),
        code=str(details.get("Code", "")),
        message=str(details.get("Message", "no reason given")),
        operation=error.operation_name,
        response=error.response,
    )
    refusal.__cause__ = error
    kind = _transient(refusal)
    if kind is None:
        return refusal
    transient = kind(str(error))
    transient.__cause__ = refusal
    return transient


def _transient(refusal: AwsRefusedError) -> type[RetryableError] | None:
    """The class of a transient failure; None for a refusal that may be final."""
    if refusal.code.removeprefix("KMS.") in _THROTTLED:
        return ThrottledError
    if refusal.code == "ValidationException" and refusal.message_contains("in-progress endpoint"):
        return EndpointBusyError
    if refusal.code in _INVALID and any(map(refusal.message_contains, _NOT_ASSUMED)):
        return AccessRefusedError
    status = refusal.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if refusal.code in _CONFLICTS or status >= 500 or _is_cancelled_for_now(refusal):
        return RetryableError
    return None


def _is_cancelled_for_now(refusal: AwsRefusedError) -> bool:
    """Whether a transaction was cancelled for passing reasons alone; of conditions its caller decides."""
    reasons = {str(each.get("Code")) for each in refusal.response.get("CancellationReasons", [])} - {"None"}
    return refusal.code == "TransactionCanceledException" and bool(reasons) and reasons <= _PASSING_REASONS
