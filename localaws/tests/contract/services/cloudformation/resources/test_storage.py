"""Tables and buckets are created, updated and deleted, and what operators see with them."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from localaws.services.cloudformation.resources.creation import AlreadyExistsError
from localaws.services.cloudformation.template.errors import PropertyError
from localaws.tests.contract.services.cloudformation.resources.bench import Bench, error_code, policy

NEW_RULE = {"Id": "new", "Status": "Enabled", "ExpirationInDays": 9}


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
        LifecycleConfiguration={"Rules": [NEW_RULE | {"TagFilters": [{"Key": "kind", "Value": "copy"}]}]},
        Tags=[{"Key": "b", "Value": "2"}],
    )
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert (rule["ID"], rule["Filter"]) == ("new", {"Tag": {"Key": "kind", "Value": "copy"}})
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
