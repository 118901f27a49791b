"""The gateway: identifies, authorises, answers and records every AWS call, and injects faults that were asked for.

A WSGI application in front of our own services and, for the services we do not write ourselves, of moto.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, Protocol

from moto.core.parse import RequestParserError
from moto.core.request import Request
from werkzeug.exceptions import BadRequest

from localaws.gateway.dialect import (
    CBOR,
    JSON,
    REST_JSON,
    REST_XML,
    Dialect,
    Response,
    dialect_of,
    refusal,
    write_error,
)
from localaws.gateway.faults import Faults
from localaws.gateway.protocol import UnknownOperationError, Wire, asked_for, parse, serialise, service_of
from localaws.gateway.record import CallLog
from localaws.gateway.signature import Problem, Signature, SignatureError, SignedRequest, check, read_signature
from localaws.iam.identity import Caller, Identities
from localaws.iam.permissions.permission import Permission
from localaws.service_api import AwsError, Call, Operation, RecordedCall, Service

LOG = logging.getLogger(__name__)
REQUESTS = logging.getLogger("localaws.requests")  # one line for each request of a client
HEALTH_PATH = "/_localaws/health"
_PLAIN_TEXT = {"Content-Type": "text/plain"}
# What a service answers to an operation that it does not have; the query protocols say InvalidAction.
_UNKNOWN_OPERATION = {
    JSON: ("UnknownOperationException", 400),
    REST_JSON: ("UnknownOperationException", 404),
    CBOR: ("UnknownOperationException", 404),
    REST_XML: ("MethodNotAllowed", 405),
}

StartResponse = Callable[[str, list[tuple[str, str]]], object]


class Fallback(Protocol):
    """Answers the services that we do not write ourselves: moto."""

    def serves(self, service: str) -> bool: ...
    def answer(self, service: str, wire: Wire, environ: dict[str, Any]) -> Response: ...


class Authoriser(Protocol):
    """Decides whether a caller may do what he asks for."""

    def authorise(self, caller: Caller, call: Call, params: Mapping[str, Any]) -> tuple[Permission, ...]:
        """The permissions the call used; raises AwsError when one is missing."""

    def refuse_untrusting_roles(self, call: Call, params: Mapping[str, Any]) -> None:
        """Raise AwsError for a role that is handed to a service which may not assume it."""

    def iam_changed(self) -> None:
        """Is called after every call that may have changed a policy."""


@dataclass(slots=True)
class _Progress:
    """What is known of a request so far, for the record, the log and for answering an error in the right protocol."""

    dialect: Dialect
    asked: str  # method and path, then service and operation
    caller: Caller | None = None
    call: Call | None = None
    permissions: tuple[Permission, ...] = ()
    denied: bool = False
    started: float = field(default_factory=time.time)


@dataclass(slots=True, kw_only=True)
class Gateway:
    """The WSGI application. ``open`` it with the services before it is asked for anything but its health."""

    account: str
    identities: Identities
    authoriser: Authoriser
    fallback: Fallback
    faults: Faults
    record: CallLog
    region: str = "us-east-1"  # of the requests that name none: presigned URLs of Version 2
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    _operations: dict[tuple[str, str], Operation] = field(default_factory=dict)
    _ready: bool = False

    def open(self, services: Sequence[Service]) -> None:
        """Merge the services' operations; two of them answering the same operation is an error."""
        for service in services:
            for name, operation in service.operations.items():
                if (service.name, name) in self._operations:
                    raise ValueError(f"{service.name} {name} is answered by two services")
                self._operations[service.name, name] = operation
        self._ready = True

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        response = self._respond(environ)
        start_response(f"{response.status} AWS", _complete(response, head=environ["REQUEST_METHOD"] == "HEAD"))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [response.body]

    def _respond(self, environ: dict[str, Any]) -> Response:
        request = Request(environ)
        body = request.get_data()  # always read: the connection is kept alive
        environ["wsgi.input"] = BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        if request.path == HEALTH_PATH:
            return Response(200 if self._ready else 503, _PLAIN_TEXT, b"ok" if self._ready else b"starting")
        signed = _signed_request(request, body)
        progress = _Progress(dialect_of(signed, ""), f"{request.method} {request.path}")
        message = ""
        try:
            response = self._answer(signed, request, environ, progress)
            error = None if response.status < 400 else _error_code(response)
        except AwsError as refused:
            error, message = refused.code, refused.message
            response = write_error(progress.dialect, refused)
        except Exception:  # the server answers as AWS does and shows the defect in its log
            LOG.exception("%s failed", progress.asked)
            error = "InternalFailure"
            failure = AwsError(error, "The request processing has failed because of an unknown error", 500)
            response = write_error(progress.dialect, failure)
        self._keep(progress, error)
        _log(progress, response.status, error, message)
        return response

    def _answer(
        self, signed: SignedRequest, request: Request, environ: dict[str, Any], progress: _Progress
    ) -> Response:
        signature, caller = self._identify(signed, progress)
        progress.caller = caller
        service = service_of(signature.signing_name, request.path)
        progress.asked = f"{service} {asked_for(request)}"
        wire = self._read(service, request, progress)
        call = progress.call = Call(
            service=service,
            operation=wire.operation.name,
            region=signature.region or self.region,
            account=self.account,
            role=caller.role,
            principal=caller.arn,
        )
        progress.asked = f"{call.service} {call.operation}"
        if caller.own:
            self.authoriser.refuse_untrusting_roles(call, wire.params)
            return self._dispatch(call, wire, environ)
        self._authorise(progress, wire)
        self.authoriser.refuse_untrusting_roles(call, wire.params)
        self.faults.inject(call, after_effect=False)
        response = self._dispatch(call, wire, environ)
        self.faults.inject(call, after_effect=True)
        return response

    def _identify(self, signed: SignedRequest, progress: _Progress) -> tuple[Signature, Caller]:
        """Whose request this is; raises AwsError when nobody's, or when it was not signed by the key's owner."""
        try:
            signature = read_signature(signed)
            progress.dialect = dialect_of(signed, signature.signing_name)
            key = self.identities.find(signature.access_key)
            if key is None:
                raise SignatureError(Problem.UNKNOWN_KEY, signature.access_key)
            check(signature, signed, key.secret, key.token, self.now())
        except SignatureError as error:
            raise refusal(progress.dialect, error) from error
        return signature, key.caller

    def _read(self, service: str, request: Request, progress: _Progress) -> Wire:
        if not self._knows(service):
            raise AwsError("NotImplemented", f"The local AWS has no service {service}", 501)
        try:
            return parse(service, request)
        except UnknownOperationError as error:
            code, status = _UNKNOWN_OPERATION.get(progress.dialect.protocol, ("InvalidAction", 400))
            raise AwsError(code, f"The local AWS knows no such operation: {error}", status) from error
        except (RequestParserError, ValueError, TypeError, BadRequest) as error:
            raise AwsError("SerializationException", str(error)) from error

    def _authorise(self, progress: _Progress, wire: Wire) -> None:
        assert progress.caller is not None
        assert progress.call is not None
        progress.denied = True
        progress.permissions = self.authoriser.authorise(progress.caller, progress.call, wire.params)
        progress.denied = False

    def _dispatch(self, call: Call, wire: Wire, environ: dict[str, Any]) -> Response:
        operation = self._operations.get((call.service, call.operation))
        if operation is not None:
            return serialise(wire, self.faults.altered(call, operation(wire.params, call)))
        if not self.fallback.serves(call.service):
            raise AwsError("NotImplemented", f"The local AWS does not do {call.service} {call.operation}", 501)
        response = self.fallback.answer(call.service, wire, environ)
        if call.service == "iam" and not call.operation.startswith(("Get", "List")):
            self.authoriser.iam_changed()
        return response

    def _knows(self, service: str) -> bool:
        return self.fallback.serves(service) or any(name == service for name, _ in self._operations)

    def _keep(self, progress: _Progress, error: str | None) -> None:
        caller, call = progress.caller, progress.call
        if caller is None or call is None or caller.own:
            return
        entry = RecordedCall(
            at=progress.started,
            service=call.service,
            operation=call.operation,
            role=caller.role,
            resources=tuple(permission.resource for permission in progress.permissions),
            allowed=not progress.denied,
            error=error,
        )
        self.record.add(entry, tuple((needed.action, needed.resource) for needed in progress.permissions))


def _signed_request(request: Request, body: bytes) -> SignedRequest:
    return SignedRequest(
        method=request.method,
        path=request.raw_path,
        query=request.query_string.decode("latin-1"),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
    )


def _log(progress: _Progress, status: int, error: str | None, message: str) -> None:
    """One line: who asked what, and what came of it. The local AWS's own calls only when debugging."""
    caller = progress.caller
    who = "nobody" if caller is None else caller.role or caller.arn.rsplit("/", 1)[-1]
    outcome = f"{status} {error}{': ' if message else ''}{message}" if error else str(status)
    level = logging.DEBUG if caller is not None and caller.own else logging.INFO
    milliseconds = (time.time() - progress.started) * 1000
    REQUESTS.log(level, "%s by %s: %s (%.0f ms)", progress.asked, who, outcome, milliseconds)


def _complete(response: Response, *, head: bool) -> list[tuple[str, str]]:
    """Add the headers that every AWS answer has. Clients, Step Functions among them, rely on the request id."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    if not head:  # the answer to a HEAD of S3 has the object's length already
        headers["content-length"] = str(len(response.body))
    request_id = headers.get("x-amzn-requestid") or str(uuid.uuid4())
    return [*({"x-amzn-requestid": request_id, "x-amz-request-id": request_id} | headers).items()]


def _error_code(response: Response) -> str:
    """The AWS error code of an answer that moto wrote."""
    found = re.search(rb'<Code>([^<]+)</Code>|"__type"\s*:\s*"(?:[^"#]*#)?([^"]+)"', response.body)
    if found is None:
        return next((v for k, v in response.headers.items() if k.lower() == "x-amzn-errortype"), str(response.status))
    return (found[1] or found[2]).decode()
