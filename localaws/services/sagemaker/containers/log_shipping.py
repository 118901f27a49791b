"""Copies what a job's containers printed to CloudWatch Logs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from localaws.services.sagemaker.resources.timestamps import epoch_ms

_BATCH_BYTES = 900_000  # PutLogEvents takes 1 MiB, counting 26 bytes more for each event
_EVENT_OVERHEAD_BYTES = 26
_BATCH_EVENTS = 10_000


def ship_log(logs: Any, group: str, stream: str, file: Path, at: datetime) -> None:
    """Write the lines of ``file`` as events of ``stream``, all at ``at``: the file does not say when."""
    if not file.is_file():
        return
    try:
        logs.create_log_group(logGroupName=group)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    for batch in batches(file.read_text(errors="replace").splitlines()):
        events = [{"timestamp": epoch_ms(at), "message": line} for line in batch]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def batches(lines: list[str]) -> Iterator[list[str]]:
    """Cut lines, empty ones dropped, into what one PutLogEvents takes."""
    batch: list[str] = []
    size = 0
    for line in lines:
        if not line:
            continue
        line_size = len(line.encode()) + _EVENT_OVERHEAD_BYTES
        if batch and (size + line_size > _BATCH_BYTES or len(batch) == _BATCH_EVENTS):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += line_size
    if batch:
        yield batch
