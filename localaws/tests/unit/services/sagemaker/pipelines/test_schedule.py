"""Pipeline definitions: what is refused, and which steps may start when."""

from __future__ import annotations

import json
from typing import Any

import pytest

from localaws.services.sagemaker.pipelines.definition import Definition, UnsupportedStepError, parse_definition
from localaws.services.sagemaker.pipelines.parameters import DefinitionError, ParameterError, bind
from localaws.services.sagemaker.pipelines.schedule import StepSchedule, schedule_of


def step(name: str, kind: str = "Processing", *after: str, **more: Any) -> dict[str, Any]:
    return {"Name": name, "Type": kind, "Arguments": {}, "DependsOn": list(after), **more}


def gate(name: str, if_steps: list[Any], else_steps: list[Any], *after: str, left: Any = 1) -> dict[str, Any]:
    condition = {"Type": "LessThan", "LeftValue": left, "RightValue": 2}
    arguments = {"Conditions": [condition], "IfSteps": if_steps, "ElseSteps": else_steps}
    return {"Name": name, "Type": "Condition", "DependsOn": list(after), "Arguments": arguments}


def parse(steps: list[Any], parameters: list[Any] | None = None) -> Definition:
    return parse_definition(json.dumps({"Version": "2020-12-01", "Parameters": parameters or [], "Steps": steps}))


def schedule(*steps: dict[str, Any]) -> StepSchedule:
    return schedule_of(parse(list(steps)))


def test_steps_without_dependencies_may_start_together() -> None:
    plan = schedule(step("A"), step("B"), step("C", "Processing", "A", "B"))
    assert set(plan.ready({}, frozenset())) == {"A", "B"}
    assert plan.ready({"A": None}, frozenset({"A", "B"})) == []
    assert plan.ready({"A": None, "B": None}, frozenset({"A", "B"})) == ["C"]


def test_a_reference_is_a_dependency() -> None:
    training = step("Train", "Training")
    training["Arguments"] = {"InputDataConfig": [{"S3Uri": {"Get": "Steps.Prep.ProcessingJobArn"}}]}
    plan = schedule(training, step("Prep", "Processing"))
    assert plan.ready({}, frozenset()) == ["Prep"]


def test_only_the_chosen_branch_runs() -> None:
    plan = schedule(gate("Gate", [step("Yes"), step("YesToo", "Processing", "Yes")], [step("No")]))
    assert plan.ready({}, frozenset()) == ["Gate"]
    assert plan.ready({"Gate": True}, frozenset({"Gate"})) == ["Yes"]
    assert plan.ready({"Gate": False}, frozenset({"Gate"})) == ["No"]
    assert plan.ready({"Gate": True, "Yes": None}, frozenset({"Gate", "Yes"})) == ["YesToo"]


def test_a_step_after_a_condition_waits_for_the_branch_that_was_chosen() -> None:
    plan = schedule(gate("Gate", [step("Yes")], [step("No")]), step("After", "Processing", "Gate"))
    assert plan.ready({"Gate": True}, frozenset({"Gate", "Yes"})) == []
    assert plan.ready({"Gate": True, "Yes": None}, frozenset({"Gate", "Yes"})) == ["After"]


def test_a_step_that_needs_the_other_branch_never_runs() -> None:
    plan = schedule(gate("Gate", [step("Yes")], [step("No")]), step("After", "Processing", "No"))
    assert plan.ready({"Gate": True, "Yes": None}, frozenset({"Gate", "Yes"})) == []


def test_conditions_may_be_nested() -> None:
    plan = schedule(gate("Outer", [gate("Inner", [step("Deep")], [])], [step("No")]))
    assert plan.ready({"Outer": True}, frozenset({"Outer"})) == ["Inner"]
    assert plan.ready({"Outer": True, "Inner": True}, frozenset({"Outer", "Inner"})) == ["Deep"]
    assert plan.ready({"Outer": False}, frozenset({"Outer"})) == ["No"]


@pytest.mark.parametrize(
    ("steps", "named"),
    [
        ([step("A", "Processing", "B"), step("B", "Processing", "A")], "circle"),
        ([step("A", "Processing", "Z")], "unknown steps: Z"),
        ([step("A"), step("A")], "unique: A"),
        ([gate("G", [step("A")], [step("A")])], "unique: A"),
        ([step("a b")], "'a b'"),
        ([], "at least one"),
        ([step(f"S{number}") for number in range(51)], "at most 50"),
        ([gate("G", [], [], left={"Get": "Parameters.Nope"})], "unknown Parameters.Nope"),
        ([gate("G", [], [], left={"Get": "Steps.Nope.X"})], "unknown Steps.Nope"),
        ([gate("G", [], [], left={"Get": "Execution.Nope"})], "unknown Execution.Nope"),
        ([gate("G", [], [], left={"Get": "Steps.G2.PropertyFiles.P"}), step("G2")], "property file G2.P"),
        ([step("A", "Fail", CacheConfig={"Enabled": True})], "cannot be cached"),
        ([step("A", "Processing", CacheConfig={"Enabled": True, "ExpireAfter": "soon"})], "'soon'"),
        ([step("A", "Fail", RetryPolicies=[{"ExceptionType": ["Step.THROTTLING"]}])], "cannot have retry"),
        ([{"Name": "A"}], "Type is missing"),
        ([gate("G", [], []), step("F", "Fail"), step("A", "Processing", "F")], "A can not depends on F"),
        ([step("A", "Processing", CacheConfig={"Enabled": True, "ExpireAfter": "PT90S"})], "'PT90S'"),
    ],
)
def test_bad_definitions_are_refused_by_name(steps: list[Any], named: str) -> None:
    with pytest.raises(DefinitionError, match=named):
        schedule(*steps)


READ = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Eval.PropertyFiles.Report"}, "Path": "mse.value"}}
REPORT = [{"PropertyFileName": "Report", "OutputName": "out", "FilePath": "report.json"}]


def after_evaluation(**arguments: Any) -> StepSchedule:
    """A condition or a Fail step with these arguments, after a step that writes a report."""
    kind = "Condition" if "Conditions" in arguments else "Fail"
    return schedule(step("Eval", PropertyFiles=REPORT), {"Name": "Last", "Type": kind, "Arguments": arguments})


def test_conditions_read_a_property_file_and_messages_join_what_is_documented() -> None:
    comparison = {"Type": "LessThan", "LeftValue": READ, "RightValue": 2}
    assert after_evaluation(Conditions=[{"Type": "Not", "Condition": comparison}]).order
    report = {"Get": "Steps.Eval.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri"}
    assert after_evaluation(ErrorMessage={"Std:Join": {"On": " ", "Values": ["see", report]}}).order


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"ErrorMessage": {"Std:Join": {"On": " ", "Values": ["mse is", READ]}}}, "conditions of a condition step"),
        ({"ErrorMessage": READ}, "conditions of a condition step"),
        ({"ErrorMessage": {"Std:Upper": "x"}}, "Std:Upper"),
        ({"ErrorMessage": {"Std:Join": ["a", "b"]}}, "not a function"),
        (
            {"Conditions": [{"Type": "Not", "Expression": {"Type": "Equals", "LeftValue": 1, "RightValue": 1}}]},
            "Cannot parse object, unknown property 'Expression'.",
        ),
        ({"Conditions": [{"Type": "Or", "Conditions": [{"Type": "Not"}]}]}, "Not lacks Condition"),
        (
            {
                "Conditions": [
                    {
                        "Type": "LessThan",
                        "LeftValue": {"Std:JsonGet": {**READ["Std:JsonGet"], "Path": {"Get": "Parameters.Metric"}}},
                        "RightValue": 2,
                    }
                ]
            },
            "must be a text",
        ),
        (
            {"Conditions": [{"Type": "Equals", "LeftValue": {"Std:Join": {"Values": [READ]}}, "RightValue": "2"}]},
            "conditions of a condition step only",
        ),
    ],
)
def test_what_no_document_shows_is_refused(arguments: dict[str, Any], named: str) -> None:
    with pytest.raises(DefinitionError, match=named):
        after_evaluation(**arguments)


def test_a_step_type_that_is_unsupported_is_named() -> None:
    with pytest.raises(UnsupportedStepError, match="Lambda"):
        parse([step("Notify", "Lambda")])


@pytest.mark.parametrize("text", ["{", "[]", '{"Version": "2019-01-01"}'])
def test_what_is_no_definition_is_refused(text: str) -> None:
    with pytest.raises(DefinitionError):
        parse_definition(text)


PARAMETERS = [
    {"Name": "Rounds", "Type": "Integer", "DefaultValue": 50},
    {"Name": "Eta", "Type": "Float", "DefaultValue": 0.2},
    {"Name": "Shuffle", "Type": "Boolean", "DefaultValue": False},
    {"Name": "Status", "Type": "String", "DefaultValue": "Pending", "EnumValues": ["Pending", "Approved"]},
    {"Name": "Input", "Type": "String"},
]


def given(**values: str) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in values.items()]


def test_parameters_get_the_type_they_are_declared_with() -> None:
    declared = parse([step("A")], PARAMETERS).parameters
    assert bind(declared, given(Rounds="7", Shuffle="true", Input="s3://b/k")) == {
        "Rounds": 7,
        "Eta": 0.2,
        "Shuffle": True,
        "Status": "Pending",
        "Input": "s3://b/k",
    }


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"Nope": "1", "Input": ""}, "Nope"),
        ({}, "Input"),
        ({"Input": "", "Rounds": "1.5"}, "Rounds"),
        ({"Input": "", "Eta": "much"}, "Eta"),
        ({"Input": "", "Shuffle": "perhaps"}, "Shuffle"),
        ({"Input": "", "Status": "Rejected"}, "Pending, Approved"),
    ],
)
def test_unfit_parameters_are_refused_by_name(values: dict[str, str], named: str) -> None:
    with pytest.raises(ParameterError, match=named):
        bind(parse([step("A")], PARAMETERS).parameters, given(**values))
