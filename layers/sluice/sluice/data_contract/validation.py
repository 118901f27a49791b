"""Validates a file by its data contract: rows of text in, breaches out, in memory that does not grow with the rows.

Standard library only, nothing of this package, and for Python 3.10 on: ``pipelines/tabular`` links to this file,
so that a function, the ``sluice`` command and PreprocessData come to the same result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, Protocol

SHOWN_ROWS = 10
SHOWN_EXAMPLES = 3
BREACH_LIMIT = 10_000
"""Bad cells or rows that prove a file bad: to note one takes fifty times as long as to read a good one."""

MAX_BREACHES = 200
"""A table with a thousand bad columns needs no longer list."""


class ColumnRules(Protocol):
    """The rules of one column, such as ``ContractColumn``."""

    @property
    def name(self) -> str: ...

    def broken_rule(self, cell: str) -> tuple[str, str] | None: ...

    def accepts_all(self, cells: Sequence[str]) -> bool: ...

    def is_missing(self, cell: str) -> bool: ...


class FileRules(Protocol):
    """The rules of a whole file, such as ``DataContract``."""

    @property
    def header(self) -> bool: ...

    @property
    def order(self) -> Sequence[str]: ...

    @property
    def every_column(self) -> Sequence[ColumnRules]: ...

    @property
    def target(self) -> str: ...

    @property
    def min_rows(self) -> int: ...

    @property
    def max_rows(self) -> int | None: ...

    @property
    def max_missing_share(self) -> float: ...

    def shown(self, text: str) -> str: ...


@dataclass(slots=True)
class Breach:
    """One rule broken in one column, or by the file as a whole where ``column`` is empty."""

    rule: str
    column: str
    expected: str  # what should stand there, or what is wrong where no row can be named
    count: int = 0
    rows: list[int] = field(default_factory=list)  # the first ones, counted from 1 as a spreadsheet does
    examples: list[str] = field(default_factory=list)

    def add(self, row: int, example: str) -> None:
        self.count += 1
        if len(self.rows) < SHOWN_ROWS:
            self.rows.append(row)
        if example not in self.examples and len(self.examples) < SHOWN_EXAMPLES:
            self.examples.append(example)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def without_cells(self, columns: Collection[str]) -> Breach:
        """The same without text from the file. Without a header, what is taken for a title is a value of a row."""
        if self.rule == "width":
            return self  # its examples are numbers of values
        expected = f"expected {self.expected}" if self.examples else self.expected
        named = (self.column, expected) if self.column in {"", *columns} else ("", f"a title {expected}")
        return Breach(self.rule, *named, self.count, self.rows)

    def __str__(self) -> str:
        if not self.rows:
            return f"{self.rule}: " + (f"column '{self.column}' " if self.column else "") + self.expected
        where = f"column '{self.column}': " if self.column else ""
        rows = ", ".join(map(str, self.rows)) + (", …" if self.count > len(self.rows) else "")
        place = f"(row{'s'[: self.count > 1]} {rows})"
        if not self.examples:  # it is about reading the row, and says what is wrong with it
            return f"{self.rule}: {where}{self.expected} {place}"
        found = ", ".join(f"'{example}'" for example in self.examples)
        return f"{self.rule}: {where}expected {self.expected}, found {found} {place}"


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """What validation found in a file. Without breaches it is accepted, as far as it was read."""

    breaches: tuple[Breach, ...]
    rows: int  # of data, read
    is_whole: bool  # the whole file was read
    rows_without_target: int = 0

    @property
    def is_accepted(self) -> bool:
        return not self.breaches

    @property
    def reason(self) -> str:
        """Everything that is wrong, in one line, the first breaches first."""
        more = f"; and {len(self.breaches) - 5} more" if len(self.breaches) > 5 else ""
        return "; ".join(map(str, self.breaches[:5])) + more

    def without_cells(self, columns: Collection[str]) -> ValidationResult:
        """The same without text from the file but for the names of ``columns``: for events, mail, logs and tables."""
        plain = {str(told): told for told in (each.without_cells(columns) for each in self.breaches)}
        return ValidationResult(tuple(plain.values()), self.rows, self.is_whole)

    def to_json(self) -> dict[str, Any]:
        breaches = [breach.to_json() for breach in self.breaches]
        return {"breaches": breaches, "rows": self.rows, "is_whole": self.is_whole}


class ReadingFlaw(Protocol):
    """Why a file cannot be read to its end, such as ``Flaw``; ``row`` counts from 1, ``column`` from 0."""

    @property
    def rule(self) -> str: ...

    @property
    def reason(self) -> str: ...

    @property
    def row(self) -> int | None: ...

    @property
    def column(self) -> int | None: ...


class RowSource(Protocol):
    """A file as rows of cells, such as ``CsvReader``."""

    @property
    def flaw(self) -> ReadingFlaw | None: ...

    @property
    def is_cut(self) -> bool: ...

    def chunks(self) -> Iterator[list[list[str]]]: ...


def validate(text: RowSource, contract: FileRules) -> ValidationResult:
    """Validate a file as far as it can be read.

    A partial read can only prove that a file is bad: rules about all rows are left to the step that reads them all.
    """
    check = _Validation(contract)
    at = 1
    for chunk in text.chunks():
        check.take(at, chunk)
        at += len(chunk)
        if check.is_decided:
            break
    if text.flaw is not None:
        check.note_flaw(text.flaw)
    elif not check.is_decided:
        check.close(is_whole=not text.is_cut)
    is_whole = not (text.is_cut or text.flaw or check.is_decided)
    breaches = tuple(check.breaches.values())[:MAX_BREACHES]
    return ValidationResult(breaches, check.rows, is_whole, check.missing.get(contract.target, 0))


class _Validation:
    """The state of one validation."""

    def __init__(self, contract: FileRules) -> None:
        self.contract = contract
        self.breaches: dict[tuple[str, str, str], Breach] = {}
        self.rows = 0
        self.is_hopeless = False  # without the right columns nothing else can be checked
        self._header: list[str] | None = None if contract.header else list(contract.order)
        self._columns: list[tuple[int, ColumnRules]] = []
        self.missing: dict[str, int] = {}
        if not contract.header:
            self._place()

    @property
    def is_decided(self) -> bool:
        """Whether reading on would change nothing."""
        return self.is_hopeless or sum(breach.count for breach in self.breaches.values()) >= BREACH_LIMIT

    def note(self, rule: str, column: str, expected: str) -> Breach:
        return self.breaches.setdefault((rule, column, expected), Breach(rule, column, expected))

    def note_flaw(self, flaw: ReadingFlaw) -> None:
        """Add what ended the reading."""
        header = self._header or []
        is_named = flaw.column is not None and flaw.column < len(header)
        breach = self.note(flaw.rule, self.contract.shown(header[flaw.column or 0]) if is_named else "", flaw.reason)
        if flaw.row is not None:
            breach.count += 1
            breach.rows.append(flaw.row)

    def take(self, first: int, chunk: list[list[str]]) -> None:
        """Check rows; ``first`` is the number of the first one."""
        if self._header is None:
            self._header = [name.strip() for name in chunk[0]]
            first, chunk = first + 1, chunk[1:]
            self._check_header()
        if self.is_hopeless or not chunk:
            return
        width = len(self._header)
        numbers: Sequence[int] = range(first, first + len(chunk))
        if any(len(row) != width for row in chunk):
            numbers, chunk = self._of_width(width, numbers, chunk)
        self.rows += len(chunk)
        cells = list(zip(*chunk, strict=True))
        for place, column in self._columns if chunk else ():
            if not column.accepts_all(cells[place]):
                self._note_breaches(column, numbers, cells[place])

    def close(self, *, is_whole: bool) -> None:
        """Check the rules about all rows together."""
        contract = self.contract
        if contract.max_rows is not None and self.rows > contract.max_rows:
            self.note("max_rows", "", f"there are more than {contract.max_rows:,} rows")
        if not is_whole:
            return
        if self._header is None:
            self.note("min_rows", "", "the file is empty")
        elif self.rows < contract.min_rows:
            self.note("min_rows", "", f"there are {self.rows:,} rows; at least {contract.min_rows:,} are needed")
        for column, missing in self.missing.items():
            share = missing / self.rows
            if share > contract.max_missing_share and column != contract.target:
                allowed = f"the data contract allows {contract.max_missing_share:.1%}"
                self.note("max_missing_share", column, f"has no value in {share:.1%} of the rows; {allowed}")

    def _check_header(self) -> None:
        names, target = Counter(self._header), self.contract.target
        expected = dict.fromkeys((target, *self.contract.order))  # the target first
        problems = {
            **{
                name: "is missing" + (" (the target)" if name == target else "") for name in expected if not names[name]
            },
            **{name: "occurs twice" for name, count in names.items() if count > 1},
            **{name: "is not in the data contract" for name in names if name not in expected},
        }
        if len(names) == 1 and ";" in "".join(names):
            self.note("columns", "", "the titles are separated by semicolons; save the file with commas")
        for name, message in islice(problems.items(), MAX_BREACHES):
            self.note("columns", self.contract.shown(name), message)
        self.is_hopeless = bool(problems)
        if not problems:
            self._place()

    def _place(self) -> None:
        header = self._header or []
        self._columns = [(header.index(column.name), column) for column in self.contract.every_column]

    def _of_width(
        self, width: int, numbers: Sequence[int], chunk: list[list[str]]
    ) -> tuple[list[int], list[list[str]]]:
        kept = []
        for at, row in zip(numbers, chunk, strict=True):
            if len(row) == width:
                kept.append((at, row))
            elif row:  # a blank line is nothing
                self.note("width", "", f"{width} values").add(at, f"{len(row)} values")
        return [at for at, _ in kept], [row for _, row in kept]

    def _note_breaches(self, column: ColumnRules, numbers: Sequence[int], cells: Sequence[str]) -> None:
        counts = Counter(cells)  # gaps and bad cells are mostly the same few texts
        broken = {cell: found for cell in counts if (found := column.broken_rule(cell)) is not None}
        for at, cell in zip(numbers, cells, strict=True) if broken else ():
            if cell in broken:
                rule, expected = broken[cell]
                self.note(rule, column.name, expected).add(at, self.contract.shown(cell))
        missing = sum(count for cell, count in counts.items() if column.is_missing(cell))
        if missing:
            self.missing[column.name] = self.missing.get(column.name, 0) + missing
