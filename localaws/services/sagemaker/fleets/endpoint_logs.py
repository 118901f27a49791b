"""Ships the output of containers to CloudWatch Logs under the models' roles, as SageMaker does."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localaws.context import Context
from localaws.services.sagemaker.containers.container import Container
from localaws.services.sagemaker.containers.log_shipping import batches
from localaws.services.sagemaker.resources.timestamps import epoch_ms

LOG = logging.getLogger(__name__)

_CHUNK_BYTES = 1_000_000


@dataclass(slots=True, kw_only=True)
class _Stream:
    """One container's log and how far it has been shipped."""

    group: str
    name: str
    file: Path
    role_arn: str
    container: Container
    offset: int = 0


class EndpointLogs:
    """A role without the permissions gets no logs, as on AWS; they are still in the files."""

    def __init__(self, context: Context, every_seconds: float) -> None:
        self._context = context
        self._every_seconds = every_seconds
        self._lock = threading.Lock()
        self._streams: list[_Stream] = []

    def follow(self, endpoint: str, variant: str, file: Path, container: Container, role_arn: str) -> None:
        """Ship what comes into ``file`` until the container has ended."""
        stream = _Stream(
            group=f"/aws/sagemaker/Endpoints/{endpoint}",
            name=f"{variant}/{container.home.name}",
            file=file,
            role_arn=role_arn,
            container=container,
        )
        with self._lock:
            self._streams.append(stream)

    def run(self) -> None:
        """Ship until the local AWS stops."""
        while not self._context.stopping.wait(self._every_seconds):
            with self._lock:
                streams = list(self._streams)
            over = [stream for stream in streams if not self._goes_on(stream)]
            with self._lock:
                self._streams = [stream for stream in self._streams if stream not in over]

    def _goes_on(self, stream: _Stream) -> bool:
        """Ship what is new; whether more may come."""
        running = stream.container.is_running  # asked before reading, so that last words are not missed
        try:
            self._ship(stream, _unread(stream, whole_lines=running))
        except (ClientError, BotoCoreError) as error:
            if not self._context.stopping.is_set():
                LOG.warning("the log of %s is only in %s: %s", stream.name, stream.file, error)
            return False
        return running

    def _ship(self, stream: _Stream, unread: bytes) -> None:
        if not unread:
            return
        logs = self._context.client("logs", stream.role_arn)
        if stream.offset == 0:
            _create(logs.create_log_group, logGroupName=stream.group)
            _create(logs.create_log_stream, logGroupName=stream.group, logStreamName=stream.name)
        for batch in batches(unread.decode(errors="replace").splitlines()):
            now = epoch_ms(self._context.now())
            events = [{"timestamp": now, "message": line} for line in batch]
            logs.put_log_events(logGroupName=stream.group, logStreamName=stream.name, logEvents=events)
        stream.offset += len(unread)


def _unread(stream: _Stream, *, whole_lines: bool) -> bytes:
    with stream.file.open("rb") as file:
        file.seek(stream.offset)
        chunk = file.read(_CHUNK_BYTES)
    return chunk[: chunk.rfind(b"\n") + 1] if whole_lines else chunk


def _create(create: Any, **names: str) -> None:
    try:
        create(**names)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise
