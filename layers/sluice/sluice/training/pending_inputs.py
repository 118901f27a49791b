"""What waits for a model's next run: uploaded files, and requests of people and schedules. Pure but for the table.

UPLOAD#<s3 key>    <version id>                   what became of an uploaded file, for good
REQUEST#<model>    <id>                           what became of a request, for good
WAITING#<model>    FILE#<digest> | REQUEST#<id>   what waits now; made together with the former, once
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sluice.aws.dynamodb import ConditionFailedError
from sluice.aws.table import ItemTable
from sluice.training.manifest import File

Fate = Mapping[str, str]
"""``fate`` is waiting, run, superseded, deleted, rejected or refused; the rest says which run, or why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingFile:
    """A file that has been accepted."""

    file: File
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Someone wants a run, new data or not. The same id is the same request."""

    id: str
    parameters: Mapping[str, str]
    is_again: bool  # also if the same data and parameters have been run before
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """All that waits for one model's next run, the oldest first."""

    files: tuple[WaitingFile, ...] = ()
    requests: tuple[Request, ...] = ()


class WaitingList:
    """Every method may be called again with the same arguments and leaves the same state."""

    def __init__(self, table: ItemTable) -> None:
        self._table = table

    def add_file(self, model: str, file: File, now: datetime) -> bool:
        """Have a file wait; False if something has become of it already, or it waits."""
        claim = {**_upload(file), "fate": "waiting", "model": model, "at": now.isoformat()}
        marker = {**_file_marker(model, file), "file": json.dumps(file.to_json()), "since": now.isoformat()}
        return self._table.put_new(claim, marker)

    def add_request(self, model: str, request: Request) -> bool:
        """Have a request wait; False if something has become of it already, or it waits."""
        claim = {**_request(model, request.id), "fate": "waiting", "at": request.since.isoformat()}
        marker = {
            **_request_marker(model, request.id),
            "run_parameters": json.dumps(dict(request.parameters), sort_keys=True),
            "is_again": "yes" if request.is_again else "no",
            "since": request.since.isoformat(),
        }
        return self._table.put_new(claim, marker)

    def of(self, model: str) -> Waiting:
        """What waits for the model now."""
        files = [
            WaitingFile(file=File.parse(json.loads(item["file"])), since=datetime.fromisoformat(item["since"]))
            for item in self._table.query(f"WAITING#{model}", "FILE#")
        ]
        requests = [_request_from(item) for item in self._table.query(f"WAITING#{model}", "REQUEST#")]
        return Waiting(
            files=tuple(sorted(files, key=lambda each: each.since)),
            requests=tuple(sorted(requests, key=lambda each: (each.since, each.id))),
        )

    def settle_files(self, model: str, fates: Iterable[tuple[WaitingFile, Fate]]) -> None:
        """Write what became of files and have them wait no longer. A fate once written must never be another."""
        pairs = list(fates)
        self._table.put_all(
            {**_upload(each.file), "model": model, "at": each.since.isoformat(), **fate} for each, fate in pairs
        )
        self._table.delete_all(_file_marker(model, each.file) for each, _ in pairs)

    def drop_file(self, model: str, file: File, fate: dict[str, str | int]) -> None:
        """A file is never to be in a run: deleted or replaced while it waited."""
        with suppress(ConditionFailedError):  # it has been in a run by now
            self._table.set(_upload(file), fate, "fate = :waiting", {":waiting": "waiting"})
        self._table.delete_all([_file_marker(model, file)])

    def settle_requests(self, model: str, ids: Iterable[str], fate: Fate) -> None:
        """Write what became of requests and have them wait no longer."""
        settled = list(ids)
        self._table.put_all({**_request(model, each), **fate} for each in settled)
        self._table.delete_all(_request_marker(model, each) for each in settled)

    def fate_of_file(self, file: File) -> Fate:
        """What has become of an upload; empty if it is not known."""
        return self._table.get(_upload(file)) or {}

    def fate_of_request(self, model: str, request_id: str) -> Fate:
        """What has become of a request; empty if it is not known."""
        return self._table.get(_request(model, request_id)) or {}


def _request_from(item: Mapping[str, Any]) -> Request:
    return Request(
        id=item["sk"].removeprefix("REQUEST#"),
        parameters=json.loads(item["run_parameters"]),
        is_again=item["is_again"] == "yes",
        since=datetime.fromisoformat(item["since"]),
    )


def _upload(file: File) -> dict[str, str]:
    return {"pk": f"UPLOAD#{file.key}", "sk": file.version_id or "null"}


def _file_marker(model: str, file: File) -> dict[str, str]:
    # A key of S3 may be as long as a sort key, and there is the version besides.
    digest = hashlib.sha256(json.dumps([file.key, file.version_id]).encode()).hexdigest()
    return {"pk": f"WAITING#{model}", "sk": f"FILE#{digest}"}


def _request(model: str, request_id: str) -> dict[str, str]:
    return {"pk": f"REQUEST#{model}", "sk": request_id}


def _request_marker(model: str, request_id: str) -> dict[str, str]:
    return {"pk": f"WAITING#{model}", "sk": f"REQUEST#{request_id}"}
