"""The protocol that a client speaks, read off its request alone, and errors written in it.

An error has to be read by a client of any service, of those too that the local AWS does not have, whose models would
take long to load. Sources: the protocol pages of Smithy (awsJson1_0, awsJson1_1, restJson1, restXml, awsQuery,
ec2Query, rpcv2Cbor, awsQueryCompatible) and the parsers of botocore.
"""

from __future__ import annotations

import functools
import json
import re
import struct
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from moto.core.utils import get_service_model

from localaws.gateway.signature import Problem, SignatureError, SignedRequest
from localaws.service_api import AwsError

REST_XML, QUERY, EC2, JSON, REST_JSON, CBOR = "rest-xml", "query", "ec2", "json", "rest-json", "smithy-rpc-v2-cbor"
# Signing names of the services that speak XML over paths; a test holds them against botocore.
XML_SERVICES = frozenset({"cloudfront", "route53", "s3", "s3express", "s3-object-lambda"})
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a client wants its answers. ``signing_name`` is the service's in the signature; empty when unsigned."""

    protocol: str
    signing_name: str = ""
    json_version: str = "1.0"
    is_query_compatible: bool = False  # JSON or CBOR, but reads the errors of the query protocol from a header


def dialect_of(request: SignedRequest, signing_name: str) -> Dialect:
    """Which protocol this request is written in. What is no other is REST with JSON, or S3's XML when unsigned."""
    content_type = request.headers.get("content-type", "")
    is_form = content_type.startswith("application/x-www-form-urlencoded")
    # The header is younger than the protocol; both services send what its absence does not forbid.
    compatible = "x-amzn-query-mode" in request.headers or signing_name in {"monitoring", "sqs"}
    if request.headers.get("smithy-protocol") == "rpc-v2-cbor":
        return Dialect(protocol=CBOR, signing_name=signing_name, is_query_compatible=compatible)
    if "x-amz-target" in request.headers:
        version = "1.1" if content_type.endswith("1.1") else "1.0"
        return Dialect(protocol=JSON, signing_name=signing_name, json_version=version, is_query_compatible=compatible)
    if signing_name not in XML_SERVICES and (is_form or "Action" in request.parameters):
        return Dialect(protocol=EC2 if signing_name == "ec2" else QUERY, signing_name=signing_name)
    if signing_name in XML_SERVICES or not signing_name:
        return Dialect(protocol=REST_XML, signing_name=signing_name or "s3")
    return Dialect(protocol=REST_JSON, signing_name=signing_name)


def write_error(dialect: Dialect, error: AwsError) -> Response:
    """The error as the client's protocol has it. CBOR gets the members that are texts."""
    return _WRITERS[dialect.protocol](dialect, error)


def refusal(dialect: Dialect, error: SignatureError) -> AwsError:
    """What AWS answers to a signature that is not right, in the words and codes of the client's protocol.

    Sources: "Common errors" in each API reference; "Error responses" in the S3 API Reference; AuthFailure in the EC2
    API Reference. That the services with a query-compatible protocol keep the query codes is seen in reports of users
    (aws-cli issue 8737: InvalidClientTokenId from SQS).
    """
    if dialect.signing_name in XML_SERVICES - {"cloudfront", "route53"}:
        code, status, message = _OF_S3[error.problem]
    elif dialect.protocol == EC2 and error.problem in _OF_EC2:
        code, status, message = _OF_EC2[error.problem]
    else:
        code, status, message = _COMMON[error.problem]
        is_named_for_query = dialect.protocol in {QUERY, REST_XML, EC2} or dialect.is_query_compatible
        if not is_named_for_query:
            code, status = _NAMES_IN_JSON[code], 403 if dialect.protocol == REST_JSON else 400
    return AwsError(code, message.format(error.detail), status)


_INVALID_TOKEN = "The security token included in the request is invalid."  # noqa: S105 (no password)
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided."
    " Check your AWS Secret Access Key and signing method."
)
_COMMON: dict[Problem, tuple[str, int, str]] = {
    Problem.MISSING: ("MissingAuthenticationToken", 403, "Request is missing Authentication Token"),
    Problem.INCOMPLETE: ("IncompleteSignature", 400, "{}"),
    Problem.UNKNOWN_KEY: ("InvalidClientTokenId", 403, _INVALID_TOKEN),
    Problem.WRONG_TOKEN: ("InvalidClientTokenId", 403, _INVALID_TOKEN),
    Problem.MISMATCH: ("SignatureDoesNotMatch", 403, _MISMATCH),
    Problem.SKEWED: ("SignatureDoesNotMatch", 403, "Signature expired or not yet current: {}"),
    Problem.EXPIRED: ("SignatureDoesNotMatch", 403, "Signature expired: {}"),
    Problem.WRONG_BODY: ("SignatureDoesNotMatch", 403, _MISMATCH),
}
_NAMES_IN_JSON = {
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
    "IncompleteSignature": "IncompleteSignatureException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
}
_OF_EC2 = {
    problem: ("AuthFailure", 401, "AWS was not able to validate the provided access credentials")
    for problem in (Problem.UNKNOWN_KEY, Problem.WRONG_TOKEN, Problem.MISMATCH, Problem.WRONG_BODY)
}
_OF_S3: dict[Problem, tuple[str, int, str]] = {
    Problem.MISSING: ("AccessDenied", 403, "Access Denied"),
    Problem.INCOMPLETE: ("AuthorizationHeaderMalformed", 400, "The authorization header is malformed; {}"),
    Problem.UNKNOWN_KEY: (
        "InvalidAccessKeyId", 403, "The AWS Access Key Id you provided does not exist in our records.",
    ),
    Problem.WRONG_TOKEN: ("InvalidToken", 400, "The provided token is malformed or otherwise invalid."),
    Problem.MISMATCH: ("SignatureDoesNotMatch", 403, _MISMATCH.replace("AWS Secret Access Key", "key")),
    Problem.SKEWED: (
        "RequestTimeTooSkewed", 403,
        "The difference between the request time and the current time is too large.",
    ),
    Problem.EXPIRED: ("AccessDenied", 403, "Request has expired"),
    Problem.WRONG_BODY: (
        "XAmzContentSHA256Mismatch", 400,
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    ),
}  # fmt: skip


def _rest_xml(dialect: Dialect, error: AwsError) -> Response:
    detail = _detail(error)
    if dialect.signing_name in {"cloudfront", "route53"}:
        return _xml(error, f"<ErrorResponse><Error><Type>{_fault(error)}</Type>{detail}</Error>{_id()}</ErrorResponse>")
    return _xml(error, f"<Error>{detail}{_id()}</Error>")


def _query(_dialect: Dialect, error: AwsError) -> Response:
    detail = _detail(error)
    return _xml(error, f"<ErrorResponse><Error><Type>{_fault(error)}</Type>{detail}</Error>{_id()}</ErrorResponse>")


def _ec2(_dialect: Dialect, error: AwsError) -> Response:
    detail = _detail(error)
    request_id = _id().replace("RequestId", "RequestID")
    return _xml(error, f"<Response><Errors><Error>{detail}</Error></Errors>{request_id}</Response>")


def _detail(error: AwsError) -> str:
    message = _NOT_IN_XML.sub("?", error.message)
    return f"<Code>{escape(error.code)}</Code><Message>{escape(message)}</Message>"


def _xml(error: AwsError, body: str) -> Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
    return Response(error.status, {"Content-Type": "text/xml"}, text.encode())


def _json(dialect: Dialect, error: AwsError) -> Response:
    headers, members = _members(dialect, error)
    headers["Content-Type"] = f"application/x-amz-json-{dialect.json_version}"
    return Response(error.status, headers, json.dumps(members, default=str).encode())


def _rest_json(dialect: Dialect, error: AwsError) -> Response:
    headers, members = _members(dialect, error)
    headers |= {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}
    return Response(error.status, headers, json.dumps(members, default=str).encode())


def _cbor(dialect: Dialect, error: AwsError) -> Response:
    headers, members = _members(dialect, error)
    headers |= {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
    texts = {
        name: value if isinstance(value, str) else json.dumps(value, default=str) for name, value in members.items()
    }
    return Response(error.status, headers, _cbor_map(texts))


def _members(dialect: Dialect, error: AwsError) -> tuple[dict[str, str], dict[str, Any]]:
    """Headers and body of an error in JSON or CBOR. A message has either spelling, as services have either."""
    headers = {"x-amzn-ErrorType": error.code}
    code = error.code
    if dialect.is_query_compatible:
        code = _shape_of_code(dialect.signing_name, error.code)
        headers["x-amzn-query-error"] = f"{error.code};{_fault(error)}"
    return headers, {"__type": code, "message": error.message, "Message": error.message, **error.fields}


@functools.lru_cache(maxsize=256)
def _shape_of_code(service: str, code: str) -> str:
    """The error shape behind a code of the query protocol, e.g. QueueDoesNotExist of a code with dots."""
    try:
        shapes = get_service_model({"monitoring": "cloudwatch"}.get(service, service)).error_shapes
    except Exception:  # a service without a model here has no shapes to find it among
        return code
    if any(shape.name == code for shape in shapes):
        return code
    named = (shape.name for shape in shapes if shape.metadata.get("error", {}).get("code") == code)
    return str(next(named, code))


def _cbor_map(texts: Mapping[str, str]) -> bytes:
    """A map of texts in CBOR, RFC 8949: major types 5 and 3."""
    parts = [_cbor_head(5, len(texts))]
    for name, value in texts.items():
        for text in (name.encode(), value.encode()):
            parts += [_cbor_head(3, len(text)), text]
    return b"".join(parts)


def _cbor_head(major: int, length: int) -> bytes:
    if length < 24:
        return bytes([major << 5 | length])
    return bytes([major << 5 | 26]) + struct.pack(">I", length)


def _fault(error: AwsError) -> str:
    return "Sender" if error.status < 500 else "Receiver"


def _id() -> str:
    return f"<RequestId>{uuid.uuid4()}</RequestId>"


_WRITERS: dict[str, Callable[[Dialect, AwsError], Response]] = {
    REST_XML: _rest_xml, QUERY: _query, EC2: _ec2, JSON: _json, REST_JSON: _rest_json, CBOR: _cbor,
}  # fmt: skip
