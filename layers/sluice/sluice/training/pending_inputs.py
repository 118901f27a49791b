"""The inputs of a model's next run, uploaded files and requests for a run, and the status of each.

UPLOAD#<s3 key>    <version id>                   the status of an uploaded file, for good
REQUEST#<model>    <id>                           the status of a request, for good
WAITING#<model>    FILE#<digest> | REQUEST#<id>   a pending input; written together with its status, once
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self

from sluice.aws.dynamodb import ConditionFailedError
from sluice.aws.table import ItemTable
from sluice.training.manifest import File

InputState = Literal["waiting", "run", "superseded", "deleted", "rejected", "refused"]
"""Files: waiting → run | superseded | deleted, or rejected at once. Requests: waiting → run | refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputStatus:
    """The state of a file or a request. Only ``waiting`` changes to another state."""

    state: InputState
    run: str = ""  # the name of the run that took it
    successor: str = ""  # the version that superseded it
    reason: str = ""  # why it was rejected or refused

    @classmethod
    def parse(cls, item: Mapping[str, Any]) -> Self:
        return cls(
            state=item["fate"], run=item.get("run", ""), successor=item.get("by", ""), reason=item.get("reason", "")
        )

    def item(self) -> dict[str, str]:
        """The item as ``parse`` reads it back."""
        details = {"run": self.run, "by": self.successor, "reason": self.reason}
        return {"fate": self.state, **{name: value for name, value in details.items() if value}}


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingFile:
    """An accepted file that no run has taken."""

    file: File
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """A request for a run, by a person or a schedule, with or without new data. The same id is the same request."""

    id: str
    parameters: Mapping[str, str]
    is_again: bool  # run even if the same data and parameters have been run before
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingInputs:
    """Everything that one model's next run may take, the oldest first."""

    files: tuple[PendingFile, ...] = ()
    requests: tuple[RunRequest, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.files or self.requests)


class PendingInputStore:
    """Every method is idempotent: called again with the same arguments, it leaves the same state."""

    def __init__(self, table: ItemTable) -> None:
        self._table = table

    def add_file(self, model: str, file: File, now: datetime) -> bool:
        """Make a file a pending input; False if it has a status already."""
        status = {**_file_key(file), **InputStatus(state="waiting").item(), "model": model, "at": now.isoformat()}
        pending = {**_pending_file_key(model, file), "file": json.dumps(file.to_json()), "since": now.isoformat()}
        return self._table.put_new(status, pending)

    def reject_file(self, file: File, reason: str, now: datetime) -> bool:
        """Note that a file is rejected, for good; False if it has a status already."""
        rejected = InputStatus(state="rejected", reason=reason)
        return self._table.put_new({**_file_key(file), **rejected.item(), "at": now.isoformat()})

    def add_request(self, model: str, request: RunRequest, *, refused: str = "") -> bool:
        """Make a request a pending input, or one that is to be told as refused; False if it has a status already."""
        since = request.since.isoformat()
        noted = InputStatus(state="refused" if refused else "waiting", reason=refused)
        status = {**_request_key(model, request.id), **noted.item(), "at": since}
        pending = {
            **_pending_request_key(model, request.id),
            "run_parameters": json.dumps(dict(request.parameters), sort_keys=True),
            "is_again": "yes" if request.is_again else "no",
            "since": since,
        }
        return self._table.put_new(status, pending)

    def get(self, model: str) -> PendingInputs:
        """The model's pending inputs now."""
        files = [
            PendingFile(file=File.parse(json.loads(item["file"])), since=datetime.fromisoformat(item["since"]))
            for item in self._table.query(f"WAITING#{model}", "FILE#")
        ]
        requests = [_request_from(item) for item in self._table.query(f"WAITING#{model}", "REQUEST#")]
        return PendingInputs(
            files=tuple(sorted(files, key=lambda each: each.since)),
            requests=tuple(sorted(requests, key=lambda each: (each.since, each.id))),
        )

    def resolve_files(self, model: str, statuses: Iterable[tuple[PendingFile, InputStatus]]) -> None:
        """Write the final status of files, which are pending no longer. A file must never get two final statuses."""
        pairs = list(statuses)
        self._table.put_all(
            {**_file_key(each.file), "model": model, "at": each.since.isoformat(), **status.item()}
            for each, status in pairs
        )
        self._table.delete_all(_pending_file_key(model, each.file) for each, _ in pairs)

    def drop_file(self, model: str, file: File, status: InputStatus) -> None:
        """Take a file that was deleted or replaced while it was pending out of the pending inputs."""
        with suppress(ConditionFailedError):  # a run has taken it meanwhile
            self._table.set(_file_key(file), status.item(), "fate = :waiting", {":waiting": "waiting"})
        self._table.delete_all([_pending_file_key(model, file)])

    def settle_requests(self, model: str, ids: Iterable[str], status: InputStatus) -> None:
        """Write the final status of requests; one that has another final status keeps it. They stay pending."""
        condition = "attribute_not_exists(fate) OR fate = :waiting"
        for each in ids:
            with suppress(ConditionFailedError):
                self._table.set(_request_key(model, each), status.item(), condition, {":waiting": "waiting"})

    def drop_requests(self, model: str, ids: Iterable[str]) -> None:
        """Take requests that have their final status out of the pending inputs."""
        self._table.delete_all(_pending_request_key(model, each) for each in ids)

    def file_status(self, file: File) -> InputStatus | None:
        """The status of an upload; None if it is not known."""
        return _status(self._table.get(_file_key(file)))

    def request_status(self, model: str, request_id: str) -> InputStatus | None:
        """The status of a request; None if it is not known."""
        return _status(self._table.get(_request_key(model, request_id)))


def _status(item: Mapping[str, Any] | None) -> InputStatus | None:
    return InputStatus.parse(item) if item else None


def _request_from(item: Mapping[str, Any]) -> RunRequest:
    return RunRequest(
        id=item["sk"].removeprefix("REQUEST#"),
        parameters=json.loads(item["run_parameters"]),
        is_again=item["is_again"] == "yes",
        since=datetime.fromisoformat(item["since"]),
    )


def _file_key(file: File) -> dict[str, str]:
    return {"pk": f"UPLOAD#{file.key}", "sk": file.version_id or "null"}


def _pending_file_key(model: str, file: File) -> dict[str, str]:
    # A key of S3 may be as long as a sort key may be, and the version is needed besides: so it is hashed.
    digest = hashlib.sha256(json.dumps([file.key, file.version_id]).encode()).hexdigest()
    return {"pk": f"WAITING#{model}", "sk": f"FILE#{digest}"}


def _request_key(model: str, request_id: str) -> dict[str, str]:
    return {"pk": f"REQUEST#{model}", "sk": request_id}


def _pending_request_key(model: str, request_id: str) -> dict[str, str]:
    return {"pk": f"WAITING#{model}", "sk": f"REQUEST#{request_id}"}
