"""A problem in a spec file is pointed at by line and column."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sluice.errors import Problem
from sluice.spec.rules import Rule

from cli.apply.specfile import load, load_all
from cli.failures import SpecFilesError

GOOD = """\
name: fraud
data:
  target: risk
  columns:
    - {name: age, type: number}
    - name: shop
      type: category
pipeline:
  definition: tabular
  parameters: {NumRound: 50}
endpoint:
  instance_type: ml.m5.large
"""


def written(folder: Path, text: str, name: str = "fraud.yaml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def found(file: Path) -> list[tuple[int, int, str]]:
    with pytest.raises(SpecFilesError) as caught:
        load(file)
    return [(one.line, one.column, one.problem.path) for one in caught.value.problems]


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("target: risk", "target: 7", (3, 11, "data.target")),
        ("target: risk\n", "targt: risk\n", (2, 1, "data.target")),
        ("type: number", "type: numbr", (5, 25, "data.columns[0].type")),
        ("type: category", "type: categry", (7, 13, "data.columns[1].type")),
        ("{name: age, type: number}", "age", (5, 7, "data.columns[0]")),
        ("NumRound: 50", "Input_Data: 50", (10, 28, "pipeline.parameters.Input_Data")),
        ("pipeline:\n  definition: tabular", "pipeline:", (8, 1, "pipeline.definition")),
        ("endpoint:\n  instance_type: ml.m5.large\n", "", (1, 1, "endpoint")),
    ],
)
def test_a_problem_is_located(tmp_path: Path, old: str, new: str, place: tuple[int, int, str]) -> None:
    assert place in found(written(tmp_path, GOOD.replace(old, new)))


def test_a_key_that_stands_twice_is_a_problem_and_not_silently_the_last_one(tmp_path: Path) -> None:
    assert found(written(tmp_path, GOOD + "  instance_type: ml.m5.xlarge\n")) == [(13, 18, "endpoint.instance_type")]


def test_problems_come_in_the_order_of_the_lines(tmp_path: Path) -> None:
    text = GOOD.replace("name: fraud", "name: Fraud").replace("m5.large", "5").replace("number", "numbr")
    assert [line for line, _, _ in found(written(tmp_path, text))] == [1, 5, 12]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", 1),
        (b"name: [fraud\nx", 2),
        (b"name: fraud\n---\nname: other\n", 2),
        (b"name: \xff\xfe", 1),
        (b"name: a\x00b", 1),
        (b"description: 2024-02-31\n", 1),
        (b"name: !!python/object:os.system {}\n", 1),
        (b"- &a [*a]\n", 1),
        (b"name: &a {x: *a}\n", 1),
        (b"\ttabs: 1", 1),
    ],
)
def test_what_is_no_yaml_spec_is_refused_with_a_place(tmp_path: Path, content: bytes, line: int) -> None:
    file = tmp_path / "bad.yaml"
    file.write_bytes(content)
    assert found(file)[0][0] == line


def test_a_file_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(SpecFilesError, match="No such file"):
        load(tmp_path / "none.yaml")


def test_anchors_and_merges_work(tmp_path: Path) -> None:
    text = GOOD.replace("- {name: age, type: number}", "- &c {name: age, type: number}").replace(
        "- name: shop\n      type: category", "- {<<: *c, name: shop}"
    )
    assert [column.name for column in load(written(tmp_path, text)).spec.data.columns] == ["age", "shop"]


def test_errors_of_all_files_are_reported_at_once_and_one_model_has_one_file(tmp_path: Path) -> None:
    files = {
        written(tmp_path, GOOD, "one.yaml"): (),
        written(tmp_path, GOOD, "two.yaml"): (),
        written(tmp_path, "name: Bad\n", "three.yaml"): (),
    }
    with pytest.raises(SpecFilesError) as caught:
        load_all(files)
    assert {Path(one.file).name for one in caught.value.problems} == {"two.yaml", "three.yaml"}


def test_rules_of_the_caller_are_checked_beside_wrong_fields(tmp_path: Path) -> None:
    def refuse(parameters: dict[str, str]) -> Iterator[Problem]:
        yield Problem("pipeline.parameters.NumRound", parameters["NumRound"], "none", "no")

    file = written(tmp_path, GOOD.replace("name: fraud", "name: Fraud"))
    with pytest.raises(SpecFilesError) as caught:
        load(file, [Rule(("pipeline.parameters",), refuse)])
    assert [(one.line, one.problem.path) for one in caught.value.problems] == [
        (1, "name"),
        (10, "pipeline.parameters.NumRound"),
    ]


def test_a_located_problem_reads_as_editors_expect_it(tmp_path: Path) -> None:
    file = written(tmp_path, GOOD.replace("NumRound: 50", "NumRound: 50}\ninference: {out_of_range: x"))
    with pytest.raises(SpecFilesError) as caught:
        load(file)
    assert str(caught.value) == (
        f"{file}:11:27: inference.out_of_range: 'x' is unknown; value: x; allowed: accept | reject"
    )
