"""Tags of alarms and dashboards, by ARN."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from localaws.service_api import AwsError, Call, Operation


class AlarmTags:
    """Tags by ARN; ``exists`` says whether there is a resource of that ARN. ``lock`` guards both."""

    def __init__(self, lock: threading.RLock, exists: Callable[[str], bool]) -> None:
        self._lock = lock
        self._exists = exists
        self._tags: dict[str, dict[str, str]] = {}

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "TagResource": self.tag_resource,
            "UntagResource": self.untag_resource,
            "ListTagsForResource": self.list_tags_for_resource,
        }

    def add(self, arn: str, tags: Iterable[Mapping[str, str]]) -> None:
        self._tags.setdefault(arn, {}).update({tag["Key"]: tag["Value"] for tag in tags})

    def forget(self, arn: str) -> None:
        self._tags.pop(arn, None)

    def tag_resource(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        with self._lock:
            self._check(params["ResourceARN"])
            self.add(params["ResourceARN"], params["Tags"])
        return {}

    def untag_resource(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        with self._lock:
            self._check(params["ResourceARN"])
            for key in params["TagKeys"]:
                self._tags.get(params["ResourceARN"], {}).pop(key, None)
        return {}

    def list_tags_for_resource(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        with self._lock:
            self._check(params["ResourceARN"])
            tags = self._tags.get(params["ResourceARN"], {})
            return {"Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())]}

    def _check(self, arn: str) -> None:
        if not self._exists(arn):
            raise AwsError("ResourceNotFoundException", f"Unknown resource {arn}", 404)
