"""A sample application is deployed onto the local AWS, and every setting of its template is there to be read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from localaws.context import Context
from localaws.local_aws import LocalAws
from localaws.service_api import AwsError, Call, Operation, Service
from localaws.services.cloudformation.resources.stack import Stack
from localaws.services.cloudformation.service import CloudFormation
from localaws.tests.deploying import NotDeployedError, deploy
from localaws.tests.interpreters import INTERPRETERS

SAMPLE = Path(__file__).parent / "sample_app"
STACK = "sample"
ARN = "arn:aws:{}:us-east-1:123456789012:{}"


@dataclass
class Recording:
    """Stands for a service of our own: keeps what it is told, answers what a deployment reads from an answer."""

    name: str
    answers: Mapping[str, Mapping[str, Any] | AwsError]
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {operation: self._answering(operation) for operation in self.answers}

    def _answering(self, operation: str) -> Operation:
        def answer(params: dict[str, Any], _call: Call) -> dict[str, Any]:
            self.calls.append((operation, params))
            found = self.answers[operation]
            if isinstance(found, AwsError):
                raise found
            return dict(found)

        return answer

    def params(self, operation: str) -> list[dict[str, Any]]:
        return [params for name, params in self.calls if name == operation]


def recording_services() -> dict[str, Recording]:
    missing = AwsError("ResourceNotFoundException", "Nothing has that name yet.", 404)
    lambdas: dict[str, dict[str, Any] | AwsError] = {
        "CreateFunction": {"FunctionArn": ARN.format("lambda", "function:echo")},
        "PublishLayerVersion": {"LayerVersionArn": ARN.format("lambda", "layer:sample-dev:1")},
        "CreateEventSourceMapping": {"UUID": "mapping-1"},
        "PutFunctionConcurrency": {},
        "PutFunctionEventInvokeConfig": {},
        "GetFunctionEventInvokeConfig": missing,
        "AddPermission": {},
    }
    rules: dict[str, dict[str, Any] | AwsError] = {
        "DescribeRule": missing,
        "PutRule": {"RuleArn": ARN.format("events", "rule/r")},
        "PutTargets": {"FailedEntryCount": 0},
    }
    alarms: dict[str, dict[str, Any] | AwsError] = {
        "DescribeAlarms": {},
        "PutMetricAlarm": {},
        "GetDashboard": missing,
        "PutDashboard": {},
    }
    return {
        "lambda": Recording("lambda", lambdas),
        "events": Recording("events", rules),
        "cloudwatch": Recording("cloudwatch", alarms),
    }


@dataclass
class Deployed:
    aws: LocalAws
    stack: Stack
    services: Mapping[str, Recording]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    recordings = recording_services()

    def services(context: Context) -> list[Service]:
        return [CloudFormation(context), *recordings.values()]

    with LocalAws(tmp_path_factory.mktemp("run"), INTERPRETERS, services=services) as aws:
        yield Deployed(aws, deploy(aws, SAMPLE, STACK, {"AlarmThreshold": "7"}), recordings)


def test_the_stack_can_be_described_as_on_aws(deployed: Deployed) -> None:
    client = deployed.aws.client("cloudformation")
    (stack,) = client.describe_stacks(StackName=STACK)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert {"ParameterKey": "Stage", "ParameterValue": "dev"} in stack["Parameters"]
    outputs = {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}
    assert outputs == {
        "BucketName": "sample-dev-123456789012",
        "MachineArn": ARN.format("states", "stateMachine:sample-dev"),
    }
    resources = client.list_stack_resources(StackName=STACK)["StackResourceSummaries"]
    ids = {item["LogicalResourceId"]: item["PhysicalResourceId"] for item in resources}
    assert ids["DataBucket"] == "sample-dev-123456789012"
    assert "OnlyInProd" not in ids
    assert set(ids) == set(deployed.stack.resources)
    one = client.describe_stack_resource(StackName=STACK, LogicalResourceId="News")["StackResourceDetail"]
    assert one["PhysicalResourceId"] == ARN.format("sns", "sample-dev-news")


def test_a_bucket_has_every_setting(deployed: Deployed) -> None:
    s3, name = deployed.aws.client("s3"), deployed.stack.output("BucketName")
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    encryption = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
    assert encryption[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert block == dict.fromkeys(block, True)
    assert len(block) == 4
    ownership = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    rules = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert [rule["ID"] for rule in rules] == ["old", "parts"]
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == [{"Key": "application", "Value": "sample"}]
    policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
    assert policy["Statement"][0]["Resource"][1] == f"arn:aws:s3:::{name}/*"


def test_queues_and_topics_have_every_setting(deployed: Deployed) -> None:
    sqs, sns = deployed.aws.client("sqs"), deployed.aws.client("sns")
    inbox, lost = deployed.stack.physical_id("Inbox"), deployed.stack.resources["Lost"]
    attributes = sqs.get_queue_attributes(QueueUrl=inbox, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "60"
    redrive = json.loads(attributes["RedrivePolicy"])
    assert redrive["deadLetterTargetArn"] == lost.attributes["Arn"]
    assert int(redrive["maxReceiveCount"]) == 3
    (statement,) = json.loads(attributes["Policy"])["Statement"]
    assert statement["Resource"] == attributes["QueueArn"]
    subscription = sns.get_subscription_attributes(SubscriptionArn=deployed.stack.physical_id("NewsToInbox"))
    assert subscription["Attributes"]["RawMessageDelivery"] == "true"
    assert json.loads(subscription["Attributes"]["FilterPolicy"]) == {"kind": ["good"]}
    topic = sns.get_topic_attributes(TopicArn=deployed.stack.physical_id("News"))["Attributes"]
    assert topic["DisplayName"] == "News"
    assert json.loads(topic["Policy"])["Statement"][0]["Action"] == "sns:Publish"


def test_a_table_has_every_setting(deployed: Deployed) -> None:
    dynamodb, name = deployed.aws.client("dynamodb"), deployed.stack.physical_id("Records")
    table = dynamodb.describe_table(TableName=name)["Table"]
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["pk", "sk"]
    assert table["SSEDescription"]["Status"] == "ENABLED"
    expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    assert expiry == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_a_function_is_created_as_written(deployed: Deployed) -> None:
    service = deployed.services["lambda"]
    (function,) = service.params("CreateFunction")
    assert function["Layers"] == [ARN.format("lambda", "layer:sample-dev:1")]
    assert function["Timeout"] == 10
    assert function["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": "/sample/dev/echo"}
    assert function["Environment"]["Variables"]["SAMPLE_TABLE"] == deployed.stack.physical_id("Records")
    assert function["Role"] == deployed.stack.resources["EchoFunctionRole"].attributes["Arn"]
    code = deployed.aws.client("s3").get_object(Bucket=function["Code"]["S3Bucket"], Key=function["Code"]["S3Key"])
    assert code["Body"].read().startswith(b"PK")
    (concurrency,) = service.params("PutFunctionConcurrency")
    assert concurrency["ReservedConcurrentExecutions"] == 1
    (mapping,) = service.params("CreateEventSourceMapping")
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    (failure,) = service.params("PutFunctionEventInvokeConfig")
    lost = deployed.stack.resources["Lost"].attributes["Arn"]
    assert failure["DestinationConfig"] == {"OnFailure": {"Destination": lost}}


def test_rules_have_their_targets(deployed: Deployed) -> None:
    service = deployed.services["events"]
    patterns = [json.loads(rule["EventPattern"]) for rule in service.params("PutRule")]
    assert {"source": ["aws.s3"], "detail-type": ["Object Created"]} in patterns
    targets = [target for params in service.params("PutTargets") for target in params["Targets"]]
    assert len(targets) == 2
    retried = next(target for target in targets if "RetryPolicy" in target)
    assert retried["DeadLetterConfig"]["Arn"] == deployed.stack.resources["Lost"].attributes["Arn"]


def test_a_state_machine_is_defined_with_its_substitutions(deployed: Deployed) -> None:
    machine = deployed.aws.client("stepfunctions").describe_state_machine(
        stateMachineArn=deployed.stack.output("MachineArn")
    )
    echo = json.loads(machine["definition"])["States"]["Echo"]
    assert echo["Parameters"]["FunctionName"] == ARN.format("lambda", "function:echo")
    assert machine["loggingConfiguration"]["level"] == "ERROR"
    assert machine["tracingConfiguration"] == {"enabled": True}


def test_roles_have_inline_shared_and_aws_managed_policies(deployed: Deployed) -> None:
    iam, role = deployed.aws.client("iam"), deployed.stack.physical_id("EchoFunctionRole")
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    arns = {policy["PolicyArn"] for policy in attached}
    assert deployed.stack.physical_id("SharedPolicy") in arns
    assert "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole" in arns
    assert "arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole" in arns
    inline = iam.list_role_policies(RoleName=role)["PolicyNames"]
    assert sorted(inline) == ["EchoFunctionEventInvokeConfigOnFailureSQSPolicy", "EchoFunctionRolePolicy0"]


def test_operators_find_logs_alarms_and_parameters(deployed: Deployed) -> None:
    (group,) = deployed.aws.client("logs").describe_log_groups(logGroupNamePrefix="/sample/dev")["logGroups"]
    assert group["retentionInDays"] == 7
    value = deployed.aws.client("ssm").get_parameter(Name="/sample/dev/stack")["Parameter"]["Value"]
    assert json.loads(value)["table"] == deployed.stack.physical_id("Records")
    (alarm,) = deployed.services["cloudwatch"].params("PutMetricAlarm")
    assert alarm["Threshold"] == 7.0
    assert alarm["EvaluationPeriods"] == 1
    assert alarm["AlarmActions"] == []


def write_template(folder: Path, resource: str) -> Path:
    folder.joinpath("template.yaml").write_text(f"Resources:\n  Thing: {resource}\n")
    return folder


@pytest.mark.parametrize(
    ("resource", "named"),
    [
        pytest.param(
            "{Type: AWS::SQS::Queue, Properties: {Colour: blue}}", "Thing .AWS::SQS::Queue.*Colour", id="property"
        ),
        pytest.param(
            "{Type: AWS::S3::Bucket, Properties: {VersioningConfiguration: {Stat: x}}}",
            "Thing .AWS::S3::Bucket.*VersioningConfiguration.Stat",
            id="nested property",
        ),
        pytest.param(
            "{Type: AWS::SNS::Subscription, Properties: {Protocol: sqs, TopicArn: 'arn:aws:sns:us-east-1:1:no'}}",
            "Thing .AWS::SNS::Subscription.*Subscribe",
            id="refused by the API",
        ),
    ],
)
def test_what_cannot_be_made_is_an_error_by_name(
    deployed: Deployed, tmp_path: Path, request: pytest.FixtureRequest, resource: str, named: str
) -> None:
    stack_name = request.node.callspec.id.replace(" ", "-")
    with pytest.raises(NotDeployedError, match=named):
        deploy(deployed.aws, write_template(tmp_path, resource), stack_name, {})
    (stack,) = deployed.aws.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"


def test_an_unknown_resource_type_is_an_error_by_name(deployed: Deployed, tmp_path: Path) -> None:
    template = write_template(tmp_path, "{Type: AWS::Nimbus2000::Broom}")
    with pytest.raises(NotDeployedError, match=r"Thing: type AWS::Nimbus2000::Broom"):
        deploy(deployed.aws, template, "unknown-type", {})
