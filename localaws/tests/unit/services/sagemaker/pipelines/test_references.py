"""Definition references: what Get, Std:Join and Std:JsonGet turn into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from localaws.services.sagemaker.pipelines.references import (
    Reference,
    ReferenceUnresolvedError,
    follow,
    parse_path,
    references_in,
    resolve,
)


class FixedScope:
    """A scope whose answers are given."""

    def parameter(self, name: str) -> Any:
        return {"Rounds": 50, "Eta": 0.2, "Shuffle": True, "Input": "s3://b/in"}[name]

    def variable(self, name: str) -> str:
        return {"PipelineExecutionId": "abc123"}[name]

    def outputs(self, step: str) -> Mapping[str, Any]:
        assert step == "Prep-1"
        outputs = [
            {"OutputName": "test", "S3Output": {"S3Uri": "s3://b/test"}},
            {"OutputName": "train", "S3Output": {"S3Uri": "s3://b/train"}},
        ]
        return {"ProcessingOutputConfig": {"Outputs": outputs}, "Instances": [1, 2]}

    def property_file(self, step: str, name: str) -> Any:
        assert (step, name) == ("Eval", "Report")
        return {"mse": {"value": 3.5}, "folds": [{"mse": 1}, {"mse": 2}]}

    def json_object(self, s3_uri: str) -> Any:
        assert s3_uri == "s3://b/in/limits.json"
        return {"limit": 7}


def test_a_parameter_keeps_its_type() -> None:
    assert resolve({"Get": "Parameters.Rounds"}, FixedScope()) == 50
    assert resolve({"Get": "Parameters.Shuffle"}, FixedScope()) is True


def test_join_makes_one_string_of_any_values() -> None:
    values = [
        "s3:/",
        {"Get": "Execution.PipelineExecutionId"},
        {"Get": "Parameters.Eta"},
        {"Get": "Parameters.Shuffle"},
    ]
    assert resolve({"Std:Join": {"On": "/", "Values": values}}, FixedScope()) == "s3://abc123/0.2/true"


def test_an_output_is_found_by_its_name() -> None:
    reference = {"Get": "Steps.Prep-1.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"}
    assert resolve(reference, FixedScope()) == "s3://b/train"


def test_references_are_resolved_however_deep() -> None:
    nested = {"a": [{"b": {"Get": "Parameters.Input"}}, 1], "Get": "is a key like any other beside another"}
    assert resolve(nested, FixedScope()) == {
        "a": [{"b": "s3://b/in"}, 1],
        "Get": "is a key like any other beside another",
    }


@pytest.mark.parametrize(("path", "value"), [("mse.value", 3.5), ("folds[1].mse", 2), ("['mse'].value", 3.5)])
def test_json_get_reads_a_property_file(path: str, value: float) -> None:
    expression = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Eval.PropertyFiles.Report"}, "Path": path}}
    assert resolve(expression, FixedScope()) == value


def test_json_get_reads_an_object_in_s3() -> None:
    uri = {"Std:Join": {"On": "/", "Values": [{"Get": "Parameters.Input"}, "limits.json"]}}
    assert resolve({"Std:JsonGet": {"S3Uri": uri, "Path": "limit"}}, FixedScope()) == 7


@pytest.mark.parametrize(
    "text",
    ["Steps.Prep-1.Nothing", "Steps.Prep-1.Instances[2]", "Steps.Prep-1.ProcessingOutputConfig.Outputs['x'].S3Output"],
)
def test_a_path_that_leads_nowhere_is_named(text: str) -> None:
    with pytest.raises(ReferenceUnresolvedError) as refusal:
        resolve({"Get": text}, FixedScope())
    assert text in str(refusal.value)


@pytest.mark.parametrize("text", ["Parameters", "Pipeline.X", "Steps.S", "", "Parameters..X!"])
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(ReferenceUnresolvedError):
        Reference.parse(text)


def test_a_list_index_is_no_name() -> None:
    assert parse_path("a.b['c d'][0]") == ("a", "b", "c d", 0)
    with pytest.raises(ReferenceUnresolvedError):
        follow(["x"], ("0x",))


def test_all_references_of_a_value_are_found() -> None:
    value = {"a": {"Get": "Parameters.P"}, "b": [{"Std:Join": {"On": "", "Values": [{"Get": "Steps.S.Out"}]}}]}
    assert [(found.kind, found.name) for found in references_in(value)] == [("Parameters", "P"), ("Steps", "S")]
