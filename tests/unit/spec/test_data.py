"""The data contract and the gate in a spec: what they may say, and that they are kept as they were said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sluice.errors import Problem, SpecError
from sluice.spec.model import ModelSpec

from cli.apply.definition import chosen_parameters, pipeline_rules
from tests.builders.spec_examples import spec_with

PIPELINES = Path(__file__).parents[3] / "pipelines"
CLASSES = {"type": "category", "categories": ["no", "yes"], "positive": "yes"}


def problems(*changes: tuple[str, object]) -> list[Problem]:
    with pytest.raises(SpecError) as refused:
        ModelSpec.parse(spec_with(*changes), pipeline_rules(PIPELINES))
    return list(refused.value.problems)


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ([("data.columns.0.min", "0")], "data.columns[0].min", "text, not a number"),
        ([("data.columns.0.nullable", "no")], "data.columns[0].nullable", "not true or false"),
        ([("data.columns.0.min", 2), ("data.columns.0.max", 1)], "data.columns[0].max", "1 is below min"),
        ([("data.columns.1.min", 2)], "data.columns[1].min", "a category has no range"),
        ([("data.columns.0", {"name": "age", "type": "integer", "categories": ["1"]})], None, "has no categories"),
        ([("data.min_rows", 5), ("data.max_rows", 4)], "data.max_rows", "4 is below min_rows"),
        ([("data.encoding", "utf-16")], "data.encoding", "is unknown"),
        ([("data.decimal", ";")], "data.decimal", "is unknown"),
        ([("data.missing_values", ["-", "-"])], "data.missing_values[1]", "'-' is there twice"),
        ([("data.missing_values", [" -"])], "data.missing_values[0]", "blanks around a cell are never read"),
        ([("data.missing_values", [""])], "data.missing_values[0]", "has 0 characters"),
        ([("data.missing_values", ["a"])], "data.missing_values[0]", "'a' is also a category"),
        (
            [("data.target_values", CLASSES), ("data.missing_values", ["no"])],
            "data.missing_values[0]",
            "'no' is also a category of the target",
        ),
        ([("data.header", 1)], "data.header", "not true or false"),
        ([("data.target_values", {"type": "number", "positive": "x"})], "data.target_values", "a number has neither"),
        ([("data.target_values", {**CLASSES, "positive": "ja"})], None, "is none of the categories"),
        ([("data.target_values", {**CLASSES, "categories": ["yes"]})], None, "two categories apart, not 1"),
        ([("data.target_values", {**CLASSES, "categories": ["no", "yes", "?"]})], None, "apart, not 3"),
        ([("data.target_values", {"type": "number", "min": 1, "max": 0})], "data.target_values.max", "below min"),
        ([("pipeline.gate", {"auc": {"min": 0.9}})], "pipeline.gate.auc", "a regression has no auc"),
        (
            [("data.target_values", CLASSES), ("pipeline.gate", {"r2": {"min": 0.9}})],
            "pipeline.gate.r2",
            "a classifier has no r2",
        ),
        ([("pipeline.gate", {"mse": 6})], "pipeline.gate.mse", "not a mapping"),
        ([("pipeline.gate", {"msa": {"max": 6}})], "pipeline.gate.msa", "did you mean 'mse'"),
        ([("pipeline.gate", {"not_worse_than_live_percent": -1})], None, "out of range"),
        ([("pipeline.parameters.Gate", "mse<=6")], "pipeline.parameters.Gate", "is filled by Sluice itself"),
        ([("pipeline.parameters.Objective", "x")], None, "is filled by Sluice itself"),
    ],
)
def test_a_contradiction_is_named(changes: list[tuple[str, object]], path: str | None, message: str) -> None:
    (found,) = problems(*changes)
    assert path in (None, found.path)
    assert message in found.message


def test_a_pipeline_without_a_gate_cannot_be_given_one(tmp_path: Path) -> None:
    folder = tmp_path / "tabular"
    folder.mkdir()
    (folder / "definition.json").write_text(json.dumps({"Parameters": [{"Name": "NumRound", "Type": "Integer"}]}))
    (tmp_path / "images.json").write_text("{}")
    gated = spec_with(("pipeline.gate", {"mse": {"max": 1}}), ("data.target_values", CLASSES))
    with pytest.raises(SpecError) as refused:
        ModelSpec.parse(gated, pipeline_rules(tmp_path))
    assert [each.path for each in refused.value.problems] == ["pipeline.gate", "data.target_values.type"]


RICH = spec_with(
    ("data.columns.0", {"name": "age", "type": "integer", "min": 0, "max": 120, "nullable": False}),
    ("data.target_values", CLASSES),
    ("data.max_rows", 100),
    ("data.header", False),
    ("data.decimal", ","),
    ("data.missing_values", ["#N/A", "-"]),
    ("pipeline.gate", {"auc": {"min": 0.9}, "not_worse_than_live_percent": 10}),
)


def test_what_is_said_is_kept_and_what_is_not_said_takes_no_room() -> None:
    spec = ModelSpec.parse(RICH)
    assert ModelSpec.parse(spec.to_json()) == spec
    stored = spec.to_json()
    assert stored["data"]["columns"][0] == {"name": "age", "type": "integer", "min": 0, "max": 120, "nullable": False}
    assert stored["pipeline"]["gate"] == {"auc": {"min": 0.9}, "not_worse_than_live_percent": 10}
    plain = ModelSpec.parse(spec_with()).to_json()
    assert plain["data"]["columns"][0] == {"name": "age", "type": "number"}
    assert (plain["pipeline"]["gate"], plain["data"]["target_values"]) == ({}, {})


def test_the_target_chooses_the_objective() -> None:
    chosen = chosen_parameters(ModelSpec.parse(RICH))
    assert (chosen["Objective"], chosen["Gate"]) == ("binary:logistic", "auc>=0.9 live<=10")
    plain = chosen_parameters(ModelSpec.parse(spec_with()))
    assert (plain["Objective"], plain["Gate"]) == ("reg:squarederror", "none")
