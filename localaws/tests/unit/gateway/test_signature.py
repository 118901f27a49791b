"""Signatures: what botocore signs is accepted, whatever it signs; what was changed or signed by others is not."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localaws.gateway.signature import Problem, SignatureError, SignedRequest, check, read_signature
from localaws.iam.identity import DEVELOPER_ACCESS_KEY, DEVELOPER_SECRET_KEY
from localaws.tests.unit.gateway.requests_on_the_wire import ENDPOINT, caught, client, on_the_wire, presigned

ODD_KEY = "in/a+b %2B?x=1&y#ü/..//z~'()*.csv"


def problem_of(
    request: SignedRequest, secret: str = DEVELOPER_SECRET_KEY, token: str | None = None, later: timedelta = timedelta()
) -> Problem | None:
    """None when the signature is right."""
    try:
        check(read_signature(request), request, secret, token, datetime.now(UTC) + later)
    except SignatureError as error:
        return error.problem
    return None


CALLS: list[Any] = [
    pytest.param("s3", "put_object", {"Bucket": "b", "Key": ODD_KEY, "Body": b"x"}, id="s3-odd-key"),
    pytest.param("s3", "list_objects_v2", {"Bucket": "b", "Prefix": "a b+c/", "Delimiter": "/"}, id="s3-query"),
    pytest.param(
        "s3", "put_object", {"Bucket": "b", "Key": "k", "Body": b"", "Metadata": {"a-b": " two  spaces "}}, id="s3-meta"
    ),
    pytest.param("s3", "put_object", {"Bucket": "b", "Key": "k", "Body": io.BytesIO(b"y" * 99)}, id="s3-stream"),
    pytest.param("sts", "get_caller_identity", {}, id="query"),
    pytest.param("sqs", "send_message", {"QueueUrl": "http://127.0.0.1:4566/1/q", "MessageBody": "ü"}, id="json"),
    pytest.param("lambda", "invoke", {"FunctionName": "arn:aws:lambda:us-east-1:1:function:f:v 1"}, id="rest-json"),
    pytest.param("sagemaker-runtime", "invoke_endpoint", {"EndpointName": "e", "Body": b"\x00\xff"}, id="binary-body"),
    pytest.param("cloudwatch", "describe_alarms", {"AlarmNames": ["a"]}, id="query-compatible"),
    pytest.param("ec2", "describe_instances", {}, id="ec2"),
]


@pytest.mark.parametrize(("service", "method", "params"), CALLS)
def test_what_botocore_signs_is_accepted_and_another_secret_is_not(
    service: str, method: str, params: dict[str, Any]
) -> None:
    request = caught(client(service), method, **params)
    assert problem_of(request) is None
    assert problem_of(request, secret="another") is Problem.MISMATCH


def test_temporary_credentials_need_their_own_token() -> None:
    request = caught(client("sqs", "ASIA1", "s", "the-token"), "list_queues")
    assert problem_of(request, "s", "the-token") is None
    assert problem_of(request, "s", "another") is Problem.WRONG_TOKEN
    without = caught(client("sqs", "ASIA1", "s"), "list_queues")
    assert problem_of(without, "s", "the-token") is Problem.WRONG_TOKEN


@pytest.mark.parametrize("version", ["s3v4", "s3"])
@pytest.mark.parametrize("token", [None, "a+token/="])
@pytest.mark.parametrize("method", ["get_object", "put_object"])
def test_presigned_urls_of_either_version_are_accepted_until_they_expire(
    version: str, token: str | None, method: str
) -> None:
    s3 = client("s3", token=token, signature_version=version)
    url = s3.generate_presigned_url(method, {"Bucket": "b", "Key": ODD_KEY}, ExpiresIn=600)
    request = presigned(url, "GET" if method == "get_object" else "PUT")
    assert read_signature(request).access_key == DEVELOPER_ACCESS_KEY
    assert problem_of(request, token=token) is None
    assert problem_of(request, token=token, secret="another") is Problem.MISMATCH
    assert problem_of(replace(request, path="/b/another"), token=token) is Problem.MISMATCH
    assert problem_of(request, token=token, later=timedelta(seconds=700)) is Problem.EXPIRED


def test_a_presigned_version_of_an_object_is_covered_by_both_versions() -> None:
    for version in ("s3v4", "s3"):
        s3 = client("s3", signature_version=version)
        url = s3.generate_presigned_url("get_object", {"Bucket": "b", "Key": "k", "VersionId": "v1"})
        request = presigned(url)
        assert problem_of(request) is None
        assert problem_of(replace(request, query=request.query.replace("v1", "v2"))) is Problem.MISMATCH


def test_a_presigned_url_of_another_service_signs_its_empty_body() -> None:
    url = client("sts").generate_presigned_url("get_caller_identity", HttpMethod="GET")
    assert problem_of(presigned(url)) is None


@pytest.mark.parametrize("stated", ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"])
def test_a_body_that_is_not_signed_may_be_anything(stated: str) -> None:
    """As SDKs send bodies over TLS; the headers are signed as ever."""
    request = AWSRequest("PUT", f"{ENDPOINT}/b/k", {"x-amz-content-sha256": stated}, b"signed")
    auth: Any = S3SigV4Auth(Credentials(DEVELOPER_ACCESS_KEY, DEVELOPER_SECRET_KEY), "s3", "us-east-1")
    auth.payload = lambda _request: stated
    auth.add_auth(request)
    signed = on_the_wire(request.prepare())
    assert signed.headers["x-amz-content-sha256"] == stated
    assert problem_of(signed) is None
    assert problem_of(replace(signed, body=b"sent")) is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"body": b"Action=Other"}, Problem.MISMATCH),
        ({"method": "PUT"}, Problem.MISMATCH),
        ({"path": "/other"}, Problem.MISMATCH),
        ({"query": "a=b"}, Problem.MISMATCH),
    ],
)
def test_a_changed_request_is_refused(change: dict[str, Any], problem: Problem) -> None:
    request = caught(client("sts"), "get_caller_identity")
    assert problem_of(replace(request, **change)) is problem


def test_a_body_other_than_the_stated_digest_is_refused() -> None:
    request = caught(client("s3"), "put_object", Bucket="b", Key="k", Body=b"signed")
    assert problem_of(replace(request, body=b"sent")) is Problem.WRONG_BODY


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_clock_that_is_far_off_is_refused(minutes: int) -> None:
    request = caught(client("sts"), "get_caller_identity")
    assert problem_of(request, later=timedelta(minutes=minutes)) is Problem.SKEWED
    assert problem_of(request, later=timedelta(minutes=minutes / 16 * 14)) is None


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        ("", Problem.MISSING),
        ("Basic dTpw", Problem.INCOMPLETE),
        ("AWS4-ECDSA-P256-SHA256 Credential=a/20260101/s3/aws4_request", Problem.INCOMPLETE),
        ("AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=x", Problem.INCOMPLETE),
        ("AWS4-HMAC-SHA256 Credential=a/20260101/r/s3/aws4_request, Signature=x", Problem.INCOMPLETE),
        (
            "AWS4-HMAC-SHA256 Credential=a/20260101/r/s3/aws4_request, SignedHeaders=host, Signature=x",
            Problem.INCOMPLETE,
        ),
    ],
    ids=["none", "basic", "version-4a", "short-scope", "no-headers", "no-date"],
)
def test_a_signature_that_cannot_be_read_says_so(header: str, problem: Problem) -> None:
    headers = {"authorization": header} if header else {}
    request = SignedRequest(method="GET", path="/", query="", headers=headers, body=b"")
    assert problem_of(request) is problem
