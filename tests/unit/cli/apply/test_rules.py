"""What ``sluice apply`` refuses of a spec: gates that nothing can pass, and types that SageMaker does not have."""

from __future__ import annotations

from pathlib import Path

import pytest
from sluice.errors import SpecError
from sluice.spec.model import ModelSpec

from cli.apply.definition import parameter_problems, read_definition
from cli.apply.instance_types import instance_type_rules
from cli.apply.rules import quality_rules
from tests.builders.spec_examples import spec_with

PIPELINES = Path(__file__).parents[4] / "pipelines"


@pytest.mark.parametrize(
    ("gate", "path", "allowed"),
    [
        ({"mse": {"max": -6}}, "pipeline.gate.mse.max", "0 or more"),
        ({"mae": {"max": -0.1}}, "pipeline.gate.mae.max", "0 or more"),
        ({"r2": {"min": 1.5}}, "pipeline.gate.r2.min", "1 or less"),
        ({"rmse": {"min": 2, "max": 1}}, "pipeline.gate.rmse.max", "2 or more (min)"),
    ],
)
def test_a_gate_that_no_version_can_pass_is_refused(gate: dict[str, object], path: str, allowed: str) -> None:
    raw = spec_with(("pipeline.gate", gate))
    with pytest.raises(SpecError) as caught:
        ModelSpec.parse(raw, quality_rules())
    (problem,) = caught.value.problems
    assert (problem.path, problem.allowed) == (path, allowed)
    assert "no version can pass" in problem.message
    ModelSpec.parse(raw)  # as one is read that an earlier release has stored


@pytest.mark.parametrize("gate", [{}, {"mse": {"max": 0}, "r2": {"min": -2}}, {"rmse": {"min": 1, "max": 1}}])
def test_a_gate_that_some_version_can_pass_is_taken(gate: dict[str, object]) -> None:
    ModelSpec.parse(spec_with(("pipeline.gate", gate)), quality_rules())


def test_a_threshold_below_the_least_error_there_is_names_what_is_allowed() -> None:
    tabular = read_definition(PIPELINES, "tabular")
    (problem,) = parameter_problems(tabular, {"MseThreshold": "-6"})
    assert str(problem) == (
        "pipeline.parameters.MseThreshold: no version can pass -6: a mean squared error is never below 0 "
        "(allowed: 0 or more)"
    )
    assert list(parameter_problems(tabular, {"MseThreshold": "0"})) == []


def test_each_instance_type_that_is_allowed_is_listed_once() -> None:
    raw = spec_with(("pipeline.parameters", {"TrainingInstanceType": "ml.m5.xlrge"}))
    with pytest.raises(SpecError) as caught:
        ModelSpec.parse(raw, instance_type_rules())
    (problem,) = caught.value.problems
    types = problem.allowed.split(", ")
    assert "ml.m5.xlarge" in types
    assert len(types) == len(set(types))
