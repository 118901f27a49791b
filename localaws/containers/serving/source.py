"""The user's code: in a directory of the container, or in an archive in S3 that the container fetches itself."""

import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SubmittedCode:
    """What ``SAGEMAKER_SUBMIT_DIRECTORY`` says: a directory, or ``s3://bucket/key`` of a ``sourcedir.tar.gz``.

    The image's toolkit downloads the archive under the model's role and unpacks it below ``/opt/ml/code``
    (sagemaker_containers, _files.download_and_extract).
    """

    submitted: str
    unpack_into: Path

    def directory(self) -> Path:
        """Where the code lies, fetched now if it is in S3; raises what S3 or the archive raise."""
        if not self.submitted.startswith("s3://"):
            return Path(self.submitted)
        import boto3  # half a second that only this case takes

        bucket, _, key = self.submitted.removeprefix("s3://").partition("/")
        with tempfile.TemporaryFile() as packed:
            boto3.client("s3").download_fileobj(bucket, key, packed)
            packed.seek(0)
            self.unpack_into.mkdir(exist_ok=True)
            with tarfile.open(fileobj=packed, mode="r:*") as archive:
                archive.extractall(self.unpack_into, filter="data")
        return self.unpack_into
