"""The quarantine, on the same objects as the fake bucket."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sluice.training.quarantine import REASON, quarantine_key

from tests.fakes.aws_state import FakeBucket, Faults


@dataclass
class FakeQuarantine:
    """Versions are not told apart: a key holds its newest content."""

    faults: Faults
    bucket: FakeBucket

    def open(self, upload: Any) -> io.BytesIO | None:
        found = self.faults.around(lambda: self.bucket.objects.get(upload.key))
        return None if found is None else io.BytesIO(found)

    def keep(self, upload: Any, reason: Mapping[str, Any]) -> str:
        def work() -> str:
            key = quarantine_key(upload.key)
            self.bucket.objects[key] = self.bucket.objects[upload.key]
            self.bucket.objects[key + REASON] = json.dumps(reason).encode()
            return key

        return self.faults.around(work)  # type: ignore[no-any-return]

    def remove(self, upload: Any) -> None:
        self.faults.around(lambda: self.bucket.objects.pop(upload.key, None))
