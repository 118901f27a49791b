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
from io import BytesIO
from typing import Any, Protocol

from moto.core.parse import RequestParserError
from moto.core.request import Request

from localaws.gateway.faults import Faults
from localaws.gateway.protocol import CredentialScope, Response, Wire, parse, read_scope, serialise, serialise_error
from localaws.gateway.record import CallLog
from localaws.iam.identity import Caller, Identities
from localaws.iam.permissions.permission import Permission
from localaws.service_api import AwsError, Call, Operation, RecordedCall, Service

LOG = logging.getLogger(__name__)
HEALTH_PATH = "/_localaws/health"
_PLAIN_TEXT = {"Content-Type": "text/plain"}

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
    """What is known of a request so far, for the record and for answering an error in the right protocol."""

    service: str = "s3"
    protocol: str = "rest-xml"
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
        progress = _Progress()
        try:
            response = self._answer(request, environ, progress)
            error = None if response.status < 400 else _error_code(response)
        except AwsError as refusal:
            error = refusal.code
            response = serialise_error(progress.service, progress.protocol, refusal)
        except Exception:  # the server answers as AWS does and shows the defect in its log
            LOG.exception("%s %s failed", progress.service, progress.call and progress.call.operation)
            error = "InternalFailure"
            failure = AwsError(error, "The request processing has failed because of an unknown error", 500)
            response = serialise_error(progress.service, progress.protocol, failure)
        self._keep(progress, error)
        return response

    def _answer(self, request: Request, environ: dict[str, Any], progress: _Progress) -> Response:
        scope = read_scope(request)
        if scope is None:
            raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
        wire = self._read(scope, request, progress)
        caller = progress.caller = self.identities.caller(scope.access_key)
        call = progress.call = Call(
            service=scope.service,
            operation=wire.operation.name,
            region=scope.region,
            account=self.account,
            role=caller.role,
            principal=caller.arn,
        )
        if caller.own:
            self.authoriser.refuse_untrusting_roles(call, wire.params)
            return self._dispatch(call, wire, environ)
        self._authorise(progress, wire)
        self.authoriser.refuse_untrusting_roles(call, wire.params)
        self.faults.inject(call, after_effect=False)
        response = self._dispatch(call, wire, environ)
        self.faults.inject(call, after_effect=True)
        return response

    def _read(self, scope: CredentialScope, request: Request, progress: _Progress) -> Wire:
        progress.service = scope.service
        if not self._knows(scope.service):
            progress.protocol = "json"
            raise AwsError("NotImplemented", f"The local AWS has no service {scope.service}", 501)
        try:
            wire = parse(scope.service, request)
        except (RequestParserError, ValueError, TypeError) as error:
            raise AwsError("SerializationException", str(error)) from error
        progress.protocol = wire.protocol
        return wire

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
