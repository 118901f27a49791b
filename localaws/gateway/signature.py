"""Signatures of requests: reads whose key signed, and checks that the secret behind the key did.

Signature Version 4 in the Authorization header or in a presigned URL, and the presigned URLs of Version 2 that boto3
still makes for S3. Source: "Create a signed AWS API request" in the IAM User Guide and "Authenticating Requests" in the
S3 API Reference; botocore's ``auth`` is held against this module by a test. The signatures of the single chunks of an
``aws-chunked`` body are not checked, only that of the request they come with.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from botocore.utils import normalize_url_path

_VERSION_4 = "AWS4-HMAC-SHA256"
_MAX_SKEW = timedelta(minutes=15)
_S3_NAMES = frozenset({"s3", "s3express", "s3-object-lambda", "s3-outposts"})  # sign the path as it is
_UNSIGNED = "UNSIGNED-PAYLOAD"
# Parts of a query string that name a subresource; a signature of Version 2 covers them.
_SUBRESOURCES = frozenset(
    {"accelerate", "acl", "cors", "defaultObjectAcl", "location", "logging", "partNumber", "policy", "requestPayment"}
    | {"torrent", "versioning", "versionId", "versions", "website", "uploads", "uploadId", "delete", "lifecycle"}
    | {"tagging", "restore", "storageClass", "notification", "replication", "analytics", "metrics", "inventory"}
    | {"select", "select-type", "object-lock", "response-content-type", "response-content-language"}
    | {"response-expires", "response-cache-control", "response-content-disposition", "response-content-encoding"}
)


class Problem(Enum):
    """What is wrong with the signature of a request."""

    MISSING = "missing"
    INCOMPLETE = "incomplete"
    UNKNOWN_KEY = "unknown key"
    WRONG_TOKEN = "wrong token"  # noqa: S105 (no password)
    MISMATCH = "mismatch"
    SKEWED = "skewed"
    EXPIRED = "expired"
    WRONG_BODY = "wrong body"


class SignatureError(Exception):
    """The request is not signed as it must be; ``problem`` says in which way, ``detail`` names the value."""

    def __init__(self, problem: Problem, detail: str = "") -> None:
        super().__init__(f"{problem.value}: {detail}")
        self.problem = problem
        self.detail = detail


@dataclass(frozen=True, kw_only=True)
class SignedRequest:
    """A request as it came over the wire. ``path`` and ``query`` are raw, the names of headers lower-case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @functools.cached_property
    def parameters(self) -> dict[str, str]:
        """Of the query string, decoded; the last one wins."""
        return dict(_parameters(self.query))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a request says of its own signature."""

    access_key: str
    signing_name: str  # of the service
    region: str
    value: str
    token: str | None  # of temporary credentials
    at: datetime
    lifetime: timedelta | None = None  # of a presigned URL
    date: str = ""  # of the credential scope; empty for Version 2
    signed_headers: tuple[str, ...] = ()


def read_signature(request: SignedRequest) -> Signature:
    """Read the Authorization header or the presigned URL; raises SignatureError for none and for a malformed one."""
    header = request.headers.get("authorization", "")
    parameters = request.parameters
    if header.startswith(_VERSION_4):
        return _of_header(header, request)
    if header:
        raise SignatureError(Problem.INCOMPLETE, f"Unsupported Authorization Type: {header.split(' ', 1)[0]}")
    if "X-Amz-Algorithm" in parameters or "X-Amz-Signature" in parameters:
        return _of_url(parameters)
    if {"AWSAccessKeyId", "Signature", "Expires"} <= parameters.keys():
        return _of_version_2(parameters)
    raise SignatureError(Problem.MISSING)


def check(signature: Signature, request: SignedRequest, secret: str, token: str | None, now: datetime) -> None:
    """Raise SignatureError unless the owner of ``secret`` and ``token`` signed this request, and lately."""
    if (signature.token or None) != token:
        raise SignatureError(Problem.WRONG_TOKEN)
    if signature.lifetime is not None:
        if now > signature.at + signature.lifetime:
            raise SignatureError(Problem.EXPIRED, signature.at.isoformat())
    elif abs(now - signature.at) > _MAX_SKEW:
        raise SignatureError(Problem.SKEWED, f"{signature.at:%Y%m%dT%H%M%SZ}")
    expected = _version_4(signature, request, secret) if signature.date else _version_2(request, secret)
    if not hmac.compare_digest(expected.encode(), signature.value.encode()):
        raise SignatureError(Problem.MISMATCH)
    stated = request.headers.get("x-amz-content-sha256", "")
    if len(stated) == 64 and stated != hashlib.sha256(request.body).hexdigest():
        raise SignatureError(Problem.WRONG_BODY)


def _of_header(header: str, request: SignedRequest) -> Signature:
    parts = dict(part.strip().partition("=")[::2] for part in header.removeprefix(_VERSION_4).split(","))
    for name in ("Credential", "SignedHeaders", "Signature"):
        if not parts.get(name):
            raise SignatureError(Problem.INCOMPLETE, f"Authorization header requires '{name}' parameter.")
    access_key, date, region, signing_name = _scope(parts["Credential"])
    return Signature(
        access_key=access_key,
        signing_name=signing_name,
        region=region,
        value=parts["Signature"],
        token=request.headers.get("x-amz-security-token"),
        at=_moment(request.headers),
        date=date,
        signed_headers=tuple(parts["SignedHeaders"].split(";")),
    )


def _of_url(parameters: Mapping[str, str]) -> Signature:
    if parameters.get("X-Amz-Algorithm") != _VERSION_4:
        raise SignatureError(Problem.INCOMPLETE, f"X-Amz-Algorithm only supports {_VERSION_4}")
    for name in ("X-Amz-Credential", "X-Amz-SignedHeaders", "X-Amz-Signature", "X-Amz-Date"):
        if not parameters.get(name):
            raise SignatureError(Problem.INCOMPLETE, f"Query string requires '{name}' parameter.")
    access_key, date, region, signing_name = _scope(parameters["X-Amz-Credential"])
    lifetime = parameters.get("X-Amz-Expires", "900")
    if not lifetime.isdigit():
        raise SignatureError(Problem.INCOMPLETE, f"X-Amz-Expires should be a number: {lifetime}")
    return Signature(
        access_key=access_key,
        signing_name=signing_name,
        region=region,
        value=parameters["X-Amz-Signature"],
        token=parameters.get("X-Amz-Security-Token"),
        at=_basic(parameters["X-Amz-Date"]),
        lifetime=timedelta(seconds=int(lifetime)),
        date=date,
        signed_headers=tuple(parameters["X-Amz-SignedHeaders"].split(";")),
    )


def _of_version_2(parameters: Mapping[str, str]) -> Signature:
    if not parameters["Expires"].isdigit():
        raise SignatureError(Problem.INCOMPLETE, f"Expires should be a number: {parameters['Expires']}")
    return Signature(
        access_key=parameters["AWSAccessKeyId"],
        signing_name="s3",
        region="",
        value=parameters["Signature"],
        token=parameters.get("x-amz-security-token"),
        at=datetime.fromtimestamp(int(parameters["Expires"]), UTC),
        lifetime=timedelta(0),
    )


def _scope(credential: str) -> tuple[str, str, str, str]:
    parts = credential.rsplit("/", 4)
    if len(parts) != 5 or parts[-1] != "aws4_request" or not all(parts):
        raise SignatureError(
            Problem.INCOMPLETE, f"Credential must have the form KEY/DATE/REGION/SERVICE/aws4_request: {credential}"
        )
    return parts[0], parts[1], parts[2], parts[3]


def _moment(headers: Mapping[str, str]) -> datetime:
    if "x-amz-date" in headers:
        return _basic(headers["x-amz-date"])
    try:
        return parsedate_to_datetime(headers.get("date", "")).astimezone(UTC)
    except ValueError as error:
        message = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        raise SignatureError(Problem.INCOMPLETE, message) from error


def _basic(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise SignatureError(Problem.INCOMPLETE, f"Date must be in ISO-8601 'basic format'. Got '{text}'.") from error


def _version_4(signature: Signature, request: SignedRequest, secret: str) -> str:
    scope = f"{signature.date}/{signature.region}/{signature.signing_name}/aws4_request"
    canonical = hashlib.sha256(_canonical_request(signature, request).encode()).hexdigest()
    to_sign = f"{_VERSION_4}\n{signature.at:%Y%m%dT%H%M%SZ}\n{scope}\n{canonical}"
    key = _signing_key(secret, signature.date, signature.region, signature.signing_name)
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


@functools.lru_cache(maxsize=1024)
def _signing_key(secret: str, *scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (*scope, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _canonical_request(signature: Signature, request: SignedRequest) -> str:
    is_s3 = signature.signing_name in _S3_NAMES
    path = _encoded(unquote_to_bytes(request.path)) if is_s3 else quote(normalize_url_path(request.path), safe="/-_.~")
    query = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in _parameters(request.query)
        if name != "X-Amz-Signature"
    )
    headers = "".join(
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signature.signed_headers
    )
    body = request.headers.get("x-amz-content-sha256")
    if body is None and is_s3 and signature.lifetime is not None:
        body = _UNSIGNED
    return "\n".join(
        (
            request.method,
            path or "/",
            "&".join(f"{name}={value}" for name, value in query),
            headers,
            ";".join(signature.signed_headers),
            body or hashlib.sha256(request.body).hexdigest(),
        )
    )


def _version_2(request: SignedRequest, secret: str) -> str:
    parameters = request.parameters
    amazon = {name: value.strip() for name, value in request.headers.items() if name.startswith("x-amz-")}
    if "x-amz-security-token" in parameters:
        amazon["x-amz-security-token"] = parameters["x-amz-security-token"]
    covered = [(name, value) for name, value in _parameters(request.query) if name in _SUBRESOURCES]
    resource = request.path + ("?" + _joined(covered) if covered else "")
    to_sign = "\n".join(
        (
            request.method,
            request.headers.get("content-md5", ""),
            request.headers.get("content-type", ""),
            parameters["Expires"],
            *(f"{name}:{amazon[name]}" for name in sorted(amazon)),
            resource,
        )
    )
    return base64.b64encode(hmac.new(secret.encode(), to_sign.encode(), hashlib.sha1).digest()).decode()


def _joined(parameters: Iterable[tuple[str, str]]) -> str:
    return "&".join(f"{name}={value}" if value else name for name, value in sorted(parameters))


def _parameters(query: str) -> list[tuple[str, str]]:
    """Names and values in the order of the query string. A plus sign stands for itself, as AWS signs it."""
    return parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)


def _encoded(path: bytes) -> str:
    return quote(path, safe="/-_.~")
