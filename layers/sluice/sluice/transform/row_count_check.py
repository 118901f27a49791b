"""Checks that a transform job left no row out: compares rows in with rows out, file by file. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_MAX_LISTED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRows:
    """Rows of one input file and of its output."""

    name: str
    rows_in: int | None  # None: it was overwritten or deleted while the job ran
    rows_out: int | None  # None: nothing was written

    @property
    def problem(self) -> str:
        """What is wrong with this file; empty if as many rows came out as went in."""
        if self.rows_in is None:
            return f"{self.name} was overwritten or deleted while the job ran, so its rows cannot be compared"
        if self.rows_out is None:
            return f"{self.name}: nothing was written for its {self.rows_in} rows"
        if self.rows_in != self.rows_out:
            return f"{self.name}: {self.rows_out} rows came out of {self.rows_in}"
        return ""


def problem_of(files: Sequence[FileRows]) -> str:
    """What is wrong with the output as a whole; empty only if no file lacks a row."""
    found = [each.problem for each in files if each.problem]
    if not files:
        return "the list of its files is gone, so its rows cannot be compared"
    more = f"; and {len(found) - _MAX_LISTED} files more" if len(found) > _MAX_LISTED else ""
    return "; ".join(found[:_MAX_LISTED]) + more


def total_rows(rows: Iterable[int | None]) -> int | None:
    """The sum over all files; None if the rows of one file are unknown."""
    known = list(rows)
    return None if None in known else sum(each for each in known if each is not None)
