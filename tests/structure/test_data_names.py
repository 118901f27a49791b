"""What outlives the stack: kept by policy, and called so that a deleted stage can be deployed again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localaws.services.cloudformation.template.conditions import evaluate_conditions
from localaws.services.cloudformation.template.document import read_template
from localaws.services.cloudformation.template.intrinsics import TemplateScope, evaluate
from localaws.services.cloudformation.template.order import references

TEMPLATE = read_template(Path(__file__).parents[2] / "template.yaml")
STATEFUL = {"AWS::S3::Bucket": "BucketName", "AWS::DynamoDB::Table": "TableName"}
DATA = {name: each for name, each in TEMPLATE["Resources"].items() if each["Type"] in STATEFUL}
# As versions 0.1 and 0.2 called them.
BEFORE = {
    "DataBucket": "sluice-dev-123456789012-us-east-1",
    "StateTable": "sluice-dev",
    "ResultsTable": "sluice-dev-results",
}


def nothing(*names: str) -> Any:
    raise LookupError(names[0])


def scope_with(data_names: str) -> TemplateScope:
    defaults: dict[str, Any] = {
        name: str(each["Default"]).split(",") if each["Type"] == "CommaDelimitedList" else str(each["Default"])
        for name, each in TEMPLATE["Parameters"].items()
    }
    pseudo = {"AWS::AccountId": "123456789012", "AWS::Region": "us-east-1"}
    parameters = {**defaults, **pseudo, "DataNames": data_names}
    scope = TemplateScope(parameters=parameters, mappings={}, conditions={}, ref=nothing, attribute=nothing)
    return replace(scope, conditions=evaluate_conditions(TEMPLATE["Conditions"], scope))


def properties_of(logical_id: str, data_names: str) -> dict[str, Any]:
    scope = replace(scope_with(data_names), ref=lambda name: name)
    evaluated: dict[str, Any] = evaluate(DATA[logical_id]["Properties"], scope)
    return evaluated


GUARDED = "/aws/vendedlogs/states/sluice-dev-rollout"  # of every version, in RolloutLogGroup up to 0.2
GUARD = {"fixed": "RolloutLogGroup", "generated": "StackOfVersion02NeedsDataNamesFixed"}


def called(name: str, data_names: str) -> list[str]:
    """The log groups of this name, by logical id."""
    scope = scope_with(data_names)
    return [
        logical_id
        for logical_id, each in TEMPLATE["Resources"].items()
        if each["Type"] == "AWS::Logs::LogGroup"
        and scope.conditions.get(each.get("Condition"), "Condition" not in each)
        and evaluate(each["Properties"]["LogGroupName"], scope) == name
    ]


def test_all_that_holds_data_is_known_here() -> None:
    assert DATA.keys() == BEFORE.keys()


@pytest.mark.parametrize("logical_id", DATA)
def test_data_outlives_the_stack_and_every_update(logical_id: str) -> None:
    """But for the bucket of a first creation that fails: nothing is in it then.

    A protected table cannot be deleted even then: the roll-back would fail, and with it the next try.
    """
    protected = DATA[logical_id]["Properties"].get("DeletionProtectionEnabled", False)
    assert protected is (DATA[logical_id]["Type"] == "AWS::DynamoDB::Table")
    assert DATA[logical_id]["DeletionPolicy"] == ("Retain" if protected else "RetainExceptOnCreate")
    assert DATA[logical_id]["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("logical_id", DATA)
def test_the_name_is_cloudformations_own(logical_id: str) -> None:
    assert STATEFUL[DATA[logical_id]["Type"]] not in properties_of(logical_id, "generated")


@pytest.mark.parametrize("logical_id", DATA)
def test_a_stack_of_an_earlier_version_keeps_its_data(logical_id: str) -> None:
    """Another name would replace the bucket and the tables by empty ones."""
    assert properties_of(logical_id, "fixed")[STATEFUL[DATA[logical_id]["Type"]]] == BEFORE[logical_id]


@pytest.mark.parametrize(("data_names", "guard"), GUARD.items())
def test_other_data_names_make_a_resource_anew_whose_name_is_taken(data_names: str, guard: str) -> None:
    """CloudFormation makes what is new before it deletes what is gone, so such an update cannot begin."""
    assert called(GUARDED, data_names) == [guard]


@pytest.mark.parametrize("logical_id", DATA)
def test_no_data_is_made_anew_before_that_name_was_free(logical_id: str) -> None:
    wanted = set(references(DATA[logical_id]["Properties"], scope_with("generated").conditions))
    assert GUARD["generated"] in wanted
    kept = set(references(DATA[logical_id]["Properties"], scope_with("fixed").conditions))
    assert kept.isdisjoint(GUARD.values()), "a stack that keeps its names changes nothing"
