"""Tags of every SageMaker resource, whichever service object owns the resource.

Other services tag through the API (``tag_on_create``); that whoever creates a resource with tags may also tag is
the gateway's business.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from localaws.context import Context
from localaws.service_api import Call, Operation, invalid
from localaws.services.sagemaker.resources.constraints import check

TAGS_MAX = 50


class ResourceTags:
    """AddTags, ListTags and DeleteTags; ARNs are not checked to exist."""

    name = "sagemaker"

    def __init__(self, context: Context) -> None:
        del context
        self._lock = threading.Lock()
        self._tags: dict[str, dict[str, str]] = {}

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {"AddTags": self.add_tags, "ListTags": self.list_tags, "DeleteTags": self.delete_tags}

    def add_tags(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        """Merge tags into those of an ARN and return them all."""
        check("AddTags", params)
        arn = params["ResourceArn"]
        with self._lock:
            merged = self._tags.get(arn, {}) | {tag["Key"]: tag["Value"] for tag in params["Tags"]}
            if len(merged) > TAGS_MAX:
                raise invalid(f"Too many tags for {arn}: at most {TAGS_MAX}")
            self._tags[arn] = merged
        return {"Tags": _as_list(merged)}

    def list_tags(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("ListTags", params)
        with self._lock:
            return {"Tags": _as_list(self._tags.get(params["ResourceArn"], {}))}

    def delete_tags(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("DeleteTags", params)
        with self._lock:
            tags = self._tags.get(params["ResourceArn"], {})
            for key in params["TagKeys"]:
                tags.pop(key, None)
            if not tags:
                self._tags.pop(params["ResourceArn"], None)
        return {}


def tag_on_create(context: Context, arn: str, tags: Sequence[Mapping[str, str]] | None) -> None:
    """Put the tags that came with a Create call on the new resource."""
    if tags:
        context.client("sagemaker", None).add_tags(ResourceArn=arn, Tags=list(tags))


def forget_tags(context: Context, arn: str) -> None:
    """Drop the tags of a deleted resource, so that its successor of the same name starts without."""
    client = context.client("sagemaker", None)
    keys = [tag["Key"] for tag in client.list_tags(ResourceArn=arn)["Tags"]]
    if keys:
        client.delete_tags(ResourceArn=arn, TagKeys=keys)


def _as_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
