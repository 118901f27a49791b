"""botocore clients, made when first used, and what AWS's errors mean.

A client costs tens of milliseconds and a TLS connection to make, so nothing is made before it is needed, and all
share one session.
"""

from __future__ import annotations

from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session, get_session

from sluice.errors import EndpointBusyError, RetryableError, SluiceError, ThrottledError

_THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"}
)


class Clients:
    """One botocore client per service, shared and lazily made."""

    def __init__(self, session: Session | None = None, region: str | None = None) -> None:
        self._session = session
        self._region = region
        self._made: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        if service not in self._made:
            self._session = self._session or get_session()
            self._made[service] = self._session.create_client(service, region_name=self._region, config=_config())
        return self._made[service]


def _config() -> Config:
    # Four tries within a function's time; what still fails is retried by the state machine or the queue.
    return Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=3, read_timeout=15)


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
