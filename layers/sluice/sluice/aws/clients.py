"""boto3's clients, made when first used, and what AWS's errors mean.

A client costs tens of milliseconds and a TLS connection to make, so nothing is made before it is needed, and all
share one session: each session reads all of botocore's data for itself.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

from boto3 import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from sluice.errors import EndpointBusyError, RetryableError, SluiceError, ThrottledError

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


RETRYABLE_ERRORS = (RetryableError, ClientError, BotoCoreError)


class Clients:
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
        self._made[service] = self._session.client(service, region_name=self._region, config=_config())


class LazyClient:
    """A client made at its first use, so that a function pays only for the services it calls."""

    def __init__(self, clients: Callable[[str], Any], service: str) -> None:
        self._clients = clients
        self._service = service

    def __getattr__(self, operation: str) -> Any:
        return reached(getattr(self._clients(self._service), operation))


def lazy_clients(clients: Callable[[str], Any] | None = None) -> Callable[[str], LazyClient]:
    """Clients by service, each made when first used; ``clients`` makes them, by default on a session of their own."""
    make = clients or Clients()
    return lambda service: LazyClient(make, service)


def _config() -> Config:
    # Three tries, which all can hang and still leave a function of 60 s time to say so; what fails then is
    # retried by the state machine or the queue.
    return Config(retries={"mode": "standard", "max_attempts": 3}, connect_timeout=3, read_timeout=10)


def reached(call: Callable[..., Any]) -> Callable[..., Any]:
    """The same call; that AWS could not be reached, or did not answer, is an error that a retry helps."""

    def attempt(*args: Any, **request: Any) -> Any:
        try:
            return call(*args, **request)
        except HTTPClientError as error:
            raise RetryableError(str(error)) from error

    return attempt


def code(error: ClientError) -> str:
    """The AWS error code, e.g. ``ValidationException``."""
    return str(error.response.get("Error", {}).get("Code", ""))


def says(error: ClientError, text: str) -> bool:
    """Whether the message holds ``text``, ignoring case.

    SageMaker's hosting API answers nearly everything with ValidationException; only the text tells what it was.
    """
    return text.casefold() in str(error.response.get("Error", {}).get("Message", "")).casefold()


def understood(error: ClientError) -> SluiceError | ClientError:
    """The same failure as one of our errors where we know that a retry helps; otherwise unchanged."""
    if code(error) in _THROTTLED:
        return ThrottledError(str(error))
    if code(error) == "ValidationException" and says(error, "in-progress endpoint"):
        return EndpointBusyError(str(error))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code(error) == "ConflictException" or status >= 500:
        return RetryableError(str(error))
    return error
