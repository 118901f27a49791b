"""Parses HTTP requests into (service, operation, parameters) and serialises answers, in each of AWS's wire protocols.

moto's router, parsers and serialisers do the work, driven by botocore's service models; this module only chooses
among them and adds what they lack: aware timestamps, exact member names, and AWS's error shapes.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from botocore.utils import parse_timestamp
from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound

from localaws.service_api import AwsError

# A signature names the endpoint's signing name; botocore's name differs for these.
_SERVICE_OF_SIGNING_NAME = {"monitoring": "cloudwatch", "states": "stepfunctions"}
# The two services of the machine-learning runtime share "sagemaker" and differ in their paths.
_RUNTIME_PATHS = ("/invocations", "/async-invocations", "/invocations-response-stream")


@dataclass(frozen=True, slots=True)
class CredentialScope:
    """The credential scope in the signature of a request."""

    access_key: str
    region: str
    service: str  # botocore's name


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Wire:
    """How one request is to be answered: the operation it means and the protocol it speaks."""

    operation: OperationModel
    protocol: str
    params: dict[str, Any]


def read_scope(request: Request) -> CredentialScope | None:
    """Read the credential scope of the Authorization header or of a presigned URL; None when unsigned."""
    credential = _credential(request)
    if credential is None:
        return None
    try:
        access_key, _, region, signing_name, _ = credential.split("/")
    except ValueError:
        return None
    service = _SERVICE_OF_SIGNING_NAME.get(signing_name, signing_name)
    if service == "sagemaker" and request.path.endswith(_RUNTIME_PATHS):
        service = "sagemaker-runtime"
    return CredentialScope(access_key, region, service)


def parse(service: str, request: Request) -> Wire:
    """Find the operation and parse its parameters; raises AwsError for what AWS would not understand."""
    try:
        model = get_service_model(service)
        protocol = determine_request_protocol(model, request.content_type)
        operation, uri_params = get_service_router(service).match(request)
    except (NotFound, NotImplementedError) as error:
        raise AwsError("UnknownOperationException", f"{service} {request.method} {request.path}", 404) from error
    parser = PROTOCOL_PARSERS[protocol](operation, timestamp_parser=parse_timestamp)
    params = parser.parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": request.get_data(),
            "url_path": request.path,
            "url_params": uri_params,
        }
    )
    return Wire(operation, protocol, params)


def serialise(wire: Wire, result: Mapping[str, Any]) -> Response:
    """Write a botocore-shaped result the way the caller's protocol wants it."""
    serializer = get_serializer_class(wire.operation.service_model.service_name, wire.protocol)(
        wire.operation, value_picker=_pick_member
    )
    answer = serializer.serialize(result)
    headers = dict(answer["headers"])
    for member, shape in _members_at("header", wire.operation):
        if shape.serialization.get("name", "").lower() == "content-type" and member in result:
            headers["Content-Type"] = result[member]  # the serialiser puts its own over a modelled one
    status = answer["status_code"]
    for member, _ in _members_at("statusCode", wire.operation):
        status = result.get(member, status)  # e.g. Lambda's Invoke: 200, 202 or 204
    return Response(status, headers, _as_bytes(answer["body"]))


def serialise_error(service: str, protocol: str, error: AwsError) -> Response:
    """Write an error in the shape of ``protocol``."""
    if protocol in {"query", "rest-xml"}:
        return _xml_error(protocol, error)
    model = get_service_model(service)
    code = error.code
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
    if protocol == "json":
        headers["Content-Type"] = f"application/x-amz-json-{model.metadata.get('jsonVersion', '1.0')}"
    if "awsQueryCompatible" in model.metadata:
        code = _query_compatible_shape(service, code)
        headers["x-amzn-query-error"] = f"{error.code};{'Sender' if error.status < 500 else 'Receiver'}"
    body = {"__type": code, "message": error.message, "Message": error.message, **error.fields}
    return Response(error.status, headers, json.dumps(body, default=str).encode())


def _credential(request: Request) -> str | None:
    header = str(request.headers.get("Authorization", ""))
    if "Credential=" in header:
        return header.split("Credential=", 1)[1].split(",", 1)[0].strip()
    credential: str | None = request.args.get("X-Amz-Credential")
    return credential


def _pick_member(context: Any) -> Any:
    """Take exactly the named member; moto's default also tries attributes and aliases."""
    return context.obj.get(context.key)


@functools.cache
def _members_at(location: str, operation: OperationModel) -> tuple[tuple[str, Any], ...]:
    if operation.output_shape is None:
        return ()
    members = operation.output_shape.members.items()
    return tuple((name, shape) for name, shape in members if shape.serialization.get("location") == location)


def _query_compatible_shape(service: str, code: str) -> str:
    """The error shape behind a code of the query protocol, e.g. QueueDoesNotExist of a code with dots."""
    shapes = get_service_model(service).error_shapes
    if any(shape.name == code for shape in shapes):
        return code
    named = (shape.name for shape in shapes if shape.metadata.get("error", {}).get("code") == code)
    return str(next(named, code))


def _xml_error(protocol: str, error: AwsError) -> Response:
    code, message = escape(error.code), escape(error.message)
    if protocol == "rest-xml":
        body = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>0</RequestId></Error>"
    else:
        fault = "Sender" if error.status < 500 else "Receiver"
        body = (
            f"<ErrorResponse><Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
            "<RequestId>0</RequestId></ErrorResponse>"
        )
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
    return Response(error.status, {"Content-Type": "text/xml"}, text.encode())


def _as_bytes(body: Any) -> bytes:
    if hasattr(body, "read"):
        body = body.read()
    return body.encode() if isinstance(body, str) else bytes(body or b"")
