"""Errors of the gateway: each client reads them in its own protocol, also from services that are not there."""

from __future__ import annotations

import functools
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.parsers import create_parser

from localaws.gateway.dialect import XML_SERVICES
from localaws.gateway.faults import Faults
from localaws.gateway.gateway import Gateway
from localaws.gateway.record import CallLog
from localaws.iam.identity import DEVELOPER_ACCESS_KEY, DEVELOPER_SECRET_KEY, Identities
from localaws.iam.permissions.permission import Permission
from localaws.service_api import Call, Operation
from localaws.tests.unit.gateway.requests_on_the_wire import ENDPOINT, ask, caught, client, on_the_wire

DATA = Path(botocore.__file__).parent / "data"
METADATA_BYTES = 8_192  # it stands at the beginning of a service's description
SERVED = ("cloudformation", "cloudwatch", "dynamodb", "iam", "lambda", "s3", "sagemaker", "sns", "sqs", "sts")


class Everybody:
    """Lets everybody do everything."""

    def authorise(self, *_asked: Any) -> tuple[Permission, ...]:
        return ()

    def refuse_untrusting_roles(self, *_asked: Any) -> None: ...

    def iam_changed(self) -> None: ...


class Nothing:
    """No other service."""

    def serves(self, _service: str) -> bool:
        return False

    def answer(self, *_asked: Any) -> Any:
        raise AssertionError


class Fake:
    """A service of our own with one operation, which has a defect."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.operations: Mapping[str, Operation] = {"DescribeModel": self._crash}

    def _crash(self, _params: dict[str, Any], _call: Call) -> dict[str, Any]:
        raise ZeroDivisionError


@pytest.fixture(scope="module")
def gateway() -> Gateway:
    made = Gateway(
        account="123456789012",
        identities=Identities("123456789012"),
        authoriser=Everybody(),
        fallback=Nothing(),
        faults=Faults(),
        record=CallLog(),
    )
    made.open([Fake(name) for name in SERVED])
    return made


@functools.cache
def services() -> dict[str, dict[str, Any]]:
    """Every service of botocore and what its description says of its protocol; reads no more of it."""
    found = {}
    for folder in sorted(DATA.iterdir()):
        versions = sorted(folder.glob("*/service-2.json.gz"))
        if versions:
            with gzip.open(versions[-1]) as file:
                beginning = file.read(METADATA_BYTES).decode(errors="ignore")
            start = beginning.index("{", beginning.index('"metadata"'))
            found[folder.name], _ = json.JSONDecoder().raw_decode(beginning[start:])
    assert len(found) > 400
    return found


def signing_name(metadata: dict[str, Any]) -> str:
    return str(metadata.get("signingName", metadata["endpointPrefix"]))


def request_for(protocol: str, metadata: dict[str, Any], secret: str = DEVELOPER_SECRET_KEY, key: str = "") -> Any:
    """A request for an action that no service has, as clients of this protocol write it."""
    json_type = f"application/x-amz-json-{metadata.get('jsonVersion', '1.0')}"
    method, path, headers, body = {
        "json": ("POST", "/", {"Content-Type": json_type, "X-Amz-Target": f"{metadata.get('targetPrefix')}.No"}, b"{}"),
        "query": ("POST", "/", {"Content-Type": "application/x-www-form-urlencoded"}, b"Action=No&Version=1"),
        "ec2": ("POST", "/", {"Content-Type": "application/x-www-form-urlencoded"}, b"Action=No&Version=1"),
        "rest-json": ("POST", "/no/such/action", {"Content-Type": "application/json"}, b"{}"),
        "rest-xml": ("PATCH", "/no/such/action", {}, b""),
        "smithy-rpc-v2-cbor": (
            "POST",
            "/service/No/operation/No",
            {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"},
            b"\xa0",
        ),
    }[protocol]
    if "awsQueryCompatible" in metadata:
        headers["x-amzn-query-mode"] = "true"
    request = AWSRequest(method, f"{ENDPOINT}{path}", headers, body)
    name = signing_name(metadata)
    signer = S3SigV4Auth if name == "s3" else SigV4Auth
    signer(Credentials(key or DEVELOPER_ACCESS_KEY, secret), name, "us-east-1").add_auth(request)
    return on_the_wire(request.prepare())


def error_read(protocol: str, answer: tuple[int, dict[str, str], bytes]) -> tuple[str, str]:
    """Code and message as botocore reads them."""
    status, headers, body = answer
    parser: Any = create_parser(protocol)
    parsed = parser.parse({"status_code": status, "headers": headers, "body": body}, None)
    return parsed["Error"]["Code"], parsed["Error"]["Message"]


def protocols_of(metadata: dict[str, Any]) -> list[str]:
    return list(metadata.get("protocols") or [metadata["protocol"]])


UNKNOWN_ACTION = {"query": "InvalidAction", "rest-xml": "MethodNotAllowed"}


def test_a_service_or_action_that_is_not_there_answers_in_each_protocol_that_its_clients_speak(
    gateway: Gateway,
) -> None:
    seen: dict[str, int] = {}
    served_names = {"monitoring" if name == "cloudwatch" else name for name in SERVED}
    for service, metadata in services().items():
        for protocol in protocols_of(metadata):
            code, message = error_read(protocol, ask(gateway, request_for(protocol, metadata)))
            is_there = signing_name(metadata) in served_names
            expected = UNKNOWN_ACTION.get(protocol, "UnknownOperationException") if is_there else "NotImplemented"
            assert (service, protocol, code) == (service, protocol, expected)
            assert message.startswith("The local AWS ")
            seen[protocol] = seen.get(protocol, 0) + 1
    assert seen.keys() == {"json", "query", "ec2", "rest-json", "rest-xml", "smithy-rpc-v2-cbor"}


def test_the_services_that_speak_xml_are_those_of_botocore() -> None:
    found = {signing_name(metadata) for metadata in services().values() if metadata["protocol"] == "rest-xml"}
    assert found <= XML_SERVICES


@pytest.mark.parametrize(
    ("service", "method", "params"),
    [
        ("service-quotas", "list_services", {}),
        ("cloudcontrol", "list_resources", {"TypeName": "AWS::S3::Bucket"}),
        ("resourcegroupstaggingapi", "get_resources", {}),
        ("ec2", "describe_instances", {}),
        ("rds", "describe_db_instances", {}),
        ("batch", "list_jobs", {"jobQueue": "q"}),
        ("route53", "list_hosted_zones", {}),
        ("acm-pca", "list_certificate_authorities", {}),
    ],
)
def test_a_client_of_a_service_that_is_not_there_reads_that_it_is_not(
    gateway: Gateway, service: str, method: str, params: dict[str, Any]
) -> None:
    made = client(service)
    protocol = made.meta.service_model.resolved_protocol
    code, message = error_read(protocol, ask(gateway, caught(made, method, **params)))
    assert code == "NotImplemented"
    assert message.startswith("The local AWS has no service ")


WRONG_KEY = {
    ("s3", "rest-xml"): ("InvalidAccessKeyId", 403),
    ("route53", "rest-xml"): ("InvalidClientTokenId", 403),
    ("sts", "query"): ("InvalidClientTokenId", 403),
    ("rds", "query"): ("InvalidClientTokenId", 403),
    ("sqs", "json"): ("InvalidClientTokenId", 403),
    ("cloudwatch", "json"): ("InvalidClientTokenId", 403),
    ("cloudwatch", "smithy-rpc-v2-cbor"): ("InvalidClientTokenId", 403),
    ("dynamodb", "json"): ("UnrecognizedClientException", 400),
    ("sagemaker", "json"): ("UnrecognizedClientException", 400),
    ("lambda", "rest-json"): ("UnrecognizedClientException", 403),
    ("acm-pca", "smithy-rpc-v2-cbor"): ("UnrecognizedClientException", 400),
    ("ec2", "ec2"): ("AuthFailure", 401),
}
WRONG_SECRET = {
    ("s3", "rest-xml"): ("SignatureDoesNotMatch", 403),
    ("sts", "query"): ("SignatureDoesNotMatch", 403),
    ("sqs", "json"): ("SignatureDoesNotMatch", 403),
    ("dynamodb", "json"): ("InvalidSignatureException", 400),
    ("lambda", "rest-json"): ("InvalidSignatureException", 403),
    ("ec2", "ec2"): ("AuthFailure", 401),
}


@pytest.mark.parametrize(("client_of", "expected"), WRONG_KEY.items(), ids=lambda value: " ".join(map(str, value)))
def test_a_wrong_access_key_is_refused_in_the_words_of_the_service(
    gateway: Gateway, client_of: tuple[str, str], expected: tuple[str, int]
) -> None:
    service, protocol = client_of
    request = request_for(protocol, services()[service], key="AKIASOMEBODYELSE0000")
    answer = ask(gateway, request)
    assert (error_read(protocol, answer)[0], answer[0]) == expected


@pytest.mark.parametrize(("client_of", "expected"), WRONG_SECRET.items(), ids=lambda value: " ".join(map(str, value)))
def test_a_wrong_secret_is_refused_in_the_words_of_the_service(
    gateway: Gateway, client_of: tuple[str, str], expected: tuple[str, int]
) -> None:
    service, protocol = client_of
    answer = ask(gateway, request_for(protocol, services()[service], secret="guessed"))
    assert (error_read(protocol, answer)[0], answer[0]) == expected


@pytest.mark.parametrize(
    ("header", "code"),
    [("", "MissingAuthenticationToken"), ("AWS4-HMAC-SHA256 Credential=a", "IncompleteSignature")],
)
def test_a_request_without_a_whole_signature_is_refused(gateway: Gateway, header: str, code: str) -> None:
    request = request_for("query", services()["sts"])
    request.headers.pop("authorization")
    if header:
        request.headers["authorization"] = header
    assert error_read("query", ask(gateway, request))[0] == code


def test_a_defect_is_an_internal_failure_in_the_clients_protocol(gateway: Gateway) -> None:
    request = caught(client("sagemaker"), "describe_model", ModelName="m")
    status, headers, body = ask(gateway, request)
    assert (status, error_read("json", (status, headers, body))[0]) == (500, "InternalFailure")


def test_a_message_with_control_characters_is_still_xml(gateway: Gateway) -> None:
    request = AWSRequest("POST", ENDPOINT, {"Content-Type": "application/x-www-form-urlencoded"}, b"Action=%00%1B&V=1")
    SigV4Auth(Credentials(DEVELOPER_ACCESS_KEY, DEVELOPER_SECRET_KEY), "sts", "us-east-1").add_auth(request)
    code, message = error_read("query", ask(gateway, on_the_wire(request.prepare())))
    assert (code, message[-2:]) == ("InvalidAction", "??")
