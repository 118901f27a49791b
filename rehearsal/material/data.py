"""The four uploads of the story and the live rows of its clients, for any data set; seeded, so repeatable."""

from __future__ import annotations

import csv
import gzip
import io
import math
import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

GZIP_MAGIC = b"\x1f\x8b"
MIN_ROWS = 80  # two halves, each of which can be split for training, validation and test
KEPT_SHARE = 0.7  # of the rows, in the narrow extract


class StoryDataError(Exception):
    """The user's file cannot be used for the story; the text gives the reason."""


@dataclass(frozen=True, slots=True)
class Columns:
    """From the spec: the features in the order of live requests, which of them are numbers, the target."""

    features: tuple[str, ...]
    numbers: frozenset[str]
    target: str
    target_is_number: bool = True


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows of raw cells under a header: the features in the order of live requests, the target last."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def to_csv(self) -> bytes:
        """As a client uploads it: UTF-8 with a header."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.header)
        writer.writerows(self.rows)
        return text.getvalue().encode()


@dataclass(frozen=True, slots=True)
class Uploads:
    """What the story uploads, in its order, and ``live``, whose features the clients send all the while.

    ``narrow`` passes the offline gate, because its test split is as narrow as the rest of it, and then meets
    live rows unlike any it has seen. ``narrowed`` says how it was made. ``mislabelled`` teaches nothing.
    """

    first: Dataset
    newer: Dataset
    narrow: Dataset
    mislabelled: Dataset
    live: Dataset
    narrowed: str


def uploads_from(data: Dataset, columns: Columns, seed: int) -> Uploads:
    """The story's uploads out of one data set. StoryDataError if it is too small or cannot be narrowed."""
    data = _pick(data, _rows_with_target(data, columns))  # training would leave out the others
    if len(data.rows) < MIN_ROWS:
        raise StoryDataError(f"{len(data.rows)} rows with a target are too few: the story needs {MIN_ROWS}")
    first, newer = halves(data, columns, seed)
    narrow, narrowed = narrowed_by_widest(data, columns)
    return Uploads(
        first=first,
        newer=newer,
        narrow=narrow,
        mislabelled=mislabel(first, seed),
        live=data,
        narrowed=narrowed,
    )


def read_rows(path: Path, columns: Columns) -> Dataset:
    """The user's CSV file, plain or gzip, its columns put in the order of live requests, others left out."""
    reader = csv.reader(io.StringIO(_text(path), newline=""))
    found = [name.strip() for name in next(reader, [])]
    wanted = (*columns.features, columns.target)
    missing = [name for name in wanted if name not in found]
    if missing:
        raise StoryDataError(f"{path}: no column {', '.join(missing)}; the file has {', '.join(found)}")
    places = [found.index(name) for name in wanted]
    rows = []
    for row in reader:
        if row and len(row) != len(found):
            raise StoryDataError(f"{path}, line {reader.line_num}: {len(row)} values, not {len(found)}")
        if row:
            rows.append(tuple(row[place] for place in places))
    return Dataset(wanted, tuple(rows))


def halves(data: Dataset, columns: Columns, seed: int) -> tuple[Dataset, Dataset]:
    """Two random halves. Rows with the lowest or highest value of a number are in both.

    So each half covers the whole range, and a model of either that refuses values outside of what it has seen
    refuses no row of the other.
    """
    order = list(range(len(data.rows)))
    random.Random(seed).shuffle(order)  # noqa: S311  # not for secrets
    middle = len(order) // 2
    extremes = {
        chosen
        for name in columns.numbers
        if (values := _numbers(data, name))
        for chosen in (min(values, key=lambda at: values[at]), max(values, key=lambda at: values[at]))
    }
    first, second = (sorted({*half, *extremes}) for half in (order[:middle], order[middle:]))
    return _pick(data, first), _pick(data, second)


def narrowed_by_widest(data: Dataset, columns: Columns) -> tuple[Dataset, str]:
    """The rows up to the 70 % point of the number whose values spread widest, and a sentence saying so."""
    candidates = [
        (spread, name, limit)
        for name in sorted(columns.numbers)
        if (found := _spread_and_limit(list(_numbers(data, name).values())))
        for spread, limit in (found,)
    ]
    if not candidates:
        raise StoryDataError("no number column has enough different values to cut the data by")
    _, name, limit = max(candidates)
    values = _numbers(data, name)
    kept = [at for at in range(len(data.rows)) if at not in values or values[at] <= limit]
    return _pick(data, kept), f"only rows with {name} up to {limit:g}"


def mislabel(data: Dataset, seed: int) -> Dataset:
    """The same rows with the targets dealt out at random."""
    targets = [row[-1] for row in data.rows]
    random.Random(seed).shuffle(targets)  # noqa: S311  # not for secrets
    rows = tuple((*row[:-1], target) for row, target in zip(data.rows, targets, strict=True))
    return Dataset(data.header, rows)


def live_rows(data: Dataset, seed: int) -> Iterator[str]:
    """Feature rows as clients send them, drawn from ``data`` without end: CSV, no header, no target."""
    draw = random.Random(seed)  # noqa: S311  # not for secrets
    while True:
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(draw.choice(data.rows)[:-1])
        yield line.getvalue()


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
        return (gzip.decompress(raw) if raw.startswith(GZIP_MAGIC) else raw).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise StoryDataError(f"{path}: not UTF-8 text ({error.reason})") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise StoryDataError(f"{path}: damaged gzip file ({error})") from error
    except OSError as error:
        raise StoryDataError(f"{path}: {error.strerror}") from error


def _rows_with_target(data: Dataset, columns: Columns) -> list[int]:
    if columns.target_is_number:
        return list(_numbers(data, columns.target))
    return [at for at, row in enumerate(data.rows) if row[-1].strip()]


def _numbers(data: Dataset, name: str) -> dict[int, float]:
    """The numbers of a column by row index; rows without one are left out."""
    place = data.header.index(name)
    numbers = {}
    for at, row in enumerate(data.rows):
        try:
            value = float(row[place])
        except ValueError:
            continue
        if not math.isnan(value):
            numbers[at] = value
    return numbers


def _spread_and_limit(values: Sequence[float]) -> tuple[float, float] | None:
    """Share of its range that most of a column fills, and its 70 % point; None if that cuts off too little."""
    ordered = sorted(values)
    if not ordered or ordered[0] == ordered[-1]:
        return None
    at = len(ordered)
    limit = ordered[int(at * KEPT_SHARE)]
    if sum(value > limit for value in ordered) < 0.1 * at:  # ties at the limit leave nothing to miss
        return None
    return (ordered[int(at * 0.9)] - ordered[int(at * 0.1)]) / (ordered[-1] - ordered[0]), limit


def _pick(data: Dataset, rows: Sequence[int]) -> Dataset:
    return Dataset(data.header, tuple(data.rows[at] for at in rows))
