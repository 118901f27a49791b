"""Uploads what a built template refers to by a local path, as ``sam package`` does."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from localaws.services.cloudformation.template.errors import TemplateError

# Which property of which resource type may be a local path, and how its S3 location is written.
_LOCAL_PATHS = {
    "AWS::Serverless::Function": ("CodeUri", "Bucket", "Key"),
    "AWS::Serverless::LayerVersion": ("ContentUri", "Bucket", "Key"),
    "AWS::Serverless::StateMachine": ("DefinitionUri", "Bucket", "Key"),
    "AWS::Lambda::Function": ("Code", "S3Bucket", "S3Key"),
    "AWS::Lambda::LayerVersion": ("Content", "S3Bucket", "S3Key"),
    "AWS::StepFunctions::StateMachine": ("DefinitionS3Location", "Bucket", "Key"),
}
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold: the same files make the same bytes


def upload_local_files(template: dict[str, Any], template_dir: Path, *, bucket: str, s3: Any) -> None:
    """Replace each local path in the template by the S3 location of its content-addressed upload."""
    for logical_id, resource in template.get("Resources", {}).items():
        if resource.get("Type") not in _LOCAL_PATHS:
            continue
        name, bucket_key, object_key = _LOCAL_PATHS[resource["Type"]]
        properties = resource.get("Properties", {})
        if isinstance(properties.get(name), str) and not properties[name].startswith("s3://"):
            content = read_artifact(template_dir / properties[name], logical_id)
            key = hashlib.sha256(content).hexdigest()
            s3.put_object(Bucket=bucket, Key=key, Body=content)
            properties[name] = {bucket_key: bucket, object_key: key}


def read_artifact(path: Path, logical_id: str) -> bytes:
    """A file's bytes, or a folder as a zip that depends on nothing but the files in it."""
    if path.is_file():
        return path.read_bytes()
    if not path.is_dir():
        raise TemplateError(f"resource {logical_id} refers to {path}, which does not exist")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in _files(path):
            entry = zipfile.ZipInfo(file.relative_to(path).as_posix(), _LONG_AGO)
            entry.external_attr = (file.stat().st_mode & 0o777) << 16
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=1)
    return packed.getvalue()


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.rglob("*") if path.is_file())
