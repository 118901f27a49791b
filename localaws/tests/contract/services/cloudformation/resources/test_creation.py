"""What cannot be created, because its name is taken or something in it is wrong, leaves nothing behind."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from localaws.services.cloudformation.resources.creation import AlreadyExistsError
from localaws.services.cloudformation.template.errors import PropertyError
from localaws.tests.contract.services.cloudformation.resources.bench import Bench, Properties, trust


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
