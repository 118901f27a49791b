"""Functions fed by queues and asynchronous invocations, and what happens to what they cannot handle."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.tests.contract.services.lambda_.account import (
    ACCOUNT,
    RULE_ARN,
    Account,
    attributes,
    eventually,
    zipped,
)

MAY_READ_QUEUES = {
    "Effect": "Allow",
    "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
    "Resource": "*",
}
MAY_SEND = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
COPY_TO_BUCKET = """
import json
import botocore.session

def handler(event, context):
    s3 = botocore.session.get_session().create_client("s3")
    for record in event["Records"]:
        key = json.loads(record["body"])["detail"]["object"]["key"]
        s3.put_object(Bucket="flow", Key=f"seen/{key}", Body=record["body"].encode())
"""
FAIL = "def handler(event, context): raise ValueError('boom')"
ECHO = "def handler(event, context): return event"
FAIL_SOME = """
import json
def handler(event, context):
    failed = [r["messageId"] for r in event["Records"] if json.loads(r["body"])["bad"]]
    print(json.dumps(sorted(json.loads(r["body"])["n"] for r in event["Records"])))
    return {"batchItemFailures": [{"itemIdentifier": i} for i in failed]}
"""


def test_an_upload_reaches_a_function_that_writes_under_its_own_role(account: Account, botocore_layer_arn: str) -> None:
    s3 = account.client("s3")
    s3.create_bucket(Bucket="flow")
    s3.put_bucket_notification_configuration(Bucket="flow", NotificationConfiguration={"EventBridgeConfiguration": {}})
    url, queue = account.queue("uploads")
    account.admit(url, queue, RULE_ARN + "uploads")
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"object": {"key": [{"prefix": "data/"}]}},
    }
    account.rule("uploads", pattern, {"Arn": queue})
    may_write = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::flow/seen/*"}
    layers = [botocore_layer_arn]
    account.function("copy", COPY_TO_BUCKET, may_write, MAY_READ_QUEUES, Layers=layers, Timeout=30)
    account.map_queue(queue, "copy")
    s3.put_object(Bucket="flow", Key="data/a b.csv", Body=b"1,2\n")

    def seen() -> Any:
        return s3.list_objects_v2(Bucket="flow", Prefix="seen/").get("Contents")

    (copied,) = eventually(seen, "the copy")
    assert copied["Key"] == "seen/data/a b.csv"
    event = json.loads(s3.get_object(Bucket="flow", Key=copied["Key"])["Body"].read())
    assert (event["source"], event["account"], event["resources"]) == ("aws.s3", ACCOUNT, ["arn:aws:s3:::flow"])


def test_a_function_without_the_permission_is_denied(account: Account, botocore_layer_arn: str) -> None:
    account.client("s3").create_bucket(Bucket="closed")
    code = COPY_TO_BUCKET.replace('Bucket="flow"', 'Bucket="closed"')
    account.function("denied", code, Layers=[botocore_layer_arn], Timeout=30)
    body = json.dumps({"detail": {"object": {"key": "x"}}})
    payload, error = account.invoke("denied", {"Records": [{"body": body}]})
    assert error == "Unhandled"
    assert "AccessDenied" in payload["errorMessage"]
    assert "Contents" not in account.client("s3").list_objects_v2(Bucket="closed")


def test_a_failing_function_is_retried_and_then_reported(account: Account) -> None:
    failures, on_failure = account.queue("failures")
    letters, dead = account.queue("letters")
    account.function("failing", FAIL, MAY_SEND, DeadLetterConfig={"TargetArn": dead})
    lambdas = account.client("lambda")
    lambdas.put_function_event_invoke_config(
        FunctionName="failing",
        MaximumRetryAttempts=2,
        DestinationConfig={"OnFailure": {"Destination": on_failure}},
    )
    answer = lambdas.invoke(FunctionName="failing", InvocationType="Event", Payload=b'{"n": 1}')
    assert answer["StatusCode"] == 202
    record = json.loads(account.message(failures)["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestPayload"] == {"n": 1}
    assert record["responsePayload"]["errorMessage"] == "boom"
    letter = account.message(letters)
    assert json.loads(letter["Body"]) == {"n": 1}
    assert attributes(letter)["ErrorMessage"] == "boom"


def test_a_destination_the_role_may_not_write_to_gets_nothing(account: Account) -> None:
    _, on_failure = account.queue("unreachable")
    account.function("unreported", FAIL)
    lambdas = account.client("lambda")
    lambdas.put_function_event_invoke_config(
        FunctionName="unreported",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": on_failure}},
    )
    lambdas.invoke(FunctionName="unreported", InvocationType="Event", Payload=b"{}")
    eventually(lambda: account.metric("DestinationDeliveryFailures", FunctionName="unreported"), "the failure")


def test_only_reported_messages_come_back_and_poison_ends_in_the_dead_letter_queue(account: Account) -> None:
    dead, dead_arn = account.queue("poison-dlq")
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 2})
    url, queue = account.queue("poison", VisibilityTimeout="2", RedrivePolicy=redrive)
    account.function("picky", FAIL_SOME, MAY_READ_QUEUES, Timeout=1)
    for n, bad in ((1, False), (2, True), (3, False)):
        account.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps({"n": n, "bad": bad}))
    account.map_queue(
        queue,
        "picky",
        BatchSize=3,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    assert json.loads(account.message(dead)["Body"]) == {"n": 2, "bad": True}
    eventually(lambda: account.is_empty(url), "the end of the queue")


def test_a_filter_drops_other_messages(account: Account) -> None:
    url, queue = account.queue("filtered")
    account.function("filtered", ECHO, MAY_READ_QUEUES)
    pattern = json.dumps({"body": {"kind": ["wanted"]}})
    settings = {"MaximumBatchingWindowInSeconds": 1, "FilterCriteria": {"Filters": [{"Pattern": pattern}]}}
    identifier = account.map_queue(queue, "filtered", **settings)
    for kind in ("other", "wanted"):
        account.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps({"kind": kind}))
    eventually(lambda: account.is_empty(url), "the end of the queue")
    assert account.metric("Invocations", FunctionName="filtered") == 1
    lambdas = account.client("lambda")
    assert lambdas.get_event_source_mapping(UUID=identifier)["State"] == "Enabled"
    lambdas.delete_event_source_mapping(UUID=identifier)
    assert lambdas.list_event_source_mappings(FunctionName="filtered")["EventSourceMappings"] == []


def test_a_mapping_needs_a_role_that_may_read_and_a_queue_that_waits_long_enough(account: Account) -> None:
    _, queue = account.queue("impatient", VisibilityTimeout="5")
    account.function("blind", ECHO)
    account.function("long-running", ECHO, MAY_READ_QUEUES, Timeout=10)
    with pytest.raises(ClientError, match="does not have permissions"):
        account.map_queue(queue, "blind")
    with pytest.raises(ClientError, match="visibility timeout: 5 seconds is less than"):
        account.map_queue(queue, "long-running")


def test_code_can_come_from_a_bucket(account: Account) -> None:
    s3 = account.client("s3")
    s3.create_bucket(Bucket="code")
    s3.put_object(Bucket="code", Key="echo.zip", Body=zipped({"app.py": ECHO}))
    account.client("lambda").create_function(
        FunctionName="from-bucket",
        Runtime="python3.13",
        Handler="app.handler",
        Role=account.role("from-bucket-role"),
        Code={"S3Bucket": "code", "S3Key": "echo.zip"},
    )
    assert account.invoke("from-bucket", [1]) == ([1], None)
