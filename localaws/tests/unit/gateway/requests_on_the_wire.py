"""Requests as botocore writes and signs them, caught before they are sent."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import botocore.session
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config
from moto.core.request import environ_key_for_header

from localaws.gateway.signature import SignedRequest
from localaws.iam.identity import DEVELOPER_ACCESS_KEY, DEVELOPER_SECRET_KEY

ENDPOINT = "http://127.0.0.1:4566"


class CaughtError(Exception):
    """Raised instead of sending."""

    def __init__(self, request: AWSPreparedRequest) -> None:
        super().__init__()
        self.request = request


def client(
    service: str,
    access_key: str = DEVELOPER_ACCESS_KEY,
    secret: str = DEVELOPER_SECRET_KEY,
    token: str | None = None,
    **options: Any,
) -> Any:
    """A botocore client that knows the local AWS by its address alone."""
    return botocore.session.Session().create_client(
        service,
        region_name="us-east-1",
        endpoint_url=ENDPOINT,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(retries={"total_max_attempts": 1}, inject_host_prefix=False, **options),
    )


def caught(made: Any, method: str, **params: Any) -> SignedRequest:
    """The request of one call."""

    def catch(request: AWSPreparedRequest, **_about: Any) -> None:
        raise CaughtError(request)

    made.meta.events.register("before-send", catch)
    try:
        getattr(made, method)(**params)
    except CaughtError as error:
        return on_the_wire(error.request)
    finally:
        made.meta.events.unregister("before-send", catch)
    raise AssertionError(f"{method} sent nothing")


def on_the_wire(request: AWSPreparedRequest) -> SignedRequest:
    """What a server sees of a prepared request."""
    url = urlsplit(request.url)
    headers = {name.lower(): _text(value) for name, value in request.headers.items()}
    headers.setdefault("host", url.netloc)
    body = request.body or b""
    if hasattr(body, "read"):
        body = body.read()
    return SignedRequest(
        method=request.method,
        path=url.path,
        query=url.query,
        headers=headers,
        body=body.encode() if isinstance(body, str) else bytes(body),
    )


def presigned(url: str, method: str = "GET", headers: dict[str, str] | None = None) -> SignedRequest:
    """The request that opens a presigned URL."""
    parts = urlsplit(url)
    names = {name.lower(): value for name, value in (headers or {}).items()}
    return SignedRequest(
        method=method, path=parts.path, query=parts.query, headers={"host": parts.netloc} | names, body=b""
    )


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def environ_of(request: SignedRequest) -> dict[str, Any]:
    """The WSGI environment that the HTTP server makes of a request."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query,
        "RAW_URI": request.path,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "4566",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "CONTENT_LENGTH": str(len(request.body)),
    }
    return environ | {environ_key_for_header(name): value for name, value in request.headers.items()}


def ask(gateway: Any, request: SignedRequest) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the gateway's answer."""
    began: list[Any] = []
    body = b"".join(gateway(environ_of(request), lambda status, headers: began.extend((status, headers))))
    return int(began[0].split()[0]), dict(began[1]), body
