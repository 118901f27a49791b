"""Versions for the scenes: registers one trained model as often as needed, sound or with a flaw."""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from rehearsal.drivers.surroundings import Surroundings
from rehearsal.material.flaws import Flaw

INFERENCE = "code/inference.py"
DESCRIPTION = "a scene's version"


@dataclass(slots=True)
class Artifacts:
    """The trained model as the pipeline registered it, and its flawed siblings, made when first asked for."""

    around: Surroundings
    package: Mapping[str, Any]  # as DescribeModelPackage returns it
    _made: dict[str, str] = field(default_factory=dict)  # flaw's name -> URI
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def register(self, group: str, flaw: Flaw | None) -> int:
        """A new version in ``group`` that waits for approval, sound without a flaw; its number."""
        specification = dict(self.package["InferenceSpecification"])
        (container,) = specification["Containers"]
        if flaw:
            container = {**container, "ModelDataUrl": self._flawed(container["ModelDataUrl"], flaw)}
        # The image's digest belongs to AWS's answer, not to the question.
        specification["Containers"] = [
            {k: v for k, v in container.items() if k not in ("ImageDigest", "ModelDataETag")}
        ]
        made = self.around.client("sagemaker").create_model_package(
            ModelPackageGroupName=group,
            ModelPackageDescription=f"{DESCRIPTION}: {flaw.name if flaw else 'sound'}",
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification=specification,
            ModelMetrics=self.package["ModelMetrics"],
        )
        return int(made["ModelPackageArn"].rsplit("/", 1)[1])

    def _flawed(self, sound: str, flaw: Flaw) -> str:
        with self._lock:
            if flaw.name not in self._made:
                where = urlsplit(sound)
                s3, bucket, key = self.around.client("s3"), where.netloc, where.path.lstrip("/")
                content = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
                other = f"{key.rpartition('/')[0]}/{flaw.name}/model.tar.gz"
                s3.put_object(Bucket=bucket, Key=other, Body=spoil(content, flaw))
                self._made[flaw.name] = f"s3://{bucket}/{other}"
            return self._made[flaw.name]


def spoil(archive: bytes, flaw: Flaw) -> bytes:
    """The same ``model.tar.gz``, its ``inference.py`` with the flaw at its end; KeyError when it has none."""
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(archive)) as old, tarfile.open(fileobj=out, mode="w:gz") as new:
        inference = next((each for each in old if each.name.removeprefix("./") == INFERENCE), None)
        if inference is None:
            raise KeyError(f"the model's archive has no {INFERENCE}")
        for member in old.getmembers():
            reader = old.extractfile(member)
            content = reader.read() if reader else b""
            if member is inference:
                content += flaw.code.encode()
                member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    return out.getvalue()
