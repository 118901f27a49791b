"""Quarantine moves files of any size: S3 copies no more than 5 GB at once, here no more than 6 MB."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.s3.models import S3Backend
from sluice.aws.s3_copy import copy_object
from sluice.errors import AwsRefusedError, RetryableError
from sluice.events import ObjectCreated
from sluice.training.quarantine import Quarantine, quarantine_key
from sluice.training.unreadable_upload import UnreadableUploadError

from localaws.choices import Choices
from localaws.moto.s3_copies import limit_copies
from localaws.moto.s3_key_length import limit_keys
from tests.builders.aws_clients import client_error, translating

BUCKET = "sluice-dev-data"
KEY = "data/fraud/märz 1+2?.csv"
MB = 1 << 20
LARGE = b"a,b\n" + b"1,2\n" * (3 * MB)  # 12 MB and a header


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    # Set to what they are, so that they are put back.
    for name in ("copy_object", "upload_part_copy"):
        monkeypatch.setattr(S3Backend, name, getattr(S3Backend, name))
        monkeypatch.setattr(S3Backend, f"_moto_{name}", getattr(S3Backend, name), raising=False)
    limit_copies(Choices(copy_object_max_bytes=6 * MB))
    limit_keys()  # for good, as a local AWS of this process does
    with mock_aws():
        client = boto3.client("s3", "us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        client.create_bucket(Bucket=BUCKET)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield client


def upload(s3: Any, body: bytes, key: str = KEY) -> ObjectCreated:
    put = s3.put_object(Bucket=BUCKET, Key=key, Body=body)
    etag = put["ETag"].strip('"')
    return ObjectCreated(bucket=BUCKET, key=key, size=len(body), version_id=put["VersionId"], etag=etag, sequencer="0")


def content(s3: Any, key: str) -> bytes:
    body: bytes = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return body


def keys(s3: Any) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def test_what_is_larger_than_one_copy_may_be_is_moved_in_parts(s3: Any) -> None:
    bad = upload(s3, LARGE)
    with pytest.raises(s3.exceptions.ClientError, match="larger than the maximum allowable size"):
        s3.copy_object(Bucket=BUCKET, Key="x", CopySource={"Bucket": BUCKET, "Key": KEY})
    quarantine = Quarantine(translating(s3), part_bytes=5 * MB)
    kept = quarantine.keep(bad, {"reason": "no"})
    quarantine.remove(bad)
    assert keys(s3) == [kept, f"{kept}.reason.json"] == [f"quarantine/{KEY[5:]}", f"quarantine/{KEY[5:]}.reason.json"]
    assert content(s3, kept) == LARGE
    assert quarantine.keep(bad, {"reason": "no"}) == kept, "the version is gone: another delivery was quicker"
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)


def test_a_copy_that_fails_leaves_no_parts_behind(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    upload(s3, LARGE)

    def fail(**_request: Any) -> None:
        raise RetryableError("the connection was lost")

    monkeypatch.setattr(s3, "upload_part_copy", fail)
    with pytest.raises(RetryableError):
        copy_object(translating(s3), {"Bucket": BUCKET, "Key": KEY}, len(LARGE), BUCKET, "x", part_bytes=5 * MB)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)


def test_what_is_too_large_to_be_copied_in_time_is_hidden_and_the_reason_says_where_it_is(s3: Any) -> None:
    bad = upload(s3, LARGE)
    quarantine = Quarantine(translating(s3), part_bytes=5 * MB, max_copied_bytes=8 * MB)
    for _ in range(2):
        kept = quarantine.keep(bad, {"reason": "no"})
        quarantine.remove(bad)
    assert keys(s3) == [kept] == [f"quarantine/{KEY[5:]}.reason.json"]
    place = {"key": KEY, "version_id": bad.version_id}
    assert json.loads(content(s3, kept)) == {"reason": "no", "kept_as": place}
    assert s3.get_object(Bucket=BUCKET, Key=KEY, VersionId=bad.version_id)["Body"].read() == LARGE


def test_a_newer_upload_is_not_hidden_with_it(s3: Any) -> None:
    bad = upload(s3, LARGE)
    upload(s3, b"a,b\n1,2\n")
    quarantine = Quarantine(translating(s3), max_copied_bytes=8 * MB)
    quarantine.keep(bad, {"reason": "no"})
    quarantine.remove(bad)
    assert content(s3, KEY) == b"a,b\n1,2\n"


def test_a_newer_upload_that_comes_between_the_look_and_the_delete_is_not_hidden(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = upload(s3, LARGE)
    look = s3.head_object

    def look_too_early(**request: Any) -> Any:
        found = look(**request)
        upload(s3, b"a,b\n1,2\n")
        return found

    monkeypatch.setattr(s3, "head_object", look_too_early)
    quarantine = Quarantine(translating(s3), max_copied_bytes=8 * MB)
    quarantine.keep(bad, {"reason": "no"})
    quarantine.remove(bad)
    assert content(s3, KEY) == b"a,b\n1,2\n"


@pytest.mark.parametrize("max_copied_bytes", [8 * MB, 1], ids=["moved", "hidden"])
@pytest.mark.parametrize("name", ["x" * 1008, "ä" * 500], ids=["one byte each", "two bytes each"])
def test_a_file_whose_key_is_nearly_as_long_as_s3_allows_is_set_aside_with_its_reason(
    s3: Any, name: str, max_copied_bytes: int
) -> None:
    key = f"data/fraud/{name}.csv"
    bad = upload(s3, b"a,b\n1,2\n", key)
    with pytest.raises(s3.exceptions.ClientError, match="KeyTooLongError"):
        s3.put_object(Bucket=BUCKET, Key=f"quarantine/fraud/{name}.csv.reason.json", Body=b"")
    quarantine = Quarantine(translating(s3), max_copied_bytes=max_copied_bytes)
    for _ in range(2):
        kept = quarantine.keep(bad, {"reason": "no", "key": key})
        quarantine.remove(bad)
    reason = f"{quarantine_key(key)}.reason.json"
    assert kept == (quarantine_key(key) if max_copied_bytes > 1 else reason)
    assert keys(s3) == sorted({kept, reason})
    assert len(reason.encode()) <= 1024
    assert json.loads(content(s3, reason))["key"] == key


@pytest.mark.parametrize(
    ("code", "message", "error"),
    [
        ("AccessDenied", "User: r is not authorized to perform: kms:Decrypt on resource: k", UnreadableUploadError),
        (
            "AccessDenied",
            "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or "
            "you are not allowed to access.",
            UnreadableUploadError,
        ),
        ("KMS.DisabledException", "k is disabled.", UnreadableUploadError),
        ("KMS.NotFoundException", "k is not there.", UnreadableUploadError),
        ("KMS.KMSInvalidStateException", "k is pending deletion.", UnreadableUploadError),
        ("KMS.ThrottlingException", "Rate exceeded", RetryableError),
        ("AccessDenied", "Access Denied", AwsRefusedError),
    ],
)
def test_an_upload_whose_key_may_not_be_used_is_told_from_one_that_may_not_be_read(
    s3: Any, monkeypatch: pytest.MonkeyPatch, code: str, message: str, error: type[Exception]
) -> None:
    def refuse(**_request: Any) -> None:
        raise client_error("GetObject", code, message)

    monkeypatch.setattr(s3, "get_object", refuse)
    with pytest.raises(error, match=message):
        Quarantine(translating(s3)).open(upload(s3, b"a,b\n"))


def test_a_source_that_is_gone_is_an_error_of_the_copy(s3: Any) -> None:
    with pytest.raises(AwsRefusedError, match="NoSuchKey"):
        copy_object(translating(s3), {"Bucket": BUCKET, "Key": "gone"}, 5, BUCKET, "x")
