"""Which run comes next: when what waits has settled, which files and requests go together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sluice.training.manifest import File
from sluice.training.pending_inputs import Request, Waiting, WaitingFile

PATIENCE = timedelta(minutes=15)
"""Uploads that never cease are not waited for longer than this."""

TOLERANCE = timedelta(seconds=1)
"""How far the clocks of two functions may differ: a wake-up that seems early must not be the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What the next run is made of; no files at all if there is no data to train on."""

    files: tuple[File, ...]
    left_out: tuple[File, ...]  # as in ``Manifest``
    requests: tuple[Request, ...]
    new: tuple[WaitingFile, ...]  # those of the files that have not been in a run


def is_settled(files: Iterable[WaitingFile], settle_seconds: int, now: datetime) -> bool:
    """Whether no more uploads are to be waited for: none came for a while, or it has been long enough."""
    times = [each.since for each in files]
    if not times:
        return True
    quiet_since = max(times) + timedelta(seconds=settle_seconds)
    return quiet_since <= now + TOLERANCE or min(times) + PATIENCE <= now


def choose(waiting: Waiting, base: Sequence[File], current: Mapping[str, str], mode: str) -> Chosen | None:
    """The next run; None if nothing that waits can be in one now.

    ``base`` are the files that the newest run knew, ``current`` the version of each key that S3 would hand out.
    A manifest names keys and no versions, so a file counts only while the version that was checked is the current
    one: one that has been overwritten waits until it is known whether its successor is any good.
    """
    new = tuple(each for each in waiting.files if current.get(each.file.key) == each.file.version_id)
    oldest = waiting.requests[:1]
    requests = tuple(each for each in waiting.requests if each.parameters == oldest[0].parameters)
    if not new and not requests:
        return None
    fresh = {each.file.key: each.file for each in new}
    kept = [each for each in base if each.key not in fresh] if mode == "accumulate" or not fresh else []
    there = [each for each in kept if current.get(each.key) == each.version_id]
    hidden = [each for each in kept if current.get(each.key, each.version_id) != each.version_id]
    return Chosen(files=(*there, *fresh.values()), left_out=tuple(hidden), requests=requests, new=new)


def fates(
    waiting: Iterable[WaitingFile], files: Iterable[File], run: Mapping[str, str]
) -> list[tuple[WaitingFile, Mapping[str, str]]]:
    """What a run with ``files`` makes of the files that wait: its own, and older versions of them."""
    taken = {each.key: each for each in files}
    settled: list[tuple[WaitingFile, Mapping[str, str]]] = []
    for each in waiting:
        winner = taken.get(each.file.key)
        if winner is None:
            continue
        if winner.version_id == each.file.version_id:
            settled.append((each, {**run, "fate": "run"}))
        elif each.file.is_older_than(winner):
            settled.append((each, {"fate": "superseded", "by": winner.version_id}))
    return settled
