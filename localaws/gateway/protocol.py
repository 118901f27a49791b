"""Parses HTTP requests into (service, operation, parameters) and serialises answers, in each of AWS's wire protocols.

moto's router, parsers and serialisers do the work, driven by botocore's service models; this module only chooses
among them and adds what they lack: aware timestamps and exact member names. Errors are written in ``dialect``.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.utils import parse_timestamp
from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound

from localaws.gateway.dialect import Response

# A signature names the endpoint's signing name; botocore's name differs for these.
_SERVICE_OF_SIGNING_NAME = {"monitoring": "cloudwatch", "states": "stepfunctions", "cloudcontrolapi": "cloudcontrol"}
# The two services of the machine-learning runtime share "sagemaker" and differ in their paths.
_RUNTIME_PATHS = ("/invocations", "/async-invocations", "/invocations-response-stream")


class UnknownOperationError(Exception):
    """The service has no such operation; says which one was asked for."""


@dataclass(frozen=True, slots=True)
class Wire:
    """How one request is to be answered: the operation it means and the protocol it speaks."""

    operation: OperationModel
    protocol: str
    params: dict[str, Any]


def service_of(signing_name: str, path: str) -> str:
    """botocore's name of the service that a signature names, or the signing name in quotes when it is no such name."""
    if signing_name in _SERVICE_OF_SIGNING_NAME.values():  # a signing name of another service, as "cloudwatch" is
        return repr(signing_name)
    service = _SERVICE_OF_SIGNING_NAME.get(signing_name, signing_name)
    if service == "sagemaker" and path.endswith(_RUNTIME_PATHS):
        return "sagemaker-runtime"
    return service


def parse(service: str, request: Request) -> Wire:
    """Find the operation and parse its parameters.

    Raises UnknownOperationError for an operation that the service's model does not have, and whatever moto's parsers
    raise for parameters that they cannot read.
    """
    try:
        model = get_service_model(service)
        protocol = determine_request_protocol(model, request.content_type)
        operation, uri_params = get_service_router(service).match(request)
    except (NotFound, NotImplementedError) as error:
        raise UnknownOperationError(f"{service} has no operation {asked_for(request)}") from error
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


def asked_for(request: Request) -> str:
    """The name of the operation where the protocol has one, else method and path."""
    target = request.headers.get("X-Amz-Target")
    action = request.values.get("Action")
    return str(target or action or f"{request.method} {request.path}")


def _pick_member(context: Any) -> Any:
    """Take exactly the named member; moto's default also tries attributes and aliases."""
    return context.obj.get(context.key)


@functools.cache
def _members_at(location: str, operation: OperationModel) -> tuple[tuple[str, Any], ...]:
    if operation.output_shape is None:
        return ()
    members = operation.output_shape.members.items()
    return tuple((name, shape) for name, shape in members if shape.serialization.get("location") == location)


def _as_bytes(body: Any) -> bytes:
    if hasattr(body, "read"):
        body = body.read()
    return body.encode() if isinstance(body, str) else bytes(body or b"")
