"""Code and layers from uploaded zip files: unpacked once per content, kept for the run."""

from __future__ import annotations

import base64
import hashlib
import io
import threading
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from localaws.context import Context
from localaws.service_api import AwsError

MAX_UNZIPPED_BYTES = 262_144_000
MAX_DIRECT_BYTES = 50 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CodePackage:
    """An unpacked zip file. ``sha256`` is in base64, as Lambda shows it."""

    sha256: str
    zipped_bytes: int
    unzipped_bytes: int
    path: Path


class Packages:
    """Unpacks uploads below one directory; the same content is unpacked once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._directory = context.run_dir / "lambda" / "packages"
        self._unpacking = threading.Lock()

    def fetch(self, source: Mapping[str, Any]) -> CodePackage:
        """The package of a request's ZipFile or S3Bucket and S3Key; raises InvalidParameterValueException."""
        content = source.get("ZipFile") or self._from_s3(source)
        if "ZipFile" in source and len(content) > MAX_DIRECT_BYTES:
            raise AwsError("RequestEntityTooLargeException", "Zip file is larger than 50 MB.", 413)
        digest = hashlib.sha256(content).digest()
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                size = sum(member.file_size for member in archive.infolist())
                path = self._unpack(archive, digest.hex())
        except zipfile.BadZipFile as error:
            message = "Could not unzip uploaded file. Please check your file, then try to upload again."
            raise AwsError("InvalidParameterValueException", message) from error
        return CodePackage(base64.b64encode(digest).decode(), len(content), size, path)

    def _from_s3(self, source: Mapping[str, Any]) -> bytes:
        if "S3Bucket" not in source or "S3Key" not in source:
            raise AwsError("InvalidParameterValueException", "Please provide a source for function code.")
        where = {"Bucket": source["S3Bucket"], "Key": source["S3Key"]}
        if "S3ObjectVersion" in source:
            where["VersionId"] = source["S3ObjectVersion"]
        try:
            return bytes(self._context.client("s3", None).get_object(**where)["Body"].read())
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            text = f"Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {message}"
            raise AwsError("InvalidParameterValueException", text) from error

    def _unpack(self, archive: zipfile.ZipFile, name: str) -> Path:
        path = self._directory / name
        with self._unpacking:
            if not path.exists():
                half_done = self._directory / f"{name}.{uuid.uuid4().hex}"
                for member in archive.infolist():
                    _extract(archive, member, half_done)
                half_done.mkdir(parents=True, exist_ok=True)
                half_done.rename(path)
        return path


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, directory: Path) -> None:
    extracted = Path(archive.extract(member, directory))
    mode = member.external_attr >> 16 & 0o777
    if mode and not member.is_dir():
        extracted.chmod(mode | 0o400)  # zipfile forgets which files can be executed
