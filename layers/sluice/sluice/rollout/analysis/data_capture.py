"""Data capture files: which of them an analysis reads, and what their lines say. Pure."""

from __future__ import annotations

import json
from base64 import b64decode
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sluice.aws.data_capture import CaptureFile

MAX_BYTES = 32 * 2**20
MAX_FILES = 2_000
"""Read in one analysis: what a function reads and compares in some seconds. A day of few requests is many files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """One captured exchange: the id of the request, its body, and the response."""

    ids: tuple[str, ...]  # the client's inference id and SageMaker's event id, if there are any
    request: str
    answer: str


def captured_in(lines: Iterable[str]) -> list[Captured]:
    """The exchanges in lines of data capture files; a line that is not whole is left out."""
    found = (captured_from(line) for line in lines)
    return [each for each in found if each is not None]


def captured_from(line: str) -> Captured | None:
    """One line of a data capture file; None if it is not whole or holds no input and output."""
    try:
        raw = json.loads(line)
        data, metadata = raw["captureData"], raw.get("eventMetadata", {})
        request, answer = data["endpointInput"], data["endpointOutput"]
        ids = (metadata.get("inferenceId"), metadata.get("eventId"))
        return Captured(
            ids=tuple(str(each) for each in ids if each), request=_content(request), answer=_content(answer)
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def sample_of(
    live: Sequence[CaptureFile],
    shadow: Sequence[CaptureFile],
    most_bytes: int = MAX_BYTES,
    most_files: int = MAX_FILES,
) -> tuple[list[CaptureFile], list[CaptureFile]]:
    """Files of both variants from the same minutes, no more than can be read: every minute, or every 2nd, 4th, ….

    Which minutes is a matter of their order alone, so a later analysis reads the same and more. Where a single minute
    has too much, its oldest files are taken.
    """
    by_minute: Mapping[str, tuple[list[CaptureFile], list[CaptureFile]]] = _by_minute(live, shadow)
    minutes = sorted(by_minute)
    stride = 1
    while True:
        chosen = minutes[::stride]
        sizes = [each.size for minute in chosen for side in by_minute[minute] for each in side]
        if len(chosen) <= 1 or (sum(sizes) <= most_bytes and len(sizes) <= most_files):
            break
        stride *= 2
    ours, theirs = ([each for minute in chosen for each in by_minute[minute][side]] for side in (0, 1))
    if sum(sizes) <= most_bytes and len(sizes) <= most_files:
        return ours, theirs
    return _oldest(ours, most_bytes // 2, most_files // 2), _oldest(theirs, most_bytes // 2, most_files // 2)


def _oldest(files: Sequence[CaptureFile], most_bytes: int, most_files: int) -> list[CaptureFile]:
    """As many files as may be read, but at least one."""
    sizes = accumulate(each.size for each in files)
    return [
        each for each, size in zip(files[:most_files], sizes, strict=False) if size <= most_bytes or each is files[0]
    ]


def _by_minute(
    live: Sequence[CaptureFile], shadow: Sequence[CaptureFile]
) -> Mapping[str, tuple[list[CaptureFile], list[CaptureFile]]]:
    found: dict[str, tuple[list[CaptureFile], list[CaptureFile]]] = defaultdict(lambda: ([], []))
    for index, files in enumerate((live, shadow)):
        for each in files:
            found[each.minute][index].append(each)
    return found


def _content(side: Mapping[str, Any]) -> str:
    """What was sent, as text if it is text: content types that nobody named are captured as base64."""
    data = str(side["data"])
    if side.get("encoding") != "BASE64":
        return data
    try:
        return b64decode(data).decode()
    except ValueError:  # no text; equal bytes are equal base64
        return data
