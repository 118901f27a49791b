"""CopyObject's limit, which moto does not know: an object of more than 5 GB is copied in parts.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html; the text of the refusal is that of public reports.
"""

from __future__ import annotations

from typing import Any

from localaws.choices import Choices


def limit_copies(choices: Choices) -> None:
    """Have moto's S3 refuse to copy, in one call, what is larger than ``choices`` say."""
    from moto.s3 import models
    from moto.s3.exceptions import S3ClientError

    backend = models.S3Backend
    copy_object = getattr(backend, "_moto_copy_object", backend.copy_object)
    upload_part_copy = getattr(backend, "_moto_upload_part_copy", backend.upload_part_copy)

    def refuse(size: int) -> None:
        if size > choices.copy_object_max_bytes:
            text = "The specified copy source is larger than the maximum allowable size for a copy source: "
            raise S3ClientError("InvalidRequest", f"{text}{choices.copy_object_max_bytes}")

    def copy(self: Any, src_key: Any, *arguments: Any, **named: Any) -> None:
        refuse(src_key.size)
        copy_object(self, src_key, *arguments, **named)

    def copy_part(self: Any, *arguments: Any, **named: Any) -> Any:
        part = upload_part_copy(self, *arguments, **named)
        refuse(part.size)
        return part

    backend._moto_copy_object = copy_object
    backend._moto_upload_part_copy = upload_part_copy
    backend.copy_object = copy
    backend.upload_part_copy = copy_part
