"""Checks the files of a batch run before any instance is paid for, and prepares copies where something has to go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sluice.aws.s3 import MAX_KEY_BYTES, path_problem
from sluice.batch.run import BatchRun
from sluice.data_contract.contract import printable
from sluice.errors import PermanentError
from sluice.spec.model import ModelSpec
from sluice.transform.input_check import BadLine, CheckedLines, LineRules, UnreadableInputError, check_lines, told
from sluice.transform.input_listing import BatchInput, InputFile
from sluice.transform.locations import output_folder, prepared_folder, set_aside_folder

if TYPE_CHECKING:
    from sluice.batch.ports import BatchPorts

CHECK_TIME = timedelta(minutes=12)
"""Of the function's fifteen minutes: files that take longer are refused, not cut off without a word."""

MAX_LISTED_LINES = 5


class BatchInputError(PermanentError):
    """The files of a run cannot be scored; the message holds the reason, with file and line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedInput:
    """What the job of a run gets: the files as they are, or prepared copies."""

    scored: BatchInput
    rows_set_aside: int = 0


def check_input(given: BatchInput, run: BatchRun, ports: BatchPorts) -> CheckedInput:
    """Check each line of each file, and prepare copies without headers and bad rows as the spec has it.

    A SageMaker job has no setting for a header, so the copies are what it gets. Everything is read and written in
    pieces. Idempotent: the same run makes the same copies.

    Raises:
        BatchInputError: a line is bad and none may be set aside, a file cannot be read, nothing is left to be scored,
            or there is too much to be checked in time.
    """
    _check_keys(given, run)
    spec = ports.specs.get(run.model)
    batch = spec.endpoint.batch
    check = _InputCheck(given, line_rules(spec), ports, ports.now() + CHECK_TIME)
    is_forgiving = batch.on_bad_rows == "set_aside"
    rows, bad = check.count(MAX_LISTED_LINES if not is_forgiving else None)
    if not any(rows.values()):
        raise BatchInputError(f"no row of {len(given.files)} files can be scored" + _because(check.first_bad))
    if not (batch.header or bad or check.is_changed):
        return CheckedInput(scored=given)
    folder = prepared_folder(run.model, run.job)
    for each in given.files:
        path = each.key.removeprefix(given.folder)
        if rows[each.key]:
            ports.files.write_chunks(folder + path, (part.good for part in check.parts(each) if part.good))
        if bad.get(each.key):
            ports.files.write_chunks(f"{set_aside_folder(run.model, run.job)}{path}.jsonl", check.set_aside(each))
    written = {folder + each.key.removeprefix(given.folder) for each in given.files if rows[each.key]}
    found = (each for each in ports.files.below(folder) if each.key in written)
    return CheckedInput(scored=BatchInput.of(folder, found), rows_set_aside=sum(bad.values()))


def _check_keys(given: BatchInput, run: BatchRun) -> None:
    """Raise BatchInputError for a file that no job could take, or whose answers would have no room for their key."""
    # SageMaker may put the last part of the job's input folder between, see ``output_listing``: of the files' own
    # folder, or of that of their copies.
    folders = (given.folder, prepared_folder(run.model, run.job))
    between = max((each.rstrip("/").rpartition("/")[2] for each in folders), key=lambda each: len(each.encode()))
    longest = max(
        f"{output_folder(run.model, run.job)}{between}/.out", f"{set_aside_folder(run.model, run.job)}.jsonl", key=len
    )
    room = MAX_KEY_BYTES - len(longest.encode())
    for each in given.files:
        path = each.key.removeprefix(given.folder)
        problem = path_problem(path)
        if not problem and len(path.encode()) > room:
            problem = f"the path has {len(path.encode())} bytes below its folder; its answers have room for {room}"
        if problem:
            raise BatchInputError(f"{printable(each.key)}: {problem}")


def line_rules(spec: ModelSpec) -> LineRules:
    """What each line has to be: SageMaker reads the cells of rows that it filters, and of those that it joins."""
    batch = spec.endpoint.batch
    return LineRules(
        encoding=spec.data.encoding,
        names=(*(column.name for column in spec.data.columns), spec.data.target),
        has_header=batch.header,
        reads_cells=batch.join_input or batch.input_filter != "$" or batch.output_filter != "$",
        joins=batch.join_input,
        max_line_bytes=batch.max_payload_mb << 20,
    )


class _InputCheck:
    """The check of one run's files, which may be read more than once."""

    def __init__(self, given: BatchInput, rules: LineRules, ports: BatchPorts, deadline: datetime) -> None:
        self.first_bad = ""  # told for people
        self.is_changed = False  # good lines cannot stay as they are
        self._given = given
        self._rules = rules
        self._ports = ports
        self._deadline = deadline
        self._checked = 0  # files

    def count(self, max_bad: int | None) -> tuple[dict[str, int], dict[str, int]]:
        """Rows and bad lines by key; raises BatchInputError for bad lines if ``max_bad`` says how many are told."""
        rows: dict[str, int] = {}
        bad: dict[str, int] = {}
        listed: list[str] = []
        for each in self._given.files:
            rows[each.key] = bad[each.key] = 0
            for part in self.parts(each):
                rows[each.key] += part.rows
                bad[each.key] += len(part.bad)
                self.is_changed = self.is_changed or part.is_changed
                if part.bad and not self.first_bad:
                    self.first_bad = told(each.key, part.bad[0])
                listed += [told(each.key, line) for line in part.bad[: (max_bad or 0) + 1]]
                if max_bad is not None and len(listed) > max_bad:
                    raise _refused(listed[:max_bad], "; and more")
            self._checked += 1
        if listed and max_bad is not None:
            raise _refused(listed, "")
        return rows, {key: count for key, count in bad.items() if count}

    def parts(self, file: InputFile) -> Iterator[CheckedLines]:
        """The checked lines of a file; raises BatchInputError."""
        chunks = self._ports.files.chunks(file.key, file.etag)
        if chunks is None:
            raise BatchInputError(f"{printable(file.key)} was overwritten or deleted while it was checked")
        try:
            for part in check_lines(chunks, self._rules):
                yield part
                if self._ports.now() > self._deadline:
                    raise BatchInputError(self._too_much())
        except UnreadableInputError as error:
            raise BatchInputError(f"{printable(file.key)}: {error}") from error

    def set_aside(self, file: InputFile) -> Iterator[bytes]:
        """The bad lines of a file as lines of JSON."""
        for part in self.parts(file):
            yield from (_line_of_json(line, self._rules.encoding) for line in part.bad)

    def _too_much(self) -> str:
        files = self._given.files
        return (
            f"{self._given.size:,} bytes cannot be checked within {CHECK_TIME.seconds // 60} minutes: {self._checked} "
            f"of {len(files)} files were; put the files into several folders and request a run for each"
        )


def _because(first_bad: str) -> str:
    return f": {first_bad}" if first_bad else ""


def _refused(listed: list[str], more: str) -> BatchInputError:
    return BatchInputError("; ".join(listed) + more)


def _line_of_json(line: BadLine, encoding: str) -> bytes:
    """With bytes that are no text as ``\\udc80`` to ``\\udcff``, as Python's surrogateescape has them."""
    row = line.text.removesuffix(b"\n").removesuffix(b"\r").decode(encoding, errors="surrogateescape")
    return json.dumps({"line": line.number, "reason": line.reason, "row": row}).encode() + b"\n"
