"""The logs of whole stories: one line per invocation, and nothing of the data that was uploaded and sent to models."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rehearsal.material.data import Dataset
from rehearsal.material.fraud import fraud_uploads
from rehearsal.play import SEED
from tests.e2e.conftest import PLAYED_SECONDS, Played

pytestmark = pytest.mark.timeout(PLAYED_SECONDS + 60)

ROOT = Path(__file__).parents[2]
LONG = 7  # characters of a cell that no other number has by chance
TOGETHER = 3  # cells of a row that stand side by side
ROW = re.compile(rf"[\w.?+-]*(?:,[\w.?+-]*){{{TOGETHER - 1},}}")


@dataclass(frozen=True)
class Values:
    """What no line may hold: pieces of rows, and cells that are long enough to be told from other numbers."""

    pieces: frozenset[tuple[str, ...]]
    cells: frozenset[str]

    @classmethod
    def of(cls, *data: Dataset) -> Values:
        rows = [row for each in data for row in each.rows]
        pieces = {row[at : at + TOGETHER] for row in rows for at in range(len(row) - TOGETHER + 1)}
        cells = {cell for row in rows for cell in row if len(cell) >= LONG}
        return cls(frozenset(pieces), frozenset(cells))

    def within(self, text: str) -> list[str]:
        """Those that a text holds."""
        runs = [run.split(",") for run in ROW.findall(text)]
        pieces = [tuple(run[at : at + TOGETHER]) for run in runs for at in range(len(run) - TOGETHER + 1)]
        found = {",".join(piece) for piece in pieces if piece in self.pieces}
        return sorted(found | (self.cells & set(re.findall(r"[\w.+-]+", text))))


def test_the_check_finds_what_it_looks_for() -> None:
    values = Values.of(Dataset(("a", "b", "c", "d"), (("31", "61000", "?", "0.006399"),)))
    assert values.within('{"reason":"row 7 is 30,31,61000,?,1"}') == ["31,61000,?"]
    assert values.within('{"reason":"b: 0.006399 is too small"}') == ["0.006399"]
    assert values.within('{"rows":31,"found":[61000,31],"at":"0.0063990"}') == []


def lines(story: Played) -> Iterator[tuple[str, dict[str, Any]]]:
    """The log file and each line in it, of all functions."""
    files = sorted((story.folder / "logs" / "lambda").glob("*.log"))
    assert files
    for file in files:
        for line in filter(None, file.read_text().splitlines()):
            yield file.name, json.loads(line)


def data_of(model: str) -> list[Dataset]:
    """Every row that the story of a model uploads, or sends to it; made from the story's seed, so the same again."""
    if model == "fraud":
        made = fraud_uploads(SEED)
        return [made.first, made.newer, made.narrow, made.mislabelled, made.live]
    text = (ROOT / "rehearsal" / "material" / "datasets" / f"{model}.csv").read_text()
    header, *rows = csv.reader(text.splitlines())
    return [Dataset(tuple(header), tuple(tuple(row) for row in rows))]


@pytest.fixture(params=[("story", "fraud"), ("data_story", "breast-cancer")], ids=["story", "data_story"])
def played(request: pytest.FixtureRequest) -> tuple[Played, Values]:
    name, model = request.param
    story: Played = request.getfixturevalue(name)
    return story, Values.of(*data_of(model))


def test_each_invocation_logs_one_line_of_its_own(played: tuple[Played, Values]) -> None:
    story, _ = played
    begun: Counter[str] = Counter()
    summed_up: Counter[str] = Counter()
    for file, line in lines(story):
        begun[file] += line.get("type") == "platform.report"
        function = line.get("function")
        summed_up[file] += line.get("message") in (f"{function} done", f"{function} failed")
    assert summed_up == begun


def test_nothing_of_the_data_is_in_any_line(played: tuple[Played, Values]) -> None:
    story, values = played
    found = [
        f"{file}: {', '.join(held)}"
        for file, line in lines(story)
        if not str(line.get("type")).startswith("platform.")
        and (held := values.within(json.dumps(line, ensure_ascii=False)))
    ]
    assert found == []


def test_the_value_that_made_an_upload_rejected_is_in_no_line(data_story: Played) -> None:
    """The story's broken file has one cell that is wrong, a question mark."""
    quoted = re.compile(r"""['"]\?['"]""")
    held = [line for _, line in lines(data_story) if any(quoted.search(repr(value)) for value in line.values())]
    assert held == []
