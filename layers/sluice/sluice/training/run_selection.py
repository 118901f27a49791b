"""Selects a model's next run: which pending files and requests go together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sluice.training.manifest import File
from sluice.training.pending_inputs import InputStatus, PendingFile, PendingInputs, RunRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSelection:
    """The inputs of the next run; no files at all if there is no data to train on."""

    files: tuple[File, ...]
    left_out: tuple[File, ...]  # as in ``Manifest``
    requests: tuple[RunRequest, ...]
    new: tuple[PendingFile, ...]  # those of the files that have not been in a run


def select_run(
    pending: PendingInputs, base: Sequence[File], current: Mapping[str, str], mode: str
) -> RunSelection | None:
    """The inputs of the next run; None if no pending input can be in a run now.

    A manifest names keys and no versions, so a file counts only while the version that was validated is the current
    one. A file that has been overwritten stays pending until its successor is accepted or rejected.

    Args:
        base: the files that the newest run knew.
        current: by key, the version that S3 would hand out.
        mode: ``accumulate`` or ``latest``, of the spec's data.
    """
    new = tuple(each for each in pending.files if current.get(each.file.key) == each.file.version_id)
    oldest = pending.requests[:1]
    requests = tuple(each for each in pending.requests if each.parameters == oldest[0].parameters)
    if not new and not requests:
        return None
    fresh = {each.file.key: each.file for each in new}
    kept = [each for each in base if each.key not in fresh] if mode == "accumulate" or not fresh else []
    there = [each for each in kept if current.get(each.key) == each.version_id]
    hidden = [each for each in kept if current.get(each.key, each.version_id) != each.version_id]
    return RunSelection(files=(*there, *fresh.values()), left_out=tuple(hidden), requests=requests, new=new)


def statuses_after_run(
    pending: Iterable[PendingFile], files: Iterable[File], run: str
) -> list[tuple[PendingFile, InputStatus]]:
    """The final statuses that a run on ``files`` gives to pending files: to its own, and to older versions of them."""
    taken = {each.key: each for each in files}
    statuses: list[tuple[PendingFile, InputStatus]] = []
    for each in pending:
        winner = taken.get(each.file.key)
        if winner is None:
            continue
        if winner.version_id == each.file.version_id:
            statuses.append((each, InputStatus(state="run", run=run)))
        elif each.file.is_older_than(winner):
            statuses.append((each, InputStatus(state="superseded", successor=winner.version_id)))
    return statuses
