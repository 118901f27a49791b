"""Stacks and change sets as boto3 and the AWS CLI ask for them: AWS's statuses, errors and waiters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from localaws.local_aws import LocalAws
from localaws.serve import client_environment
from localaws.services.cloudformation.service import CloudFormation
from localaws.tests.interpreters import INTERPRETERS

WAIT = {"Delay": 0.05, "MaxAttempts": 400}
QUEUE = {"Type": "AWS::SQS::Queue"}
ROLE = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ],
        }
    },
}
NAMED_ROLE = {**ROLE, "Properties": {**ROLE["Properties"], "RoleName": "mine"}}  # type: ignore[dict-item]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    run_dir = tmp_path_factory.mktemp("run")
    with LocalAws(run_dir, INTERPRETERS, services=lambda context: [CloudFormation(context)]) as local:
        yield local


@pytest.fixture
def client(aws: LocalAws) -> Any:
    return aws.client("cloudformation")


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A stack of each test's own."""
    return "s-" + "".join(letter if letter.isalnum() else "-" for letter in request.node.name)[5:100]


def body(resources: Mapping[str, Any], **sections: Any) -> str:
    return json.dumps({"Resources": resources, **sections})


def created(client: Any, name: str, resources: Mapping[str, Any], **options: Any) -> None:
    client.create_stack(StackName=name, TemplateBody=body(resources), **options)
    client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=WAIT)


def change_set(client: Any, name: str, resources: Mapping[str, Any], kind: str = "UPDATE", **options: Any) -> Any:
    """A change set as it is when it has come to rest."""
    which = {"StackName": name, "ChangeSetName": options.pop("ChangeSetName", "next")}
    client.create_change_set(**which, ChangeSetType=kind, TemplateBody=body(resources), **options)
    try:
        client.get_waiter("change_set_create_complete").wait(**which, WaiterConfig=WAIT)
    except WaiterError as error:
        return error.last_response
    return client.describe_change_set(**which)


def status_of(client: Any, name: str) -> str:
    status: str = client.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    return status


def statuses(client: Any, name: str, logical_id: str) -> list[str]:
    """What became of a resource, the latest last."""
    pages = client.get_paginator("describe_stack_events").paginate(StackName=name)
    events = [event for page in pages for event in page["StackEvents"] if event["LogicalResourceId"] == logical_id]
    return [event["ResourceStatus"] for event in reversed(events)]


# ---------------------------------------------------------------------- change sets


def test_a_change_set_makes_a_stack_that_waits_for_review(client: Any, name: str) -> None:
    made = change_set(client, name, {"Q": QUEUE}, "CREATE")
    assert (made["Status"], made["ExecutionStatus"]) == ("CREATE_COMPLETE", "AVAILABLE")
    (change,) = made["Changes"]
    assert change["ResourceChange"]["Action"] == "Add"
    assert status_of(client, name) == "REVIEW_IN_PROGRESS"
    client.execute_change_set(StackName=name, ChangeSetName="next")
    client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=WAIT)
    assert statuses(client, name, name) == ["REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    assert client.describe_change_set(StackName=name, ChangeSetName="next")["ExecutionStatus"] == "EXECUTE_COMPLETE"


def test_a_change_set_without_changes_fails_in_the_words_that_clients_look_for(client: Any, name: str) -> None:
    created(client, name, {"Q": QUEUE})
    empty = change_set(client, name, {"Q": QUEUE})
    assert (empty["Status"], empty["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert empty["StatusReason"].startswith("The submitted information didn't contain changes.")
    with pytest.raises(ClientError, match=r"InvalidChangeSetStatus.*cannot be executed in its current status of"):
        client.execute_change_set(StackName=name, ChangeSetName="next")
    with pytest.raises(ClientError, match=r"ValidationError.*No updates are to be performed"):
        client.update_stack(StackName=name, TemplateBody=body({"Q": QUEUE}))


def test_changes_come_in_pages(client: Any, name: str) -> None:
    which = {"StackName": name, "ChangeSetName": "next"}
    change_set(client, name, {f"Q{number}": QUEUE for number in range(130)}, "CREATE")
    pages = list(client.get_paginator("describe_change_set").paginate(**which))
    assert [len(page["Changes"]) for page in pages] == [100, 30]
    client.delete_change_set(**which)
    with pytest.raises(ClientError, match="ChangeSetNotFound"):
        client.describe_change_set(**which)


def test_an_executed_change_set_removes_the_others(client: Any, name: str) -> None:
    created(client, name, {"Q": QUEUE})
    change_set(client, name, {"Q": QUEUE, "Other": QUEUE}, ChangeSetName="other")
    change_set(client, name, {"Q": QUEUE, "New": QUEUE})
    assert len(client.list_change_sets(StackName=name)["Summaries"]) == 2
    client.execute_change_set(StackName=name, ChangeSetName="next")
    client.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig=WAIT)
    (left,) = client.list_change_sets(StackName=name)["Summaries"]
    assert left["ChangeSetName"] == "next"


# ---------------------------------------------------------------------- what the caller must acknowledge


@pytest.mark.parametrize(
    ("role", "given", "missing"),
    [
        pytest.param(ROLE, [], "CAPABILITY_IAM", id="a role"),
        pytest.param(NAMED_ROLE, ["CAPABILITY_IAM"], "CAPABILITY_NAMED_IAM", id="a role with a name"),
    ],
)
def test_roles_must_be_acknowledged(
    client: Any, name: str, role: dict[str, Any], given: list[str], missing: str
) -> None:
    template = {"StackName": name, "TemplateBody": body({"R": role}), "Capabilities": given}
    refusal = rf"InsufficientCapabilitiesException.*Requires capabilities : \[{missing}\]"
    with pytest.raises(ClientError, match=refusal):
        client.create_stack(**template)
    with pytest.raises(ClientError, match=refusal):
        client.create_change_set(**template, ChangeSetName="next", ChangeSetType="CREATE")
    with pytest.raises(ClientError, match="does not exist"):
        client.describe_stacks(StackName=name)


SAM = {"Transform": "AWS::Serverless-2016-10-31"}
FUNCTION = {
    "Type": "AWS::Serverless::Function",
    "Properties": {"Runtime": "python3.13", "Handler": "a.b", "CodeUri": "s3://code/key"},
}


def test_a_transform_must_be_acknowledged_unless_a_change_set_is_reviewed(client: Any, name: str) -> None:
    template = {"StackName": name, "TemplateBody": body({"F": FUNCTION}, **SAM)}
    with pytest.raises(ClientError, match=r"Requires capabilities : \[CAPABILITY_AUTO_EXPAND\]"):
        client.create_stack(**template, Capabilities=["CAPABILITY_IAM"])
    with pytest.raises(ClientError, match=r"Requires capabilities : \[CAPABILITY_IAM\]"):
        client.create_stack(**template, Capabilities=["CAPABILITY_AUTO_EXPAND"])


def test_roles_that_a_transform_makes_fail_the_change_set(client: Any, name: str) -> None:
    which = {"StackName": name, "ChangeSetName": "next"}
    client.create_change_set(**which, ChangeSetType="CREATE", TemplateBody=body({"F": FUNCTION}, **SAM))
    with pytest.raises(WaiterError) as failed:
        client.get_waiter("change_set_create_complete").wait(**which, WaiterConfig=WAIT)
    assert failed.value.last_response["StatusReason"] == "Requires capabilities : [CAPABILITY_IAM]"


# ---------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("- a", "Template format error: unsupported structure", id="a list"),
        pytest.param("Description: x", "At least one Resources member must be defined", id="no resources"),
        pytest.param(
            "Resources: {A: {}}", r"\[/Resources/A\] Every Resources object must contain a Type", id="no type"
        ),
        pytest.param("Resources: {A: {Type: AWS::Odd::Thing}}", "AWS::Odd::Thing is not supported", id="unknown type"),
        pytest.param(
            '{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}, "Outputs": {"O": {}}}', "Output O is", id="output"
        ),
        pytest.param("x" * 51_201, "less than or equal to 51200", id="too long"),
    ],
)
def test_a_wrong_template_is_refused(client: Any, name: str, text: str, problem: str) -> None:
    with pytest.raises(ClientError, match=f"ValidationError.*{problem}"):
        client.create_stack(StackName="wrong", TemplateBody=text)
    with pytest.raises(ClientError, match="Stack with id wrong does not exist"):
        client.describe_stacks(StackName="wrong")


@pytest.mark.parametrize(
    "option",
    [
        {"RoleARN": "arn:aws:iam::123456789012:role/deployer-of-all"},
        {"StackPolicyBody": "{}"},
        {"TimeoutInMinutes": 5},
    ],
    ids=lambda option: next(iter(option)),
)
def test_what_would_have_no_effect_is_refused_by_name(client: Any, name: str, option: dict[str, Any]) -> None:
    (named,) = option
    with pytest.raises(ClientError, match=f"CreateStack: {named} is not served by the local CloudFormation"):
        client.create_stack(StackName=name, TemplateBody=body({"Q": QUEUE}), **option)


def test_a_stack_exists_once(client: Any, name: str) -> None:
    created(client, name, {"Q": QUEUE})
    with pytest.raises(ClientError, match=rf"AlreadyExistsException.*Stack \[{name}\] already exists"):
        client.create_stack(StackName=name, TemplateBody=body({"Q": QUEUE}))
    with pytest.raises(ClientError, match="already exists and cannot be created again with the changeSet"):
        change_set(client, name, {"Q": QUEUE}, "CREATE")


def test_a_failed_creation_is_rolled_back_and_can_only_be_deleted(client: Any, name: str) -> None:
    odd = {"Type": "AWS::SQS::Queue", "DependsOn": "Q", "Properties": {"Colour": "blue"}}
    client.create_stack(StackName=name, TemplateBody=body({"Q": QUEUE, "Odd": odd}))
    with pytest.raises(WaiterError):
        client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=WAIT)
    assert status_of(client, name) == "ROLLBACK_COMPLETE"
    assert statuses(client, name, "Q")[-1] == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        client.update_stack(StackName=name, TemplateBody=body({"Q": QUEUE}))
    client.delete_stack(StackName=name)
    client.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=WAIT)
    created(client, name, {"Q": QUEUE})


def test_an_update_that_cannot_be_applied_is_rolled_back(aws: LocalAws, client: Any, name: str) -> None:
    queue: dict[str, Any] = {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 60}}
    created(client, name, {"Q": queue})
    odd = {**queue, "Properties": {"VisibilityTimeout": 90, "Colour": "blue"}}
    client.update_stack(StackName=name, TemplateBody=body({"Q": odd}))
    with pytest.raises(WaiterError):
        client.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig=WAIT)
    assert status_of(client, name) == "UPDATE_ROLLBACK_COMPLETE"
    url = client.describe_stack_resource(StackName=name, LogicalResourceId="Q")["StackResourceDetail"]
    attributes = aws.client("sqs").get_queue_attributes(
        QueueUrl=url["PhysicalResourceId"], AttributeNames=["VisibilityTimeout"]
    )["Attributes"]
    assert attributes == {"VisibilityTimeout": "60"}


def test_a_custom_name_that_exists_fails_the_resource(aws: LocalAws, client: Any, name: str) -> None:
    aws.client("s3").create_bucket(Bucket="taken-before")
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "taken-before"}}
    client.create_stack(StackName=name, TemplateBody=body({"B": bucket}))
    with pytest.raises(WaiterError):
        client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=WAIT)
    events = client.describe_stack_events(StackName=name)["StackEvents"]
    (reason,) = [each["ResourceStatusReason"] for each in events if each["ResourceStatus"] == "CREATE_FAILED"]
    assert "already exists" in reason
    assert "taken-before" in [bucket["Name"] for bucket in aws.client("s3").list_buckets()["Buckets"]]


# ---------------------------------------------------------------------- deletion


def test_a_bucket_with_objects_keeps_its_stack_from_being_deleted(aws: LocalAws, client: Any, name: str) -> None:
    created(client, name, {"B": {"Type": "AWS::S3::Bucket"}, "Q": QUEUE})
    resource = client.describe_stack_resource(StackName=name, LogicalResourceId="B")["StackResourceDetail"]
    aws.client("s3").put_object(Bucket=resource["PhysicalResourceId"], Key="k", Body=b"v")
    client.delete_stack(StackName=name)
    with pytest.raises(WaiterError):
        client.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=WAIT)
    (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "DELETE_FAILED"
    assert stack["StackStatusReason"] == "The following resource(s) failed to delete: [B]. "
    client.delete_stack(StackName=name, RetainResources=["B"])
    client.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=WAIT)
    assert client.describe_stacks(StackName=stack["StackId"])["Stacks"][0]["StackStatus"] == "DELETE_COMPLETE"


def test_a_protected_stack_is_not_deleted(client: Any, name: str) -> None:
    created(client, name, {"Q": QUEUE}, EnableTerminationProtection=True)
    with pytest.raises(ClientError, match="cannot be deleted while TerminationProtection is enabled"):
        client.delete_stack(StackName=name)
    client.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    client.delete_stack(StackName=name)
    client.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=WAIT)


def test_deleting_what_is_not_there_is_fine(client: Any) -> None:
    client.delete_stack(StackName="never-made")


# ---------------------------------------------------------------------- parameters, tags, outputs


PARAMETERS = {"Colour": {"Type": "String", "Default": "red", "AllowedValues": ["red", "blue"], "Description": "Of it"}}
OUTPUTS = {"Colour": {"Value": {"Ref": "Colour"}, "Export": {"Name": "colour"}}}


def test_a_changed_parameter_alone_is_a_change(client: Any, name: str) -> None:
    text = body({"Q": QUEUE}, Parameters=PARAMETERS, Outputs=OUTPUTS)
    client.create_stack(StackName=name, TemplateBody=text, Tags=[{"Key": "team", "Value": "a"}])
    client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=WAIT)
    assert client.list_exports()["Exports"][0]["Value"] == "red"
    blue = {"ParameterKey": "Colour", "ParameterValue": "blue"}
    client.update_stack(StackName=name, UsePreviousTemplate=True, Parameters=[blue])
    client.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig=WAIT)
    (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    assert stack["Parameters"] == [blue]
    assert stack["Outputs"][0]["OutputValue"] == "blue"
    assert stack["Tags"] == [{"Key": "team", "Value": "a"}]
    previous = [{"ParameterKey": "Colour", "UsePreviousValue": True}]
    with pytest.raises(ClientError, match="No updates are to be performed"):
        client.update_stack(StackName=name, UsePreviousTemplate=True, Parameters=previous)
    client.delete_stack(StackName=name)


def test_a_template_says_what_it_takes_and_needs(client: Any) -> None:
    text = body({"F": FUNCTION}, Parameters=PARAMETERS, Description="Paints", **SAM)
    summary = client.get_template_summary(TemplateBody=text)
    (parameter,) = summary["Parameters"]
    assert (parameter["DefaultValue"], parameter["ParameterConstraints"]) == ("red", {"AllowedValues": ["red", "blue"]})
    assert summary["Capabilities"] == ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    assert summary["DeclaredTransforms"] == [SAM["Transform"]]
    assert client.validate_template(TemplateBody=text)["Description"] == "Paints"


def test_the_template_is_given_back_as_it_was_and_as_it_was_processed(client: Any, name: str) -> None:
    text = 'Resources:\n  Q: {Type: "AWS::SQS::Queue"} # as written\n'
    client.create_stack(StackName=name, TemplateBody=text)
    client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=WAIT)
    assert client.get_template(StackName=name)["TemplateBody"] == text
    processed = client.get_template(StackName=name, TemplateStage="Processed")["TemplateBody"]
    assert processed == {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}


# ---------------------------------------------------------------------- the AWS CLI


def test_the_aws_cli_deploys_updates_and_deletes(aws: LocalAws, client: Any, name: str, tmp_path: Path) -> None:
    environment = {**client_environment(aws.endpoint_url, aws.region), "PATH": os.environ["PATH"]}

    def aws_cli(*arguments: str) -> str:
        command = [sys.executable, "-m", "awscli", "cloudformation", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        ended = int(time.time())
        while int(time.time()) == ended:  # the AWS CLI names its change sets by the second, and a name is used once
            time.sleep(0.05)
        return done.stdout

    file = tmp_path / "template.json"
    file.write_text(body({"Q": QUEUE}))
    deployment = ("deploy", "--stack-name", name, "--template-file", str(file))
    aws_cli(*deployment)
    assert status_of(client, name) == "CREATE_COMPLETE"
    assert "No changes to deploy" in aws_cli(*deployment, "--no-fail-on-empty-changeset")
    file.write_text(body({"Q": QUEUE, "New": QUEUE}))
    aws_cli(*deployment)
    assert status_of(client, name) == "UPDATE_COMPLETE"
    aws_cli("delete-stack", "--stack-name", name)
    with pytest.raises(ClientError, match=f"Stack with id {name} does not exist"):
        client.describe_stacks(StackName=name)
