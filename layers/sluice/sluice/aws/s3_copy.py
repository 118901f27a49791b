"""Copies an object of any size within S3: in parts above a size that one short call copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.aws.concurrency import call_each

PART_BYTES = 64 << 20
"""What S3 copies in a second or two, well within the ten for which our clients wait for an answer. CopyObject takes 5
GB at most: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html"""

_MAX_PARTS = 10_000
"""Of one upload: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html."""


def copy_object(
    client: Any, source: Mapping[str, str], size: int, bucket: str, key: str, *, part_bytes: int = PART_BYTES
) -> None:
    """Copy ``source``, such as ``{"Bucket": …, "Key": …, "VersionId": …}`` of ``size`` bytes, to another key.

    Its tags are not copied: reading them would need one permission more. No byte of it comes through here. The parts of
    a copy whose function is killed stay until the bucket's rule for unfinished uploads removes them, after seven days.
    """
    if size <= part_bytes:
        client.copy_object(Bucket=bucket, Key=key, CopySource=dict(source), TaggingDirective="REPLACE")
        return
    target = {"Bucket": bucket, "Key": key}
    upload = {**target, "UploadId": client.create_multipart_upload(**target)["UploadId"]}
    try:
        parts = _copy_parts(client, source, size, upload, part_bytes)
        client.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    except BaseException:
        client.abort_multipart_upload(**upload)  # its parts would cost until the bucket's rule for them applies
        raise


def part_length(size: int, part_bytes: int = PART_BYTES) -> int:
    """Bytes in each part but the last: more than ``part_bytes`` only where there would be too many parts. Pure."""
    return max(part_bytes, -(-size // _MAX_PARTS))


def _copy_parts(
    client: Any, source: Mapping[str, str], size: int, upload: Mapping[str, str], part_bytes: int
) -> list[dict[str, Any]]:
    """The parts as CompleteMultipartUpload wants them; raises the first error of any."""
    length = part_length(size, part_bytes)

    def copy_part(start: int) -> dict[str, Any]:
        number = start // length + 1
        bounds = f"bytes={start}-{min(start + length, size) - 1}"
        copied = client.upload_part_copy(**upload, PartNumber=number, CopySource=dict(source), CopySourceRange=bounds)
        return {"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]}

    parts = []
    for found in call_each(copy_part, range(0, size, length)):
        if isinstance(found, Exception):
            raise found
        parts.append(found)
    return parts
