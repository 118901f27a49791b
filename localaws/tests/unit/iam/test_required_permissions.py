"""Which IAM actions on which resources each call needs, in the words of AWS's service authorization reference."""

from __future__ import annotations

from typing import Any

import pytest

from localaws.iam.permissions.required import required
from localaws.service_api import Call

ROLE = "arn:aws:iam::123456789012:role/model"
REGIONAL = "us-east-1:123456789012"


def needed(service: str, operation: str, params: dict[str, Any]) -> list[tuple[str, str]]:
    call = Call(service=service, operation=operation, region="us-east-1", account="123456789012")
    return [(permission.action, permission.resource) for permission in required(call, params)]


SAGEMAKER = f"arn:aws:sagemaker:{REGIONAL}"


@pytest.mark.parametrize(
    ("call", "params", "expected"),
    [
        (
            "sagemaker-runtime InvokeEndpoint",
            {"EndpointName": "Spend", "Body": b""},
            [("sagemaker:InvokeEndpoint", f"{SAGEMAKER}:endpoint/spend")],
        ),
        ("sagemaker Search", {"Resource": "ModelPackage"}, [("sagemaker:Search", "*")]),
        (
            "iam SimulatePrincipalPolicy",
            {"PolicySourceArn": ROLE, "ActionNames": ["s3:PutObject"]},
            [("iam:SimulatePrincipalPolicy", ROLE)],
        ),
        (
            "sagemaker UpdateEndpoint",
            {"EndpointName": "e", "EndpointConfigName": "c"},
            [
                ("sagemaker:UpdateEndpoint", f"{SAGEMAKER}:endpoint/e"),
                ("sagemaker:UpdateEndpoint", f"{SAGEMAKER}:endpoint-config/c"),
            ],
        ),
        (
            "sagemaker CreateModel",
            {"ModelName": "m", "ExecutionRoleArn": ROLE, "Tags": [{"Key": "k", "Value": "v"}]},
            [
                ("sagemaker:CreateModel", f"{SAGEMAKER}:model/m"),
                ("sagemaker:AddTags", f"{SAGEMAKER}:model/m"),
                ("iam:PassRole", ROLE),
            ],
        ),
        (
            "sagemaker CreateTrainingJob",
            {"TrainingJobName": "t", "RoleArn": ROLE},
            [("sagemaker:CreateTrainingJob", f"{SAGEMAKER}:training-job/t"), ("iam:PassRole", ROLE)],
        ),
        ("sagemaker ListModelPackages", {"ModelPackageGroupName": "g"}, [("sagemaker:ListModelPackages", "*")]),
        (
            "sagemaker DescribeModelPackage",
            {"ModelPackageName": f"{SAGEMAKER}:model-package/g/3"},
            [("sagemaker:DescribeModelPackage", f"{SAGEMAKER}:model-package/g/3")],
        ),
        (
            "sagemaker CreateModelPackage",
            {"ModelPackageGroupName": "g"},
            [("sagemaker:CreateModelPackage", f"{SAGEMAKER}:model-package/g/*")],
        ),
        (
            "sagemaker StartPipelineExecution",
            {"PipelineName": "p"},
            [("sagemaker:StartPipelineExecution", f"{SAGEMAKER}:pipeline/p")],
        ),
        (
            "s3 CopyObject",
            {"Bucket": "to", "Key": "k", "CopySource": "/from/a%20b?versionId=3"},
            [("s3:GetObjectVersion", "arn:aws:s3:::from/a b"), ("s3:PutObject", "arn:aws:s3:::to/k")],
        ),
        (
            "s3 DeleteObjects",
            {"Bucket": "b", "Delete": {"Objects": [{"Key": "x"}, {"Key": "y", "VersionId": "1"}]}},
            [("s3:DeleteObject", "arn:aws:s3:::b/x"), ("s3:DeleteObjectVersion", "arn:aws:s3:::b/y")],
        ),
        ("s3 ListObjectsV2", {"Bucket": "b", "Prefix": "p"}, [("s3:ListBucket", "arn:aws:s3:::b")]),
        *(
            (
                f"s3 {write}",
                {"Bucket": "b", "Key": "k", "Tagging": "a=b"},
                [("s3:PutObjectTagging", "arn:aws:s3:::b/k"), ("s3:PutObject", "arn:aws:s3:::b/k")],
            )
            for write in ("PutObject", "CreateMultipartUpload")
        ),
        ("s3 DeleteObject", {"Bucket": "b", "Key": "k", "IfMatch": "*"}, [("s3:DeleteObject", "arn:aws:s3:::b/k")]),
        (
            "s3 DeleteObject",
            {"Bucket": "b", "Key": "k", "IfMatch": '"e"'},
            [("s3:GetObject", "arn:aws:s3:::b/k"), ("s3:DeleteObject", "arn:aws:s3:::b/k")],
        ),
        ("s3 HeadObject", {"Bucket": "b", "Key": "k"}, [("s3:GetObject", "arn:aws:s3:::b/k")]),
        ("s3 UploadPart", {"Bucket": "b", "Key": "k"}, [("s3:PutObject", "arn:aws:s3:::b/k")]),
        ("s3 ListBuckets", {}, [("s3:ListAllMyBuckets", "*")]),
        (
            "dynamodb TransactWriteItems",
            {"TransactItems": [{"Put": {"TableName": "t"}}, {"ConditionCheck": {"TableName": "u"}}]},
            [
                ("dynamodb:PutItem", f"arn:aws:dynamodb:{REGIONAL}:table/t"),
                ("dynamodb:ConditionCheckItem", f"arn:aws:dynamodb:{REGIONAL}:table/u"),
            ],
        ),
        (
            "dynamodb Query",
            {"TableName": "t", "IndexName": "i"},
            [("dynamodb:Query", f"arn:aws:dynamodb:{REGIONAL}:table/t/index/i")],
        ),
        (
            "ssm GetParameters",
            {"Names": ["/a/b", "c"]},
            [
                ("ssm:GetParameters", f"arn:aws:ssm:{REGIONAL}:parameter/a/b"),
                ("ssm:GetParameters", f"arn:aws:ssm:{REGIONAL}:parameter/c"),
            ],
        ),
        (
            "sqs SendMessageBatch",
            {"QueueUrl": "http://127.0.0.1:1/123456789012/q"},
            [("sqs:SendMessage", f"arn:aws:sqs:{REGIONAL}:q")],
        ),
        ("sns Publish", {"TopicArn": "arn:t"}, [("sns:Publish", "arn:t")]),
        (
            "lambda DeleteLayerVersion",
            {"LayerName": "shared", "VersionNumber": 3},
            [("lambda:DeleteLayerVersion", f"arn:aws:lambda:{REGIONAL}:layer:shared:3")],
        ),
        (
            "lambda UpdateEventSourceMapping",
            {"UUID": "u", "FunctionName": "f"},
            [("lambda:UpdateEventSourceMapping", f"arn:aws:lambda:{REGIONAL}:event-source-mapping:u")],
        ),
        (
            "events TagResource",
            {"ResourceARN": f"arn:aws:events:{REGIONAL}:rule/r"},
            [("events:TagResource", f"arn:aws:events:{REGIONAL}:rule/r")],
        ),
        (
            "lambda Invoke",
            {"FunctionName": "f"},
            [("lambda:InvokeFunction", f"arn:aws:lambda:{REGIONAL}:function:f")],
        ),
        (
            "stepfunctions CreateStateMachine",
            {"name": "m", "roleArn": ROLE},
            [("states:CreateStateMachine", f"arn:aws:states:{REGIONAL}:stateMachine:m"), ("iam:PassRole", ROLE)],
        ),
        ("stepfunctions SendTaskSuccess", {"taskToken": "t"}, [("states:SendTaskSuccess", "*")]),
        (
            "scheduler CreateSchedule",
            {"Name": "s", "Target": {"RoleArn": ROLE}},
            [("scheduler:CreateSchedule", f"arn:aws:scheduler:{REGIONAL}:schedule/default/s"), ("iam:PassRole", ROLE)],
        ),
        (
            "events PutRule",
            {"Name": "r", "EventBusName": "b"},
            [("events:PutRule", f"arn:aws:events:{REGIONAL}:rule/b/r")],
        ),
        (
            "cloudwatch DeleteAlarms",
            {"AlarmNames": ["a", "b"]},
            [
                ("cloudwatch:DeleteAlarms", f"arn:aws:cloudwatch:{REGIONAL}:alarm:a"),
                ("cloudwatch:DeleteAlarms", f"arn:aws:cloudwatch:{REGIONAL}:alarm:b"),
            ],
        ),
        ("cloudwatch DescribeAlarms", {}, [("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{REGIONAL}:alarm:*")]),
        (
            "cloudwatch DescribeAlarms",
            {"AlarmNames": ["a"]},
            [("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{REGIONAL}:alarm:a")],
        ),
        (
            "cloudwatch DescribeAlarms",
            {"AlarmNames": ["a"], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]},
            [("cloudwatch:DescribeAlarms", "*")],
        ),
        (
            "cloudwatch PutCompositeAlarm",
            {"AlarmName": "a", "AlarmRule": "TRUE"},
            [("cloudwatch:PutCompositeAlarm", "*")],
        ),
        ("cloudwatch GetMetricData", {"MetricDataQueries": []}, [("cloudwatch:GetMetricData", "*")]),
        (
            "logs PutLogEvents",
            {"logGroupName": "g", "logStreamName": "s"},
            [("logs:PutLogEvents", f"arn:aws:logs:{REGIONAL}:log-group:g:log-stream:s")],
        ),
        ("iam GetRole", {"RoleName": "r"}, [("iam:GetRole", "arn:aws:iam::123456789012:role/r")]),
        ("sts AssumeRole", {"RoleArn": ROLE}, [("sts:AssumeRole", ROLE)]),
        ("sts GetCallerIdentity", {}, []),
        ("kms Decrypt", {"KeyId": "k"}, [("kms:Decrypt", "*")]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_permissions_of(call: str, params: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    service, operation = call.split()
    assert needed(service, operation, params) == expected


@pytest.mark.parametrize(
    ("call", "params", "key", "value"),
    [
        (
            "sagemaker CreatePipeline",
            {"PipelineName": "p", "RoleArn": ROLE},
            "iam:PassedToService",
            "sagemaker.amazonaws.com",
        ),
        ("lambda CreateFunction", {"FunctionName": "f", "Role": ROLE}, "iam:PassedToService", "lambda.amazonaws.com"),
        ("stepfunctions UpdateStateMachine", {"roleArn": ROLE}, "iam:PassedToService", "states.amazonaws.com"),
        ("events PutEvents", {"Entries": [{"Source": "shop"}]}, "events:source", "shop"),
        ("cloudwatch PutMetricData", {"Namespace": "Shop"}, "cloudwatch:namespace", "Shop"),
        (
            "sagemaker CreateModelPackage",
            {"ModelPackageGroupName": "g", "ModelApprovalStatus": "Approved"},
            "sagemaker:ModelApprovalStatus",
            "Approved",
        ),
        (
            "sagemaker UpdateModelPackage",
            {"ModelPackageArn": f"{SAGEMAKER}:model-package/g/3", "ApprovalDescription": "a note"},
            "sagemaker:ModelApprovalStatus",
            None,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_condition_keys_of(call: str, params: dict[str, Any], key: str, value: str | None) -> None:
    service, operation = call.split()
    permissions = required(
        Call(service=service, operation=operation, region="us-east-1", account="123456789012"), params
    )
    assert value in [permission.context.get(key) for permission in permissions]


NORTH, SOUTH = {"S": "SHOP#north"}, {"S": "SHOP#south"}


@pytest.mark.parametrize(
    ("operation", "params", "keys"),
    [
        ("PutItem", {"TableName": "t", "Item": {"pk": NORTH, "sk": {"S": "x"}, "other": SOUTH}}, ("SHOP#north",)),
        ("UpdateItem", {"TableName": "t", "Key": {"pk": NORTH, "sk": {"S": "x"}}}, ("SHOP#north",)),
        (
            "Query",
            {
                "TableName": "t",
                "KeyConditionExpression": "#p = :pk AND begins_with(sk, :prefix)",
                "ExpressionAttributeNames": {"#p": "pk"},
                "ExpressionAttributeValues": {":pk": NORTH, ":prefix": SOUTH},
            },
            ("SHOP#north",),
        ),
        (
            "BatchWriteItem",
            {
                "RequestItems": {
                    "t": [{"PutRequest": {"Item": {"pk": NORTH}}}, {"DeleteRequest": {"Key": {"pk": SOUTH}}}]
                }
            },
            ("SHOP#north", "SHOP#south"),
        ),
        (
            "BatchGetItem",
            {"RequestItems": {"t": {"Keys": [{"pk": NORTH}, {"pk": SOUTH}]}}},
            ("SHOP#north", "SHOP#south"),
        ),
        (
            "TransactWriteItems",
            {"TransactItems": [{"Delete": {"TableName": "t", "Key": {"pk": SOUTH}}}]},
            ("SHOP#south",),
        ),
        ("Scan", {"TableName": "t"}, None),
        ("Query", {"TableName": "t", "IndexName": "i", "KeyConditionExpression": "pk = :pk"}, None),
    ],
)
def test_items_are_asked_for_with_their_partition_keys(
    operation: str, params: dict[str, Any], keys: tuple[str, ...] | None
) -> None:
    call = Call(service="dynamodb", operation=operation, region="us-east-1", account="123456789012")
    (permission,) = required(call, params, lambda table: {"t": "pk"}[table])
    assert permission.context.get("dynamodb:LeadingKeys") == keys
