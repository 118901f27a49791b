"""A resource of each type is created, updated and deleted through the APIs of one local AWS."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.context import Context
from localaws.local_aws import ACCOUNT, LocalAws
from localaws.service_api import Service
from localaws.services.cloudformation.resources import HANDLERS
from localaws.services.cloudformation.resources.creation import AlreadyExistsError, Creation
from localaws.services.cloudformation.resources.handler import changed_properties
from localaws.services.cloudformation.resources.stack import DeployedResource, Made
from localaws.services.cloudformation.template.errors import PropertyError
from localaws.services.cloudwatch.service import CloudWatch
from localaws.services.events.service import EventBridge
from localaws.services.lambda_.service import Lambda
from localaws.services.scheduler.service import Scheduler
from localaws.tests.interpreters import INTERPRETERS

Properties = dict[str, Any]
REGION = "us-east-1"
HANDLER = "def handler(event, context):\n    return {answer!r}\n"


def trust(service: str) -> dict[str, Any]:
    principal = {"Service": f"{service}.amazonaws.com"}
    return policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def may(action: str) -> dict[str, Any]:
    return policy({"Effect": "Allow", "Action": action, "Resource": "*"})


def zipped(answer: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", HANDLER.format(answer=answer))
    return buffer.getvalue()


@dataclass
class Bench:
    """Does what the engine does with a handler: creates, updates and deletes, one resource at a time."""

    aws: LocalAws
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = self.aws.client(service)
        return self.clients[service]

    def create(self, kind: str, logical_id: str = "Thing", **properties: Any) -> DeployedResource:
        made = HANDLERS[kind].create(self.creation(kind, logical_id, properties))
        return self.deployed(kind, logical_id, properties, made)

    def update(self, deployed: DeployedResource, **changes: Any) -> DeployedResource:
        """With these properties changed; one that is None is removed from the template."""
        merged = {**deployed.properties, **changes}
        properties = {name: value for name, value in merged.items() if value is not None}
        handler = HANDLERS[deployed.type]
        assert not changed_properties(deployed.properties, properties) & handler.replaced_by
        creation = self.creation(deployed.type, deployed.logical_id, properties)
        made = handler.update(creation, deployed)
        assert made.physical_id == deployed.physical_id
        return self.deployed(deployed.type, deployed.logical_id, properties, made)

    def delete(self, deployed: DeployedResource) -> None:
        """Twice: what is gone already is no error."""
        for _ in range(2):
            creation = self.creation(deployed.type, deployed.logical_id, {})
            HANDLERS[deployed.type].delete(creation, deployed)

    def creation(self, kind: str, logical_id: str, properties: Mapping[str, Any]) -> Creation:
        return Creation(
            stack="shop-dev",
            logical_id=logical_id,
            type=kind,
            account=ACCOUNT,
            region=REGION,
            properties=dict(properties),
            client=self.client,
        )

    def deployed(self, kind: str, logical_id: str, properties: Properties, made: Made) -> DeployedResource:
        return DeployedResource(
            logical_id=logical_id,
            type=kind,
            physical_id=made.physical_id,
            attributes=made.attributes,
            properties=dict(properties),
            created_at=datetime.now(UTC),
            duration_seconds=0.0,
        )

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"

    def code(self, key: str, answer: str) -> dict[str, str]:
        """Upload a function's code."""
        self.client("s3").put_object(Bucket="artifacts", Key=key, Body=zipped(answer))
        return {"S3Bucket": "artifacts", "S3Key": key}

    def role(self, logical_id: str, service: str = "lambda", *actions: str) -> DeployedResource:
        policies = [{"PolicyName": "own", "PolicyDocument": may(action)} for action in actions]
        return self.create("AWS::IAM::Role", logical_id, AssumeRolePolicyDocument=trust(service), Policies=policies)

    def function(self, logical_id: str, answer: str = "first", **settings: Any) -> DeployedResource:
        role = self.role(f"{logical_id}Role", "lambda", "sqs:*")
        return self.create(
            "AWS::Lambda::Function",
            logical_id,
            Code=self.code(f"{logical_id}-1", answer),
            Handler="app.handler",
            Runtime="python3.13",
            Role=role.attributes["Arn"],
            **settings,
        )

    def queue_attributes(self, url: str) -> Mapping[str, str]:
        sqs = self.client("sqs")
        attributes: Mapping[str, str] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return attributes


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    def services(context: Context) -> Sequence[Service]:
        metrics, bus = CloudWatch(context), EventBridge(context)
        context.metrics, context.bus = metrics, bus
        return [metrics, bus, Lambda(context), Scheduler(context)]

    with LocalAws(tmp_path_factory.mktemp("run"), INTERPRETERS, services=services) as aws:
        made = Bench(aws)
        made.client("s3").create_bucket(Bucket="artifacts")
        yield made


def error_code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_function_gets_new_code_settings_and_limits_and_loses_them_again(bench: Bench) -> None:
    lambda_ = bench.client("lambda")
    function = bench.function(
        "Worker",
        Timeout=30,
        Environment={"Variables": {"MODE": "one"}},
        TracingConfig={"Mode": "Active"},
        LoggingConfig={"LogFormat": "JSON", "LogGroup": "/shop/worker"},
        ReservedConcurrentExecutions=3,
        Tags=[{"Key": "part", "Value": "worker"}],
    )
    name = function.physical_id
    assert name.startswith("shop-dev-Worker-")
    assert json.loads(lambda_.invoke(FunctionName=name)["Payload"].read()) == "first"
    revised = bench.update(
        function,
        Code=bench.code("Worker-2", "second"),
        Timeout=40,
        Environment={"Variables": {"MODE": "two"}},
        ReservedConcurrentExecutions=4,
        Tags=[{"Key": "team", "Value": "shop"}],
    )
    shown = lambda_.get_function(FunctionName=name)
    assert shown["Configuration"]["Timeout"] == 40
    assert shown["Configuration"]["Environment"]["Variables"] == {"MODE": "two"}
    assert shown["Concurrency"] == {"ReservedConcurrentExecutions": 4}
    assert shown["Tags"] == {"team": "shop"}
    assert json.loads(lambda_.invoke(FunctionName=name)["Payload"].read()) == "second"
    bare = bench.update(
        revised,
        Timeout=None,
        Environment=None,
        TracingConfig=None,
        LoggingConfig=None,
        ReservedConcurrentExecutions=None,
        Tags=None,
    )
    shown = lambda_.get_function(FunctionName=name)
    assert shown["Configuration"]["Timeout"] == 3
    assert "Environment" not in shown["Configuration"]
    assert shown["Configuration"]["TracingConfig"] == {"Mode": "PassThrough"}
    assert shown["Configuration"]["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"}
    assert "Concurrency" not in shown
    assert "Tags" not in shown
    with pytest.raises(PropertyError, match="property VpcConfig: not supported"):
        bench.update(bare, VpcConfig={"SubnetIds": []})
    bench.delete(bare)
    with pytest.raises(ClientError) as refused:
        lambda_.get_function(FunctionName=name)
    assert error_code(refused) == "ResourceNotFoundException"


def test_a_name_that_is_taken_is_refused(bench: Bench) -> None:
    """Those whose API would silently take over what is there; the others refuse by themselves."""
    bench.client("s3").create_bucket(Bucket="taken")
    bench.client("sqs").create_queue(QueueName="taken")
    bench.client("sns").create_topic(Name="taken")
    bench.client("events").put_rule(Name="taken", ScheduleExpression="rate(1 day)")
    bench.client("cloudwatch").put_dashboard(DashboardName="taken", DashboardBody='{"widgets": []}')
    taken: list[tuple[str, Properties]] = [
        ("AWS::S3::Bucket", {"BucketName": "taken"}),
        ("AWS::SQS::Queue", {"QueueName": "taken"}),
        ("AWS::SNS::Topic", {"TopicName": "taken"}),
        ("AWS::Events::Rule", {"Name": "taken", "ScheduleExpression": "rate(1 hour)"}),
        ("AWS::CloudWatch::Dashboard", {"DashboardName": "taken", "DashboardBody": "{}"}),
    ]
    for kind, properties in taken:
        with pytest.raises(AlreadyExistsError, match=f"'{kind}' with identifier 'taken' already exists"):
            bench.create(kind, **properties)
    by_themselves: list[tuple[str, Properties]] = [
        ("AWS::Logs::LogGroup", {"LogGroupName": "taken"}),
        ("AWS::IAM::Role", {"RoleName": "taken", "AssumeRolePolicyDocument": trust("lambda")}),
        ("AWS::SSM::Parameter", {"Name": "/taken", "Type": "String", "Value": "x"}),
        ("AWS::Scheduler::ScheduleGroup", {"Name": "taken"}),
    ]
    for kind, properties in by_themselves:
        bench.create(kind, **properties)
        with pytest.raises(ClientError, match="already exists"):
            bench.create(kind, **properties)


def test_a_creation_that_fails_leaves_nothing_behind(bench: Bench) -> None:
    half: list[tuple[str, Properties, str]] = [
        ("AWS::S3::Bucket", {"BucketName": "half", "VersioningConfiguration": {"Stat": "x"}}, "Configuration.Stat"),
        ("AWS::SQS::Queue", {"QueueName": "half", "Colour": "blue"}, "property Colour"),
        (
            "AWS::Events::Rule",
            {"Name": "half", "ScheduleExpression": "rate(1 day)", "Targets": [{"Id": "a", "Arn": "nowhere"}]},
            "not an ARN",
        ),
    ]
    for kind, properties, problem in half:
        for _ in range(2):  # not "already exists" the second time
            with pytest.raises((ClientError, PropertyError), match=problem):
                bench.create(kind, **properties)


def test_a_layer_version_is_published_anew_and_the_old_one_deleted(bench: Bench) -> None:
    lambda_ = bench.client("lambda")
    first = bench.create("AWS::Lambda::LayerVersion", LayerName="shared", Content=bench.code("layer", "x"))
    assert changed_properties(first.properties, {**first.properties, "Content": {}}) <= HANDLERS[first.type].replaced_by
    second = bench.create("AWS::Lambda::LayerVersion", LayerName="shared", Content=bench.code("layer", "y"))
    assert [one.physical_id.rsplit(":", 1)[1] for one in (first, second)] == ["1", "2"]
    bench.delete(first)
    with pytest.raises(ClientError) as refused:
        lambda_.get_layer_version(LayerName="shared", VersionNumber=1)
    assert error_code(refused) == "ResourceNotFoundException"
    third = bench.create("AWS::Lambda::LayerVersion", LayerName="shared", Content=bench.code("layer", "z"))
    assert third.physical_id.endswith(":3"), "the number of a deleted version is not given again"


def test_a_permission_is_added_beside_the_one_it_replaces(bench: Bench) -> None:
    name = bench.function("Called").physical_id
    given = {"FunctionName": name, "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"}
    first = bench.create("AWS::Lambda::Permission", SourceArn=bench.arn("events", "rule/a"), **given)
    second = bench.create("AWS::Lambda::Permission", SourceArn=bench.arn("events", "rule/b"), **given)
    bench.delete(first)
    (statement,) = json.loads(bench.client("lambda").get_policy(FunctionName=name)["Policy"])["Statement"]
    assert statement["Sid"] == second.physical_id


def test_a_mapping_is_changed_in_place(bench: Bench) -> None:
    function, other = bench.function("Reader"), bench.function("OtherReader")
    queue = bench.create("AWS::SQS::Queue", "Inbox")
    mapping = bench.create(
        "AWS::Lambda::EventSourceMapping",
        EventSourceArn=queue.attributes["Arn"],
        FunctionName=function.physical_id,
        BatchSize=100,
        MaximumBatchingWindowInSeconds=1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        Enabled=False,
    )
    more = bench.update(mapping, BatchSize=50, FunctionName=other.physical_id, Tags=[{"Key": "a", "Value": "b"}])
    lambda_ = bench.client("lambda")
    shown = lambda_.get_event_source_mapping(UUID=mapping.physical_id)
    assert (shown["BatchSize"], shown["FunctionArn"]) == (50, other.attributes["Arn"])
    assert lambda_.list_tags(Resource=mapping.attributes["EventSourceMappingArn"])["Tags"] == {"a": "b"}
    with pytest.raises(ClientError, match="Maximum batch window must be at least 1"):
        bench.update(more, MaximumBatchingWindowInSeconds=None)
    bare = bench.update(
        more, BatchSize=None, MaximumBatchingWindowInSeconds=None, FunctionResponseTypes=None, Tags=None
    )
    shown = lambda_.get_event_source_mapping(UUID=mapping.physical_id)
    assert (shown["BatchSize"], shown["MaximumBatchingWindowInSeconds"]) == (10, 0)
    assert shown["FunctionResponseTypes"] == []
    bench.delete(bare)
    assert lambda_.list_event_source_mappings()["EventSourceMappings"] == []


def test_what_happens_to_failed_asynchronous_invocations_is_changed_in_place(bench: Bench) -> None:
    name, lost = bench.function("Async").physical_id, bench.arn("sqs", "lost")
    to_queue = {"OnFailure": {"Destination": lost}}
    where = {"FunctionName": name, "Qualifier": "$LATEST"}
    config = bench.create("AWS::Lambda::EventInvokeConfig", MaximumRetryAttempts=0, DestinationConfig=to_queue, **where)
    with pytest.raises(AlreadyExistsError):
        bench.create("AWS::Lambda::EventInvokeConfig", **where)
    bare = bench.update(config, DestinationConfig=None, MaximumRetryAttempts=1)
    shown = bench.client("lambda").get_function_event_invoke_config(FunctionName=name)
    assert shown["MaximumRetryAttempts"] == 1
    assert "DestinationConfig" not in shown
    bench.delete(bare)
    with pytest.raises(ClientError) as refused:
        bench.client("lambda").get_function_event_invoke_config(FunctionName=name)
    assert error_code(refused) == "ResourceNotFoundException"


def test_a_role_gains_and_loses_policies(bench: Bench) -> None:
    iam, managed = bench.client("iam"), "arn:aws:iam::aws:policy/{}".format
    role = bench.create(
        "AWS::IAM::Role",
        AssumeRolePolicyDocument=trust("lambda"),
        Policies=[
            {"PolicyName": "kept", "PolicyDocument": may("s3:GetObject")},
            {"PolicyName": "dropped", "PolicyDocument": may("s3:PutObject")},
        ],
        ManagedPolicyArns=[managed("AWSXrayWriteOnlyAccess")],
        Description="Before",
        MaxSessionDuration=7200,
        Tags=[{"Key": "a", "Value": "1"}],
    )
    name = role.physical_id
    changed = bench.update(
        role,
        AssumeRolePolicyDocument=trust("states"),
        Policies=[
            {"PolicyName": "kept", "PolicyDocument": may("s3:ListBucket")},
            {"PolicyName": "new", "PolicyDocument": may("sns:Publish")},
        ],
        ManagedPolicyArns=[managed("ReadOnlyAccess")],
        Description=None,
        MaxSessionDuration=None,
        Tags=None,
    )
    assert sorted(iam.list_role_policies(RoleName=name)["PolicyNames"]) == ["kept", "new"]
    kept = iam.get_role_policy(RoleName=name, PolicyName="kept")["PolicyDocument"]
    assert kept["Statement"][0]["Action"] == "s3:ListBucket"
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [one["PolicyName"] for one in attached] == ["ReadOnlyAccess"]
    shown = iam.get_role(RoleName=name)["Role"]
    assert shown["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "states.amazonaws.com"}
    assert (shown.get("Description", ""), shown["MaxSessionDuration"], shown.get("Tags", [])) == ("", 3600, [])
    iam.put_role_policy(RoleName=name, PolicyName="by-hand", PolicyDocument=json.dumps(may("s3:*")))
    with pytest.raises(ClientError, match="must delete policies first"):
        bench.delete(changed)
    iam.delete_role_policy(RoleName=name, PolicyName="by-hand")
    bench.delete(changed)
    with pytest.raises(ClientError) as refused:
        iam.get_role(RoleName=name)
    assert error_code(refused) == "NoSuchEntity"


def test_policies_of_roles_move_with_their_resource(bench: Bench) -> None:
    iam = bench.client("iam")
    first, second = (bench.role(name).physical_id for name in ("First", "Second"))

    def inline(role: str) -> list[str]:
        names: list[str] = iam.list_role_policies(RoleName=role)["PolicyNames"]
        return names

    shared = bench.create("AWS::IAM::Policy", PolicyName="shared", PolicyDocument=may("s3:*"), Roles=[first])
    moved = bench.update(shared, PolicyName="renamed", Roles=[second])
    assert (inline(first), inline(second)) == ([], ["renamed"])
    bench.delete(moved)
    own = bench.create("AWS::IAM::RolePolicy", RoleName=first, PolicyName="own", PolicyDocument=may("s3:*"))
    with pytest.raises(AlreadyExistsError):
        bench.create("AWS::IAM::RolePolicy", RoleName=first, PolicyName="own", PolicyDocument=may("s3:*"))
    narrowed = bench.update(own, PolicyDocument=may("s3:GetObject"))
    found = iam.get_role_policy(RoleName=first, PolicyName="own")["PolicyDocument"]
    assert found["Statement"][0]["Action"] == "s3:GetObject"
    bench.delete(narrowed)
    assert (inline(first), inline(second)) == ([], [])


def test_a_managed_policy_keeps_at_most_five_versions(bench: Bench) -> None:
    iam = bench.client("iam")
    first, second = (bench.role(name).physical_id for name in ("Reader", "Writer"))
    managed = bench.create("AWS::IAM::ManagedPolicy", PolicyDocument=may("s3:a"), Roles=[first])
    for letter in "bcdefg":
        managed = bench.update(managed, PolicyDocument=may(f"s3:{letter}"))
    managed = bench.update(managed, Roles=[second])
    arn = managed.physical_id
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert len(versions) == 5
    (current,) = (one["VersionId"] for one in versions if one["IsDefaultVersion"])
    document = iam.get_policy_version(PolicyArn=arn, VersionId=current)["PolicyVersion"]["Document"]
    assert document["Statement"][0]["Action"] == "s3:g"
    assert iam.list_attached_role_policies(RoleName=first)["AttachedPolicies"] == []
    bench.delete(managed)
    assert iam.list_attached_role_policies(RoleName=second)["AttachedPolicies"] == []


def test_a_rule_gains_changes_and_loses_targets(bench: Bench) -> None:
    events, queue = bench.client("events"), bench.arn("sqs", "inbox")
    rule = bench.create(
        "AWS::Events::Rule",
        Description="Before",
        EventPattern={"source": ["a"]},
        Targets=[{"Id": "one", "Arn": queue}, {"Id": "two", "Arn": queue}],
        Tags=[{"Key": "a", "Value": "1"}],
    )
    changed = bench.update(
        rule,
        Description=None,
        EventPattern={"source": ["b"]},
        State="DISABLED",
        Targets=[{"Id": "two", "Arn": queue, "Input": "{}"}, {"Id": "three", "Arn": queue}],
        Tags=[{"Key": "b", "Value": "2"}],
    )
    shown = events.describe_rule(Name=rule.physical_id)
    assert (shown["EventPattern"], shown["State"]) == ('{"source": ["b"]}', "DISABLED")
    assert "Description" not in shown
    targets = events.list_targets_by_rule(Rule=rule.physical_id)["Targets"]
    assert {one["Id"]: one.get("Input") for one in targets} == {"two": "{}", "three": None}
    tags = events.list_tags_for_resource(ResourceARN=rule.attributes["Arn"])["Tags"]
    assert tags == [{"Key": "b", "Value": "2"}]
    with pytest.raises(PropertyError, match="property EventBusName: a rule cannot be moved"):
        bench.update(changed, EventBusName="other")
    bench.delete(changed)
    with pytest.raises(ClientError) as refused:
        events.describe_rule(Name=rule.physical_id)
    assert error_code(refused) == "ResourceNotFoundException"


def test_a_schedule_and_its_group_are_changed_in_place(bench: Bench) -> None:
    scheduler = bench.client("scheduler")
    role = bench.role("Scheduling", "scheduler", "sqs:SendMessage").attributes["Arn"]
    group = bench.create("AWS::Scheduler::ScheduleGroup", "Group", Tags=[{"Key": "a", "Value": "1"}])
    group = bench.update(group, Tags=[{"Key": "b", "Value": "2"}])
    tags = scheduler.list_tags_for_resource(ResourceArn=group.attributes["Arn"])["Tags"]
    assert tags == [{"Key": "b", "Value": "2"}]
    schedule = bench.create(
        "AWS::Scheduler::Schedule",
        GroupName=group.physical_id,
        ScheduleExpression="rate(1 day)",
        Description="Daily",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": bench.arn("sqs", "inbox"), "RoleArn": role},
    )
    schedule = bench.update(schedule, ScheduleExpression="rate(2 days)", Description=None)
    shown = scheduler.get_schedule(GroupName=group.physical_id, Name=schedule.physical_id)
    assert shown["ScheduleExpression"] == "rate(2 days)"
    assert "Description" not in shown
    with pytest.raises(PropertyError, match="property GroupName: a schedule cannot be moved"):
        bench.update(schedule, GroupName="other")
    bench.delete(schedule)
    bench.delete(group)
    assert group.physical_id not in [one["Name"] for one in scheduler.list_schedule_groups()["ScheduleGroups"]]


def test_a_state_machine_is_changed_while_an_execution_keeps_its_definition(bench: Bench) -> None:
    states = bench.client("stepfunctions")
    role = bench.role("Machine", "states").attributes["Arn"]
    waiting = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}
    machine = bench.create(
        "AWS::StepFunctions::StateMachine",
        DefinitionString=json.dumps(waiting).replace("600", "${Seconds}"),
        DefinitionSubstitutions={"Seconds": 600},
        RoleArn=role,
        TracingConfiguration={"Enabled": True},
        LoggingConfiguration={"Level": "ERROR"},
        Tags=[{"Key": "a", "Value": "1"}],
    )
    arn = machine.physical_id
    execution = states.start_execution(stateMachineArn=arn)["executionArn"]
    changed = bench.update(
        machine,
        DefinitionSubstitutions={"Seconds": 5},
        TracingConfiguration=None,
        LoggingConfiguration=None,
        Tags=[{"Key": "b", "Value": "2"}],
    )
    shown = states.describe_state_machine(stateMachineArn=arn)
    assert json.loads(shown["definition"])["States"]["W"]["Seconds"] == 5
    assert (shown["tracingConfiguration"], shown["loggingConfiguration"]["level"]) == ({"enabled": False}, "OFF")
    assert states.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "b", "value": "2"}]
    running = states.describe_state_machine_for_execution(executionArn=execution)
    assert json.loads(running["definition"])["States"]["W"]["Seconds"] == 600
    assert states.describe_execution(executionArn=execution)["status"] == "RUNNING"
    bench.delete(changed)
    with pytest.raises(ClientError) as refused:
        states.describe_state_machine(stateMachineArn=arn)
    assert error_code(refused) == "StateMachineDoesNotExist"


def test_a_queue_and_its_policy_return_to_their_defaults(bench: Bench) -> None:
    lost = bench.create("AWS::SQS::Queue", "Lost").attributes["Arn"]
    queue = bench.create(
        "AWS::SQS::Queue",
        "Orders",
        VisibilityTimeout=60,
        MessageRetentionPeriod=1209600,
        RedrivePolicy={"deadLetterTargetArn": lost, "maxReceiveCount": 3},
        Tags=[{"Key": "a", "Value": "1"}],
    )
    url, send = queue.physical_id, {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage"}
    admission = policy({**send, "Resource": queue.attributes["Arn"]})
    admitted = bench.create("AWS::SQS::QueuePolicy", Queues=[url], PolicyDocument=admission)
    changed = bench.update(queue, VisibilityTimeout=90, MessageRetentionPeriod=None, RedrivePolicy=None, Tags=None)
    attributes = bench.queue_attributes(url)
    assert (attributes["VisibilityTimeout"], attributes["MessageRetentionPeriod"]) == ("90", "345600")
    assert "RedrivePolicy" not in attributes
    assert json.loads(attributes["Policy"]) == admission, "other attributes are left as they are"
    assert not bench.client("sqs").list_queue_tags(QueueUrl=url).get("Tags")
    other = bench.create("AWS::SQS::Queue", "Others").physical_id
    moved = bench.update(admitted, Queues=[other])
    assert "Policy" not in bench.queue_attributes(url)
    bench.delete(moved)
    assert "Policy" not in bench.queue_attributes(other)
    bench.delete(changed)
    with pytest.raises(ClientError, match="does not exist"):
        bench.queue_attributes(url)


def test_a_topic_its_policy_and_its_subscription_return_to_their_defaults(bench: Bench) -> None:
    sns = bench.client("sns")
    queue = bench.arn("sqs", "pager")
    topic = bench.create(
        "AWS::SNS::Topic",
        "News",
        DisplayName="News",
        Subscription=[{"Protocol": "sqs", "Endpoint": queue}],
        Tags=[{"Key": "a", "Value": "1"}],
    )
    arn = topic.physical_id
    before = json.loads(sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])
    publishing = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish"}
    open_to_events = policy({**publishing, "Resource": arn})
    rights = bench.create("AWS::SNS::TopicPolicy", Topics=[arn], PolicyDocument=open_to_events)
    other = bench.arn("sqs", "other")
    subscription = bench.create(
        "AWS::SNS::Subscription",
        TopicArn=arn,
        Protocol="sqs",
        Endpoint=other,
        RawMessageDelivery=True,
        FilterPolicy={"kind": ["good"]},
        FilterPolicyScope="MessageBody",
    )
    bare = bench.update(subscription, RawMessageDelivery=None, FilterPolicy=None, FilterPolicyScope=None)
    shown = sns.get_subscription_attributes(SubscriptionArn=bare.physical_id)["Attributes"]
    assert (shown["RawMessageDelivery"], shown.get("FilterPolicy", "")) == ("false", "")
    changed = bench.update(topic, DisplayName=None, Subscription=None, Tags=[{"Key": "b", "Value": "2"}])
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == ""
    endpoints = [one["Endpoint"] for one in sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]]
    assert endpoints == [other]
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    bench.delete(rights)
    after = json.loads(sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])
    assert after == before, "a topic without a policy of its own has the one that a new topic has"
    bench.delete(bare)
    bench.delete(changed)
    with pytest.raises(ClientError) as refused:
        sns.get_topic_attributes(TopicArn=arn)
    assert error_code(refused) == "NotFound"


def test_a_table_is_changed_in_place_and_its_items_stay(bench: Bench) -> None:
    dynamodb, key = bench.client("dynamodb"), [{"AttributeName": "pk", "KeyType": "HASH"}]
    table = bench.create(
        "AWS::DynamoDB::Table",
        "Orders",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=key,
        BillingMode="PAY_PER_REQUEST",
        TimeToLiveSpecification={"AttributeName": "expires", "Enabled": True},
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        Tags=[{"Key": "a", "Value": "1"}],
    )
    name = table.physical_id
    assert name.startswith("shop-dev-Orders-")
    dynamodb.put_item(TableName=name, Item={"pk": {"S": "kept"}, "since": {"S": "today"}})
    index = {
        "IndexName": "by-date",
        "KeySchema": [{"AttributeName": "since", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    indexed = bench.update(
        table,
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "since", "AttributeType": "S"},
        ],
        GlobalSecondaryIndexes=[index],
        TimeToLiveSpecification=None,
        PointInTimeRecoverySpecification=None,
        DeletionProtectionEnabled=True,
        Tags=None,
    )
    found = dynamodb.query(
        TableName=name,
        IndexName="by-date",
        KeyConditionExpression="since = :day",
        ExpressionAttributeValues={":day": {"S": "today"}},
    )
    assert found["Count"] == 1
    assert dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED"
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"
    two = [{**index, "IndexName": name} for name in ("first", "second")]
    with pytest.raises(PropertyError, match="more than one GSI creation or deletion"):
        bench.update(indexed, GlobalSecondaryIndexes=[index, *two])
    with pytest.raises(PropertyError, match="the type of pk cannot be changed"):
        bench.update(indexed, AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "N"}])
    with pytest.raises(ClientError, match="while DeletionProtectionEnabled is set"):
        bench.delete(indexed)
    bench.delete(bench.update(indexed, DeletionProtectionEnabled=None, GlobalSecondaryIndexes=None))
    assert name not in dynamodb.list_tables()["TableNames"]


def test_a_bucket_loses_its_settings_but_not_its_objects(bench: Bench) -> None:
    s3 = bench.client("s3")
    bucket = bench.create(
        "AWS::S3::Bucket",
        "Uploads",
        VersioningConfiguration={"Status": "Enabled"},
        BucketEncryption={
            "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]
        },
        PublicAccessBlockConfiguration={"BlockPublicAcls": True},
        OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        LifecycleConfiguration={"Rules": [{"Id": "old", "Status": "Enabled", "ExpirationInDays": 3}]},
        NotificationConfiguration={"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
        Tags=[{"Key": "a", "Value": "1"}],
    )
    name = bucket.physical_id
    assert name == name.lower()
    assert name.startswith("shop-dev-uploads-")
    deny = policy({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{name}/*"})
    rights = bench.create("AWS::S3::BucketPolicy", Bucket=name, PolicyDocument=deny)
    with pytest.raises(AlreadyExistsError):
        bench.create("AWS::S3::BucketPolicy", Bucket=name, PolicyDocument=deny)
    narrower = policy({**deny["Statement"][0], "Action": "s3:PutObject"})
    rights = bench.update(rights, PolicyDocument=narrower)
    assert json.loads(s3.get_bucket_policy(Bucket=name)["Policy"]) == narrower
    bench.delete(rights)
    s3.put_object(Bucket=name, Key="kept", Body=b"x")
    changed = bench.update(
        bucket,
        LifecycleConfiguration={"Rules": [{"Id": "new", "Status": "Enabled", "ExpirationInDays": 9}]},
        Tags=[{"Key": "b", "Value": "2"}],
    )
    assert [rule["ID"] for rule in s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]] == ["new"]
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == [{"Key": "b", "Value": "2"}]
    bare = bench.update(changed, **dict.fromkeys(changed.properties))
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Suspended"
    for read in (
        s3.get_bucket_lifecycle_configuration,
        s3.get_bucket_ownership_controls,
        s3.get_bucket_tagging,
        s3.get_public_access_block,
    ):
        with pytest.raises(ClientError) as refused:
            read(Bucket=name)
        assert error_code(refused).startswith(("NoSuch", "OwnershipControlsNotFound"))
    assert "EventBridgeConfiguration" not in s3.get_bucket_notification_configuration(Bucket=name)
    with pytest.raises(ClientError, match="The bucket you tried to delete is not empty"):
        bench.delete(bare)
    versions = s3.list_object_versions(Bucket=name)["Versions"]
    for version in versions:
        s3.delete_object(Bucket=name, Key=version["Key"], VersionId=version["VersionId"])
    bench.delete(bare)
    assert name not in [one["Name"] for one in s3.list_buckets()["Buckets"]]


def test_what_operators_see_is_changed_in_place(bench: Bench) -> None:
    logs, ssm, cloudwatch = (bench.client(name) for name in ("logs", "ssm", "cloudwatch"))
    group = bench.create("AWS::Logs::LogGroup", RetentionInDays=7, Tags=[{"Key": "a", "Value": "1"}])
    group = bench.update(group, RetentionInDays=14, Tags=[{"Key": "b", "Value": "2"}])
    (shown,) = logs.describe_log_groups(logGroupNamePrefix=group.physical_id)["logGroups"]
    assert shown["retentionInDays"] == 14
    arn = group.attributes["Arn"].removesuffix(":*")
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}
    group = bench.update(group, RetentionInDays=None)
    (shown,) = logs.describe_log_groups(logGroupNamePrefix=group.physical_id)["logGroups"]
    assert "retentionInDays" not in shown
    with pytest.raises(PropertyError, match="property KmsKeyId: not supported"):
        bench.update(group, KmsKeyId="key")

    parameter = bench.create("AWS::SSM::Parameter", Name="/shop", Type="String", Value="a", Description="x")
    parameter = bench.update(parameter, Value="b", Description=None, Tags={"a": "1"})
    (described,) = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": ["/shop"]}])["Parameters"]
    assert (ssm.get_parameter(Name="/shop")["Parameter"]["Value"], described.get("Description", "")) == ("b", "")
    assert parameter.attributes["Value"] == "b"

    alarm = bench.create(
        "AWS::CloudWatch::Alarm",
        Namespace="Shop",
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        AlarmDescription="x",
        Tags=[{"Key": "a", "Value": "1"}],
    )
    alarm = bench.update(alarm, Threshold=2, AlarmDescription=None, Tags=[{"Key": "b", "Value": "2"}])
    (shown,) = cloudwatch.describe_alarms(AlarmNames=[alarm.physical_id])["MetricAlarms"]
    assert (shown["Threshold"], shown.get("AlarmDescription")) == (2.0, None)
    tags = cloudwatch.list_tags_for_resource(ResourceARN=alarm.attributes["Arn"])["Tags"]
    assert tags == [{"Key": "b", "Value": "2"}]
    both = bench.create("AWS::CloudWatch::CompositeAlarm", AlarmName="both", AlarmRule=f"ALARM({alarm.physical_id})")
    both = bench.update(both, AlarmRule=f"OK({alarm.physical_id})")
    with pytest.raises(AlreadyExistsError):
        bench.create("AWS::CloudWatch::CompositeAlarm", AlarmName="both", AlarmRule="TRUE")
    dashboard = bench.create("AWS::CloudWatch::Dashboard", DashboardBody='{"widgets": []}')
    dashboard = bench.update(dashboard, DashboardBody='{"widgets": [], "start": "-PT1H"}')
    assert "start" in cloudwatch.get_dashboard(DashboardName=dashboard.physical_id)["DashboardBody"]

    for each in (dashboard, both, alarm, parameter, group):
        bench.delete(each)
    assert cloudwatch.list_dashboards(DashboardNamePrefix=dashboard.physical_id)["DashboardEntries"] == []
    found = cloudwatch.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    assert (found["MetricAlarms"], found["CompositeAlarms"]) == ([], [])
    assert logs.describe_log_groups(logGroupNamePrefix=group.physical_id)["logGroups"] == []
