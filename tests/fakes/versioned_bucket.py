"""A bucket that keeps every version of an object, and is its own quarantine."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sluice.aws.s3 import StoredObject
from sluice.training.quarantine import quarantine_key

from tests.fakes.aws_state import ARTIFACT, START, Faults


@dataclass
class VersionedBucket:
    """A bucket that keeps every version of a key; the last one is current. It is its own quarantine."""

    faults: Faults
    name: str = "sluice-dev-data"
    objects: dict[str, list[tuple[str, bytes]]] = field(default_factory=dict)

    def current_versions(self, keys: Any) -> dict[str, str]:
        return self.faults.around(  # type: ignore[no-any-return]
            lambda: {key: self.objects[key][-1][0] for key in keys if self.objects.get(key)}
        )

    def uri(self, key: str) -> str:
        return f"s3://{self.name}/{key}"

    def read(self, uri: str, most_bytes: int | None = None) -> bytes | None:
        found = self.faults.around(lambda: self.objects.get(uri.removeprefix(f"s3://{self.name}/")))
        return found[-1][1][:most_bytes] if found else None

    def head(self, uri: str) -> StoredObject | None:
        found = b"a model" if uri == ARTIFACT else self.read(uri)
        return None if found is None else StoredObject(len(found), START, etag=hashlib.md5(found).hexdigest())

    def write(self, key: str, body: str) -> None:
        self.faults.around(lambda: self.objects.__setitem__(key, [("", body.encode())]))

    def open(self, upload: Any) -> io.BytesIO | None:
        found = self.faults.around(lambda: dict(self.objects.get(upload.key, [])).get(upload.version_id))
        return None if found is None else io.BytesIO(found)

    def keep(self, upload: Any, reason: Mapping[str, Any]) -> str:
        self.write(quarantine_key(upload.key) + "/" + upload.version_id, json.dumps(reason))
        return self.uri(quarantine_key(upload.key))

    def remove(self, upload: Any) -> None:
        def effect() -> None:
            self.objects[upload.key] = [each for each in self.objects[upload.key] if each[0] != upload.version_id]

        self.faults.around(effect)
