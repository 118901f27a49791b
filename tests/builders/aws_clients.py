"""Clients of AWS as the adapters get them, and the refusals that such a client raises."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError
from sluice.aws.clients import lazy_clients, translate_client_error
from sluice.errors import SluiceError


def translating(client: Any) -> Any:
    """``client`` behind the layer's proxy, so that its errors are translated as in a function."""
    return lazy_clients(lambda _service: client)("any")


def client_error(operation: str, code: str, message: str = "no") -> ClientError:
    """What boto3 itself raises when AWS refuses a call."""
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def refusal(operation: str, code: str, message: str = "no") -> SluiceError:
    """What an adapter raises when AWS refuses a call."""
    return translate_client_error(client_error(operation, code, message))
