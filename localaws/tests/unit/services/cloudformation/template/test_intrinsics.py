"""What an expression in a template stands for."""

from __future__ import annotations

from typing import Any

import pytest

from localaws.services.cloudformation.template.errors import TemplateError
from localaws.services.cloudformation.template.intrinsics import TemplateScope, evaluate

RESOURCES = {"Table": "shop-dev"}
ATTRIBUTES = {("Table", "Arn"): "arn:table", ("Queue", "Nested.Name"): "nested"}


def ref(name: str) -> str:
    if name not in RESOURCES:
        raise TemplateError(f"nothing is called {name}")
    return RESOURCES[name]


SCOPE = TemplateScope(
    parameters={"Stage": "dev", "Days": "7", "Zones": ["a", "b"], "AWS::Region": "us-east-1"},
    mappings={"Sizes": {"dev": {"memory": 256}}},
    conditions={"IsProd": False, "IsDev": True},
    ref=ref,
    attribute=lambda logical_id, name: ATTRIBUTES[logical_id, name],
)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        pytest.param({"Ref": "Stage"}, "dev", id="a parameter"),
        pytest.param({"Ref": "Zones"}, ["a", "b"], id="a list parameter stays a list"),
        pytest.param({"Ref": "AWS::Region"}, "us-east-1", id="a pseudo parameter"),
        pytest.param({"Ref": "Table"}, "shop-dev", id="a resource"),
        pytest.param({"Fn::GetAtt": ["Table", "Arn"]}, "arn:table", id="an attribute"),
        pytest.param({"Fn::GetAtt": "Table.Arn"}, "arn:table", id="an attribute as text"),
        pytest.param({"Fn::GetAtt": "Queue.Nested.Name"}, "nested", id="an attribute with a dot"),
        pytest.param({"Fn::Sub": "${Stage}-${Table}-${Table.Arn}"}, "dev-shop-dev-arn:table", id="sub"),
        pytest.param({"Fn::Sub": "${!Stage} costs $5"}, "${Stage} costs $5", id="sub leaves literals"),
        pytest.param({"Fn::Sub": ["${A}-${Stage}", {"A": {"Ref": "Days"}}]}, "7-dev", id="sub with a map"),
        pytest.param({"Fn::Join": ["-", ["a", {"Ref": "Stage"}, 5]]}, "a-dev-5", id="join"),
        pytest.param({"Fn::Join": [",", {"Ref": "Zones"}]}, "a,b", id="join of a list parameter"),
        pytest.param({"Fn::Select": ["1", {"Fn::Split": ["/", "x/y/z"]}]}, "y", id="select of split"),
        pytest.param({"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "memory"]}, 256, id="a mapping"),
        pytest.param({"Fn::If": ["IsProd", "big", {"Ref": "Stage"}]}, "dev", id="if"),
        pytest.param({"Fn::If": ["IsProd", {"Ref": "Missing"}, "small"]}, "small", id="branch not taken"),
        pytest.param({"Condition": {"Bool": {"x": True}}}, {"Condition": {"Bool": {"x": True}}}, id="IAM word"),
        pytest.param({"Ref": "Stage", "Other": 1}, {"Ref": "Stage", "Other": 1}, id="two keys are no function"),
        pytest.param([{"deep": {"Fn::Sub": "${Days}"}}], [{"deep": "7"}], id="deep inside"),
    ],
)
def test_an_expression_has_a_value(expression: Any, value: Any) -> None:
    assert evaluate(expression, SCOPE) == value


def test_no_value_removes_properties_and_list_items() -> None:
    gone = {"Ref": "AWS::NoValue"}
    assert evaluate({"a": gone, "b": [gone, 1], "c": {"Fn::If": ["IsProd", 1, gone]}}, SCOPE) == {"b": [1]}


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        pytest.param({"Ref": "Missing"}, "nothing is called Missing", id="unknown name"),
        pytest.param({"Fn::Sub": "${Missing}"}, "nothing is called Missing", id="unknown name in sub"),
        pytest.param({"Fn::Sub": "${Zones}"}, "not a text", id="a list in a text"),
        pytest.param({"Fn::Sub": "${AWS::NoValue}"}, "not a text", id="nothing in a text"),
        pytest.param({"Fn::Cidr": ["10.0.0.0/16", 2]}, "Fn::Cidr is not supported", id="unknown function"),
        pytest.param({"Fn::Join": ["-"]}, "Fn::Join takes a list of 2", id="too few arguments"),
        pytest.param({"Fn::Join": ["-", "text"]}, "Fn::Join takes a list", id="not a list"),
        pytest.param({"Fn::Select": [2, ["a", "b"]]}, "no item 2 in a list of 2", id="past the end"),
        pytest.param({"Fn::FindInMap": ["Sizes", "prod", "memory"]}, "no Sizes.prod.memory", id="not mapped"),
        pytest.param({"Fn::If": ["Unknown", 1, 2]}, "no condition 'Unknown'", id="unknown condition"),
        pytest.param("{{resolve:ssm:/x}}", "dynamic references", id="dynamic reference"),
    ],
)
def test_a_wrong_expression_says_what_is_wrong(expression: Any, problem: str) -> None:
    with pytest.raises(TemplateError, match=problem):
        evaluate(expression, SCOPE)
