"""The longest key of an object: 1,024 bytes of UTF-8, which moto does not know.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html; code and text of the refusal are those of
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html.
"""

from __future__ import annotations

from typing import Any

MAX_KEY_BYTES = 1024


def limit_keys() -> None:
    """Have moto's S3 refuse to write an object under a longer key; a copy, too, is such a write of moto's."""
    from moto.s3 import models
    from moto.s3.exceptions import S3ClientError

    backend = models.S3Backend
    if hasattr(backend, "_moto_put_object"):
        return

    def refuse(key: str) -> None:
        if len(key.encode()) > MAX_KEY_BYTES:
            raise S3ClientError("KeyTooLongError", "Your key is too long")

    def put(self: Any, bucket_name: str, key_name: str, *arguments: Any, **named: Any) -> Any:
        refuse(key_name)
        return backend._moto_put_object(self, bucket_name, key_name, *arguments, **named)

    def begin(self: Any, bucket_name: str, key_name: str, *arguments: Any, **named: Any) -> Any:
        refuse(key_name)
        return backend._moto_create_multipart_upload(self, bucket_name, key_name, *arguments, **named)

    backend._moto_put_object, backend.put_object = backend.put_object, put
    backend._moto_create_multipart_upload, backend.create_multipart_upload = backend.create_multipart_upload, begin
