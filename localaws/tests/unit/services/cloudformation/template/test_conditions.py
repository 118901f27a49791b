"""Conditions, parameters and the order of creation."""

from __future__ import annotations

from typing import Any

import pytest

from localaws.services.cloudformation.template.conditions import evaluate_conditions
from localaws.services.cloudformation.template.errors import TemplateError
from localaws.services.cloudformation.template.intrinsics import TemplateScope
from localaws.services.cloudformation.template.order import creation_order
from localaws.services.cloudformation.template.parameters import resolve_parameters


def nothing(*names: str) -> Any:
    raise TemplateError(f"nothing is called {names[0]}")


SCOPE = TemplateScope(
    parameters={"Stage": "prod", "Tracing": "true"}, mappings={}, conditions={}, ref=nothing, attribute=nothing
)
IS_PROD = {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}
IS_TRACED = {"Fn::Equals": [{"Ref": "Tracing"}, True]}


@pytest.mark.parametrize(
    ("expression", "truth"),
    [
        pytest.param(IS_PROD, True, id="equals"),
        pytest.param(IS_TRACED, True, id="texts and YAML booleans compare as texts"),
        pytest.param({"Fn::Not": [IS_PROD]}, False, id="not"),
        pytest.param({"Fn::And": [IS_PROD, {"Fn::Not": [IS_TRACED]}]}, False, id="and"),
        pytest.param({"Fn::Or": [{"Fn::Not": [IS_PROD]}, IS_TRACED]}, True, id="or"),
        pytest.param({"Fn::Not": [{"Condition": "Later"}]}, True, id="a condition that is written later"),
    ],
)
def test_a_condition_holds_or_not(expression: Any, truth: bool) -> None:
    section = {"Asked": expression, "Later": {"Fn::Equals": ["a", "b"]}}
    assert evaluate_conditions(section, SCOPE)["Asked"] is truth


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        pytest.param({"A": {"Fn::Not": [{"Condition": "B"}]}, "B": {"Condition": "A"}}, "A -> B -> A", id="circle"),
        pytest.param({"A": {"Condition": "Missing"}}, "no condition 'Missing'", id="unknown"),
        pytest.param({"A": {"Ref": "Stage"}}, "not a condition", id="not a condition"),
        pytest.param({"A": {"Fn::Equals": ["a"]}}, "Fn::Equals takes a list of 2", id="too few arguments"),
        pytest.param({"A": "true"}, "not a condition", id="a plain value"),
    ],
)
def test_a_wrong_condition_says_what_is_wrong(section: dict[str, Any], problem: str) -> None:
    with pytest.raises(TemplateError, match=problem):
        evaluate_conditions(section, SCOPE)


def test_parameters_are_given_or_default() -> None:
    declared = {
        "Stage": {"Type": "String", "Default": "dev", "AllowedValues": ["dev", "prod"]},
        "Days": {"Type": "Number", "Default": 7},
        "Zones": {"Type": "CommaDelimitedList", "Default": "a, b"},
    }
    assert resolve_parameters(declared, {"Stage": "prod"}) == {"Stage": "prod", "Days": "7", "Zones": ["a", "b"]}


@pytest.mark.parametrize(
    ("declaration", "value", "problem"),
    [
        pytest.param({"AllowedValues": ["dev", "prod"]}, "test", "'test' is not one of dev, prod", id="values"),
        pytest.param({"AllowedPattern": "[a-z]+"}, "Dev", "'Dev' does not match", id="pattern"),
        pytest.param({"AllowedPattern": "[a-z]+"}, "dev1", "'dev1' does not match", id="pattern of the whole"),
        pytest.param({"MaxLength": 3}, "long", "too long", id="length"),
        pytest.param({"Type": "Number"}, "many", "is not a number", id="number"),
        pytest.param({"Type": "Number", "MinValue": 1}, "0", "is not between 1 and inf", id="range"),
        pytest.param({"Type": "List<Number>"}, "1,x", "'x' is not a number", id="an item of a list"),
        pytest.param(
            {"AllowedPattern": "x", "ConstraintDescription": "must be x"}, "y", "'y' must be x", id="own words"
        ),
        pytest.param({"Type": "AWS::SSM::Parameter::Value<String>"}, "x", "is not supported", id="type"),
        pytest.param({}, None, "has no default and needs a value", id="missing"),
    ],
)
def test_a_wrong_parameter_is_named(declaration: dict[str, Any], value: str | None, problem: str) -> None:
    given = {} if value is None else {"Wrong": value}
    with pytest.raises(TemplateError, match=f"parameter Wrong.*{problem}"):
        resolve_parameters({"Wrong": declaration}, given)


def test_a_parameter_the_template_lacks_is_refused() -> None:
    with pytest.raises(TemplateError, match="no parameter Stgae"):
        resolve_parameters({"Stage": {"Default": "dev"}}, {"Stgae": "dev"})


RESOURCES: dict[str, Any] = {
    "Rule": {"Properties": {"Targets": [{"Arn": {"Fn::GetAtt": ["Queue", "Arn"]}}]}},
    "Policy": {"DependsOn": "Rule", "Properties": {"Text": {"Fn::Sub": ["${Q}", {"Q": {"Ref": "Queue"}}]}}},
    "Alarm": {"Properties": {"Action": {"Fn::If": ["IsProd", {"Ref": "Topic"}, {"Ref": "Rule"}]}}},
    "Queue": {"Properties": {"Name": {"Fn::Sub": "${Stage}-${!Literal}-${Table.Arn}"}}},
    "Table": {},
    "Topic": {"DependsOn": ["Alarm"]},
}


def test_a_resource_is_made_after_all_it_refers_to() -> None:
    order = creation_order(RESOURCES, {"IsProd": False})
    assert sorted(order) == sorted(RESOURCES)
    before = [("Table", "Queue"), ("Queue", "Rule"), ("Rule", "Policy"), ("Rule", "Alarm"), ("Alarm", "Topic")]
    assert all(order.index(first) < order.index(then) for first, then in before)


def test_resources_that_need_each_other_are_refused_by_name() -> None:
    with pytest.raises(TemplateError, match=r"(Alarm -> Topic -> Alarm|Topic -> Alarm -> Topic)"):
        creation_order(RESOURCES, {"IsProd": True})
