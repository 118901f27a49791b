"""A stage is updated in place, removed but for its data, and deployed again, with the stock SAM CLI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localaws.local_aws import LocalAws
from tests.builders.documented_commands import documented, documented_removals, stage_of, typed
from tests.contract.documented.conftest import Deployed

STACK = "sluice-dev"
KEPT = {"DataBucket", "StateTable", "ResultsTable"}  # have a deletion policy
FUNCTION = "RecordOutcomeFunction"
ITEM = {"pk": {"S": "model#fraud"}, "sk": {"S": "state"}}


@dataclass(frozen=True, slots=True)
class Seen:
    """A stack at rest, seen from outside."""

    said: str  # by the command that brought it there
    status: str
    ids: Mapping[str, str]  # physical by logical
    digests: Mapping[str, str]  # of each function's code, by logical id
    layers: Mapping[str, list[str]]  # of each function


def look(aws: LocalAws, stack: str, said: str = "") -> Seen:
    client, functions = aws.client("cloudformation"), aws.client("lambda")
    pages = client.get_paginator("list_stack_resources").paginate(StackName=stack)
    resources = [each for page in pages for each in page["StackResourceSummaries"]]
    ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in resources}
    configurations = {
        each["LogicalResourceId"]: functions.get_function_configuration(FunctionName=each["PhysicalResourceId"])
        for each in resources
        if each["ResourceType"] == "AWS::Lambda::Function"
    }
    return Seen(
        said,
        client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"],
        ids,
        {name: each["CodeSha256"] for name, each in configurations.items()},
        {name: [layer["Arn"] for layer in each["Layers"]] for name, each in configurations.items()},
    )


def command_of_dev() -> str:
    return next(command for command in documented("sam deploy") if stage_of(command) == "dev")


def deployment_alone() -> str:
    build, _, deployment = command_of_dev().partition(" && ")
    assert build == "sam build"
    return deployment


def read_data(aws: LocalAws, ids: Mapping[str, str]) -> tuple[bytes, Any]:
    body: bytes = aws.client("s3").get_object(Bucket=ids["DataBucket"], Key="specs/kept.txt")["Body"].read()
    return body, aws.client("dynamodb").get_item(TableName=ids["StateTable"], Key=ITEM).get("Item")


@pytest.fixture(scope="module")
def first(aws: LocalAws, deployed: Mapping[str, Deployed]) -> Seen:
    """The stage as it was first deployed, with data in it."""
    seen = look(aws, STACK, deployed["dev"].said)
    aws.client("s3").put_object(Bucket=seen.ids["DataBucket"], Key="specs/kept.txt", Body=b"data")
    aws.client("dynamodb").put_item(TableName=seen.ids["StateTable"], Item=ITEM)
    return seen


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert text.count(old) == 1, f"{file}: {text.count(old)} times {old!r}"
    file.write_text(text.replace(old, new))


@pytest.fixture(scope="module")
def updated(aws: LocalAws, checkout: Path, first: Seen) -> Seen:
    """The stage after changed code, a changed policy, an added and a removed resource, and a changed parameter."""
    template = checkout / "template.yaml"
    with (checkout / "functions" / "record_outcome" / "app.py").open("a") as code:
        code.write("\n# changed\n")
    change(template, "dynamodb:GetItem # which test is under way", "dynamodb:Query")
    change(template, "  OutcomeDeadLettersAlarm:\n", "  AnotherAlarm:\n")
    change(template, "AlarmName: !Sub sluice-${Stage}-outcome-dead-letters", "AlarmName: !Sub sluice-${Stage}-another")
    command = f'{command_of_dev()} --parameter-overrides "Stage=dev LogRetentionDays=7"'
    done = typed(command, checkout, aws)
    assert done.returncode == 0, done.stdout
    return look(aws, STACK, done.stdout)


@pytest.fixture(scope="module")
def removed(aws: LocalAws, checkout: Path, updated: Seen) -> dict[str, Any]:
    """The stack's own description after it was removed."""
    client = aws.client("cloudformation")
    arn = client.describe_stacks(StackName=STACK)["Stacks"][0]["StackId"]
    (command,) = documented_removals()
    done = typed(f"{command} --no-prompts", checkout, aws)
    assert done.returncode == 0, done.stdout
    (stack,) = client.describe_stacks(StackName=arn)["Stacks"]
    return {**stack, "Resources": client.describe_stack_resources(StackName=arn)["StackResources"]}


@pytest.fixture(scope="module")
def again(aws: LocalAws, checkout: Path, removed: dict[str, Any]) -> Seen:
    """The same stage after the same command was typed once more; what was built is still there."""
    done = typed(deployment_alone(), checkout, aws)
    assert done.returncode == 0, done.stdout
    return look(aws, STACK, done.stdout)


def test_changed_code_arrives_in_its_function_and_nowhere_else(first: Seen, updated: Seen) -> None:
    assert updated.status == "UPDATE_COMPLETE"
    assert {name for name in first.digests if first.digests[name] != updated.digests[name]} == {FUNCTION}
    assert updated.ids[FUNCTION] == first.ids[FUNCTION]
    assert updated.layers == first.layers


def test_a_changed_policy_is_in_force(aws: LocalAws, updated: Seen) -> None:
    granted = {grant.action for grant in aws.grants(updated.ids[f"{FUNCTION}Role"])}
    assert "dynamodb:Query" in granted
    assert "dynamodb:GetItem" not in granted


def test_an_added_resource_is_there_and_a_removed_one_gone(aws: LocalAws, first: Seen, updated: Seen) -> None:
    assert updated.ids.keys() - first.ids.keys() == {"AnotherAlarm"}
    assert first.ids.keys() - updated.ids.keys() == {"OutcomeDeadLettersAlarm"}
    alarms = {each["AlarmName"] for each in aws.client("cloudwatch").describe_alarms()["MetricAlarms"]}
    assert "sluice-dev-another" in alarms
    assert "sluice-dev-outcome-dead-letters" not in alarms


def test_a_changed_parameter_takes_effect(aws: LocalAws, updated: Seen) -> None:
    groups = aws.client("logs").describe_log_groups(logGroupNamePrefix=updated.ids["SweepLogGroup"])["logGroups"]
    assert [group["retentionInDays"] for group in groups] == [7]


def test_an_update_replaces_nothing(first: Seen, updated: Seen) -> None:
    both = first.ids.keys() & updated.ids.keys()
    assert {name: first.ids[name] for name in both} == {name: updated.ids[name] for name in both}
    assert "True" not in updated.said.partition("stack changeset")[2].partition("Changeset created")[0]


def test_an_update_leaves_the_data_alone(aws: LocalAws, updated: Seen, first: Seen) -> None:
    assert read_data(aws, first.ids) == (b"data", ITEM)


def test_a_removed_stage_leaves_what_has_a_deletion_policy(aws: LocalAws, first: Seen, removed: dict[str, Any]) -> None:
    assert removed["StackStatus"] == "DELETE_COMPLETE"
    kept = {each["LogicalResourceId"] for each in removed["Resources"] if each["ResourceStatus"] == "DELETE_SKIPPED"}
    assert kept == KEPT
    assert read_data(aws, first.ids) == (b"data", ITEM)


def test_a_removed_stage_can_be_deployed_again_beside_its_old_data(aws: LocalAws, first: Seen, again: Seen) -> None:
    assert again.status == "CREATE_COMPLETE"
    assert {name for name in KEPT if again.ids[name] == first.ids[name]} == set()
    assert read_data(aws, first.ids) == (b"data", ITEM)
    assert aws.client("s3").list_objects_v2(Bucket=again.ids["DataBucket"])["KeyCount"] == 0


def test_the_other_stage_is_not_touched(aws: LocalAws, deployed: Mapping[str, Deployed], again: Seen) -> None:
    prod = look(aws, "sluice-prod")
    assert prod.status == "CREATE_COMPLETE"
    assert prod.ids["StateTable"] in aws.client("dynamodb").list_tables()["TableNames"]


def test_what_is_as_it_was_is_not_deployed(aws: LocalAws, checkout: Path, again: Seen) -> None:
    done = typed(deployment_alone(), checkout, aws)
    assert done.returncode == 0, done.stdout
    assert "No changes to deploy" in done.stdout
