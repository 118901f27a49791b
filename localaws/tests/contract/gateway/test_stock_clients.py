"""Stock clients: the AWS CLI, boto3, and whoever opens a presigned URL."""

from __future__ import annotations

import base64
import json
import shlex
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from localaws.iam.identity import DEVELOPER_ACCESS_KEY, DEVELOPER_SECRET_KEY
from localaws.local_aws import LocalAws
from localaws.moto.checksums import crc
from localaws.serve import client_environment
from localaws.tests.interpreters import INTERPRETERS
from localaws.tests.loopback_only import Ran, run_here

SHIPPED = "localaws.aws_cli:main"
STOCK = "localaws.tests.loopback_only:stock_aws_cli"
COMMANDS = {
    "queues": "sqs list-queues",  # this and rds the stock CLI seeks at addresses of its own
    "rds": "rds describe-db-instances",
    "ec2": "ec2 describe-instances",
    "identity": "sts get-caller-identity",
    "bucket": "s3 mb s3://uploads",
    "upload": "s3 cp large.bin 's3://uploads/a b+c.bin'",
    "download": "s3 cp 's3://uploads/a b+c.bin' again.bin",
    "queue": "sqs create-queue --queue-name first",
    "pages": "sqs list-queues --page-size 1",
}
LARGE = bytes(range(256)) * 40_000  # two parts of an upload


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("run"), INTERPRETERS) as running:
        yield running


@pytest.fixture(scope="module")
def ran(aws: LocalAws, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    """Every command, in the order of the table, in one process: the CLI takes a second to start."""
    folder = tmp_path_factory.mktemp("terminal")
    (folder / "large.bin").write_bytes(LARGE)
    words = [shlex.split(command) for command in COMMANDS.values()]
    told = run_here(SHIPPED, words, environment_of(aws), folder)
    assert (folder / "again.bin").read_bytes() == LARGE
    return dict(zip(COMMANDS, told, strict=True))


def environment_of(aws: LocalAws) -> dict[str, str]:
    return client_environment(aws.endpoint_url, aws.region) | {"AWS_MAX_ATTEMPTS": "1"}


def refusal_of(call: Any) -> str:
    """The code of the error that a call ends with."""
    with pytest.raises(ClientError) as refused:
        call()
    return str(refused.value.response["Error"]["Code"])


def test_the_shipped_cli_does_not_leave_the_machine(ran: dict[str, Ran]) -> None:
    assert {name: told.left_for for name, told in ran.items() if told.left_for} == {}


def test_the_stock_cli_would_have_left_it(aws: LocalAws, tmp_path: Path) -> None:
    """Else the mend is no longer needed."""
    (told,) = run_here(STOCK, [["sqs", "list-queues"]], environment_of(aws), tmp_path)
    assert told.left_for == ["queue.amazonaws.com"]


def test_without_an_endpoint_the_shipped_cli_goes_where_the_stock_one_goes(aws: LocalAws, tmp_path: Path) -> None:
    environment = environment_of(aws)
    environment.pop("AWS_ENDPOINT_URL")
    (told,) = run_here(SHIPPED, [["sqs", "list-queues"]], environment, tmp_path)
    assert told.left_for == ["queue.amazonaws.com"]


@pytest.mark.parametrize("name", ["rds", "ec2"])
def test_a_service_that_is_not_there_is_a_clean_error(ran: dict[str, Ran], name: str) -> None:
    assert "An error occurred (NotImplemented) when calling the " in ran[name].printed
    assert "operation: The local AWS has no service " in ran[name].printed


def test_what_is_there_is_answered(ran: dict[str, Ran]) -> None:
    for name in COMMANDS.keys() - {"rds", "ec2"}:
        assert ran[name].status == 0, ran[name].printed
    assert json.loads(ran["identity"].printed)["Arn"] == "arn:aws:iam::123456789012:user/developer"
    assert len(json.loads(ran["pages"].printed)["QueueUrls"]) == 1


@pytest.mark.parametrize("algorithm", ["crc32", "crc64nvme"])
def test_an_upload_in_chunks_with_a_checksum_behind_it_is_the_object(aws: LocalAws, algorithm: str) -> None:
    """As the AWS CLI of version 2 and other SDKs send streams: framed, with a trailer, the body not signed."""
    aws.client("s3").create_bucket(Bucket=f"chunked-{algorithm}")
    body = b"a,b\n1,2\n"
    digest = zlib.crc32(body).to_bytes(4, "big") if algorithm == "crc32" else crc(body, "CRC64NVME")
    checksum = base64.b64encode(digest).decode()
    framed = b"%x\r\n%s\r\n0\r\nx-amz-checksum-%s:%s\r\n\r\n" % (
        len(body), body, algorithm.encode(), checksum.encode(),
    )  # fmt: skip
    stated = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    request = AWSRequest(
        "PUT",
        f"{aws.endpoint_url}/chunked-{algorithm}/k",
        {
            "Content-Encoding": "aws-chunked",
            "Content-Type": "text/csv",
            "x-amz-content-sha256": stated,
            "x-amz-decoded-content-length": str(len(body)),
            "x-amz-sdk-checksum-algorithm": algorithm.upper(),
            "x-amz-trailer": f"x-amz-checksum-{algorithm}",
        },
        framed,
    )
    signer = S3SigV4Auth(Credentials(DEVELOPER_ACCESS_KEY, DEVELOPER_SECRET_KEY), "s3", aws.region)
    signer.payload = lambda _request: stated  # type: ignore[method-assign, assignment]
    signer.add_auth(request)
    urlopen(Request(str(request.url), framed, dict(request.headers), method="PUT")).close()
    stored = aws.client("s3").get_object(Bucket=f"chunked-{algorithm}", Key="k", ChecksumMode="ENABLED")
    assert stored["Body"].read() == body
    assert stored[f"Checksum{algorithm.upper()}"] == checksum


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("ssm", "describe_parameters", "UnrecognizedClientException"),
        ("sqs", "list_queues", "InvalidClientTokenId"),
        ("s3", "list_buckets", "InvalidAccessKeyId"),
        ("lambda", "list_functions", "UnrecognizedClientException"),
        ("ec2", "describe_instances", "AuthFailure"),
    ],
)
def test_a_wrong_access_key_is_refused(aws: LocalAws, service: str, operation: str, code: str) -> None:
    stranger = boto3.client(
        service,
        endpoint_url=aws.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="AKIASOMEBODYELSE0000",
        aws_secret_access_key="secret",
    )
    assert refusal_of(getattr(stranger, operation)) == code


def test_a_wrong_secret_is_refused(aws: LocalAws) -> None:
    guessed = boto3.client(
        "s3",
        endpoint_url=aws.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=DEVELOPER_ACCESS_KEY,
        aws_secret_access_key="guessed",
    )
    assert refusal_of(guessed.list_buckets) == "SignatureDoesNotMatch"


def test_presigned_urls_work(aws: LocalAws) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="shared")
    key = "a b+c/ü?.csv"
    url = s3.generate_presigned_url("put_object", {"Bucket": "shared", "Key": key})
    urlopen(Request(url, b"1,2", {"Content-Type": ""}, method="PUT")).close()  # a type would have to be signed
    with urlopen(s3.generate_presigned_url("get_object", {"Bucket": "shared", "Key": key})) as answer:
        assert answer.read() == b"1,2"


def test_an_upload_that_says_it_is_a_form_is_stored_as_it_is(aws: LocalAws) -> None:
    """As curl and urllib send bodies when they are told no type."""
    aws.client("s3").create_bucket(Bucket="forms")
    s3 = boto3.client(
        "s3",
        endpoint_url=aws.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=DEVELOPER_ACCESS_KEY,
        aws_secret_access_key=DEVELOPER_SECRET_KEY,
        config=Config(signature_version="s3v4"),  # Version 2 would have signed that there is no type
    )
    url = s3.generate_presigned_url("put_object", {"Bucket": "forms", "Key": "k"})
    urlopen(Request(url, b"a=1&b=2", method="PUT")).close()
    stored = s3.get_object(Bucket="forms", Key="k")
    assert (stored["Body"].read(), stored["ContentType"]) == (b"a=1&b=2", "application/x-www-form-urlencoded")
