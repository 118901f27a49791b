"""Writes captured lines to S3 in the background under the models' roles, as SageMaker does."""

from __future__ import annotations

import logging
import threading
import uuid
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from localaws.context import Context
from localaws.services.sagemaker.fleets.capture import Capture, Exchange, folder, record_line

LOG = logging.getLogger(__name__)

_LINES_MAX = 10_000  # waiting for one folder; what comes beyond pushes out the oldest


@dataclass(frozen=True, slots=True)
class _Target:
    """The objects that lines of one variant and hour go to."""

    role_arn: str
    bucket: str
    folder: str
    kms_key: str | None


class CaptureFiles:
    """Keeps lines in memory until the next flush. If the role may not write they are lost and the loss is logged."""

    def __init__(self, context: Context, every_seconds: float) -> None:
        self._context = context
        self._every_seconds = every_seconds
        self._lock = threading.Lock()
        self._waiting: dict[_Target, deque[str]] = defaultdict(lambda: deque(maxlen=_LINES_MAX))

    def keep(self, capture: Capture, exchange: Exchange, *, endpoint: str, variant: str, role_arn: str) -> None:
        """Remember one exchange; returns at once."""
        line = record_line(capture, exchange)
        where = folder(capture, endpoint, variant, exchange.at)
        with self._lock:
            self._waiting[_Target(role_arn, capture.bucket, where, capture.kms_key)].append(line)

    def run(self) -> None:
        """Flush until the local AWS stops."""
        while not self._context.stopping.wait(self._every_seconds):
            self.flush()

    def flush(self) -> None:
        """Write what waits, one object per variant and hour."""
        with self._lock:
            waiting, self._waiting = dict(self._waiting), defaultdict(lambda: deque(maxlen=_LINES_MAX))
        for target, lines in waiting.items():
            body = "".join(f"{line}\n" for line in lines).encode()
            try:
                self._put(target, body)
            except (ClientError, BotoCoreError) as error:
                if not self._context.stopping.is_set():
                    LOG.warning("lost %d captured requests of %s: %s", len(lines), target.folder, error)

    def _put(self, target: _Target, body: bytes) -> None:
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": target.kms_key} if target.kms_key else {}
        self._context.client("s3", target.role_arn).put_object(
            Bucket=target.bucket,
            Key=target.folder + file_name(self._context.now(), uuid.uuid4()),
            Body=body,
            ContentType="application/x-jsonlines",
            **encryption,
        )


def file_name(now: datetime, unique: uuid.UUID) -> str:
    """``minute-second-millisecond-uuid.jsonl``."""
    return f"{now:%M-%S}-{now.microsecond // 1000:03d}-{unique}.jsonl"
