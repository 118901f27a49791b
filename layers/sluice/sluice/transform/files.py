"""Reads and writes the files of batch inference in S3, as streams: they may exceed a function's memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain
from typing import Any

from sluice.aws.paging import OBJECTS, pages
from sluice.errors import AwsRefusedError
from sluice.transform.input_listing import InputFile

_CHUNK_BYTES = 1024 * 1024
PART_BYTES = 16 * 1024 * 1024
"""Of an object that is written in parts: 10,000 of them at most, each of 5 MB at least but for the last one."""

EXPIRING = "sluice=copy-of-batch-input"
"""The tag of copies of a customer's rows; the bucket's lifecycle rule deletes by it, as no prefix is theirs alone."""

_GONE = ("NoSuchKey", "404", "PreconditionFailed")


class BatchFiles:
    """The large objects of batch inference in the data bucket."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    def below(self, folder: str) -> Iterator[InputFile]:
        """Every object below a folder, by key."""
        for page in pages(self._client.list_objects_v2, OBJECTS, Bucket=self.bucket, Prefix=folder):
            for each in page.get("Contents", []):
                yield InputFile(key=each["Key"], size=int(each["Size"]), etag=each["ETag"])

    def count_lines(self, key: str, etag: str = "") -> int | None:
        """Lines of an object, the last one with or without a line end; None if the object does not exist.

        With an ``etag`` also None if the object has been overwritten since.
        """
        body = self._open(key, etag)
        return None if body is None else count_lines(_chunks(body))

    def lines(self, key: str, errors: str = "replace") -> Iterator[str]:
        """The lines of an object, without their ends; none if the object does not exist.

        ``errors`` says what becomes of bytes that are not UTF-8: with ``surrogateescape``, ``write`` writes them again.
        """
        body = self._open(key)
        if body is not None:
            yield from split_lines(_chunks(body), errors)

    def chunks(self, key: str, etag: str) -> Iterator[bytes] | None:
        """The bytes of an object; None if it does not exist or has been overwritten since."""
        body = self._open(key, etag)
        return None if body is None else _chunks(body)

    def write_chunks(self, key: str, chunks: Iterable[bytes]) -> None:
        """Write an object of any size while its bytes come; it is there once all have come. Idempotent.

        It is a copy that the bucket's lifecycle rule deletes in time.
        """
        target = {"Bucket": self.bucket, "Key": key}
        described = {"ContentType": "text/csv", "Tagging": EXPIRING}
        parts = _parts(chunks)
        first = next(parts, b"")
        second = next(parts, None)
        if second is None:
            self._client.put_object(**target, Body=first, **described)
            return
        upload = {**target, "UploadId": self._client.create_multipart_upload(**target, **described)["UploadId"]}
        try:
            written = [
                {"PartNumber": number, "ETag": self._client.upload_part(**upload, PartNumber=number, Body=part)["ETag"]}
                for number, part in enumerate(chain((first, second), parts), start=1)
            ]
            self._client.complete_multipart_upload(**upload, MultipartUpload={"Parts": written})
        except BaseException:
            self._client.abort_multipart_upload(**upload)  # its parts would cost until the bucket's rule applies
            raise

    def write(self, key: str, text: str) -> None:
        """Write an object; writing the same again changes nothing."""
        content = text.encode(errors="surrogateescape")
        self._client.put_object(Bucket=self.bucket, Key=key, Body=content, ContentType="text/csv")

    def _open(self, key: str, etag: str = "") -> Any | None:
        try:
            return self._client.get_object(Bucket=self.bucket, Key=key, **({"IfMatch": etag} if etag else {}))["Body"]
        except AwsRefusedError as error:
            if error.code in _GONE:
                return None
            raise


def _chunks(body: Any) -> Iterator[bytes]:
    with closing(body):
        while chunk := body.read(_CHUNK_BYTES):
            yield chunk


def _parts(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in parts of one size, but for the last one."""
    held = bytearray()
    for chunk in chunks:
        held += chunk
        while len(held) >= PART_BYTES:
            yield bytes(held[:PART_BYTES])
            del held[:PART_BYTES]
    if held:
        yield bytes(held)


def count_lines(chunks: Iterable[bytes]) -> int:
    """Number of lines of a text in chunks, whether or not the last one has a line end."""
    ends, last = 0, b"\n"
    for chunk in chunks:
        ends += chunk.count(b"\n")
        last = chunk[-1:] or last
    return ends + (last != b"\n")


def split_lines(chunks: Iterable[bytes], errors: str = "replace") -> Iterator[str]:
    """Lines of a text in chunks, without ``\\n`` or ``\\r\\n``; ``errors`` says what becomes of invalid UTF-8."""
    held = b""
    for chunk in chunks:
        *whole, held = (held + chunk).split(b"\n")
        yield from (line.removesuffix(b"\r").decode(errors=errors) for line in whole)
    if held:
        yield held.removesuffix(b"\r").decode(errors=errors)
