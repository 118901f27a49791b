"""S3's "Object Created" and "Object Deleted" events in the shape AWS documents, and two S3 defects of moto.

moto's own events have ``eTag`` instead of ``etag``, constant ids and a reason no rule would match.
"""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Callable
from typing import Any

from localaws.moto.emitter import Emission

# moto's event name → detail-type and further members of the detail
_KINDS: dict[str, tuple[str, dict[str, str]]] = {
    "s3:ObjectCreated:Put": ("Object Created", {"reason": "PutObject"}),
    "s3:ObjectCreated:Post": ("Object Created", {"reason": "POST Object"}),
    "s3:ObjectCreated:Copy": ("Object Created", {"reason": "CopyObject"}),
    "s3:ObjectCreated:CompleteMultipartUpload": ("Object Created", {"reason": "CompleteMultipartUpload"}),
    "s3:ObjectRemoved:Delete": (
        "Object Deleted",
        {"reason": "DeleteObject", "deletion-type": "Permanently Deleted"},
    ),
    "s3:ObjectRemoved:DeleteMarkerCreated": (
        "Object Deleted",
        {"reason": "DeleteObject", "deletion-type": "Delete Marker Created"},
    ),
}
_sequence = itertools.count(time.time_ns() >> 8)


def connect(emit: Callable[[Emission], None]) -> None:
    """Make moto's S3 call ``emit`` for events of buckets that have EventBridge notifications enabled."""
    from moto.iam.access_control import PermissionResult
    from moto.s3 import models, notifications

    def send(account_id: str, bucket: Any, event_name: str, key: Any) -> None:
        # moto reports a completed multipart upload as a Put, too
        kind = _KINDS.get(str(getattr(event_name, "value", event_name)))
        if kind is not None and not (kind[1]["reason"] == "PutObject" and key.multipart):
            emit(describe(account_id, bucket.name, key, *kind))

    notifications._send_event_bridge_message = send
    # moto enforces bucket policies without knowing conditions, so that a Deny of insecure transport denies
    # everything; who may do what is decided at the gateway.
    models.FakeBucket.get_permission = lambda *_arguments: PermissionResult.NEUTRAL


def describe(account: str, bucket: str, key: Any, detail_type: str, extra: dict[str, str]) -> Emission:
    """The event for one object."""
    about: dict[str, Any] = {"key": key.name}
    if detail_type == "Object Created":
        about |= {"size": key.size, "etag": key.etag.strip('"')}
    if key.version_id not in (None, "null"):
        about["version-id"] = key.version_id
    about["sequencer"] = f"{next(_sequence):018X}"
    return Emission(
        source="aws.s3",
        detail_type=detail_type,
        resources=(f"arn:aws:s3:::{bucket}",),
        detail={
            "version": "0",
            "bucket": {"name": bucket},
            "object": about,
            "request-id": uuid.uuid4().hex[:16].upper(),
            "requester": account,
            "source-ip-address": "127.0.0.1",
            **extra,
        },
    )
