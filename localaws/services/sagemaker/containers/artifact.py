"""Fetching a model.tar.gz and unpacking it where a container looks for its model."""

from __future__ import annotations

import io
import tarfile
import zlib
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError


class ArtifactError(Exception):
    """The artifact cannot be read or unpacked; the text is SageMaker's FailureReason."""


def unpack_model(s3: Any, url: str, directory: Path) -> None:
    """Download ``url`` with ``s3``, which acts under the model's role, and unpack it into ``directory``."""
    bucket, _, key = url.removeprefix("s3://").partition("/")
    try:
        packed = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except (ClientError, BotoCoreError) as error:
        raise ArtifactError(
            f'Failed to download model data for container "container_1" from URL: "{url}". Please ensure '
            "that there is an object located at the URL and that the role passed to CreateModel has permissions "
            "to download the object."
        ) from error
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as archive:
            archive.extractall(directory, filter="data")
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise ArtifactError(
            f'Failed to extract model data archive from URL "{url}" for container "container_1". Please '
            "ensure that the object located at the URL is a valid tar.gz archive."
        ) from error
