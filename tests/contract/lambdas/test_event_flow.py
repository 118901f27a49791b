"""Events on their way: from a bucket, the bus or a queue to a function, and to a dead-letter queue if they must."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.lambdas.conftest import ACCOUNT, Account, eventually, zipped

FUNCTION_ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:"
RULE_ARN = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/"
MAY_READ_QUEUES = {
    "Effect": "Allow",
    "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
    "Resource": "*",
}
MAY_START = {"Effect": "Allow", "Action": "states:StartExecution", "Resource": "*"}
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


def permit(account: Account, function: str, rule: str) -> None:
    account.client("lambda").add_permission(
        FunctionName=function,
        StatementId=rule,
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=RULE_ARN + rule,
    )


def put(account: Account, source: str, **detail: Any) -> str:
    entry = {"Source": source, "DetailType": "Something Happened", "Detail": json.dumps(detail)}
    answer = account.client("events").put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0
    return str(answer["Entries"][0]["EventId"])


def attributes(message: dict[str, Any]) -> dict[str, str]:
    return {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}


def state_machine(account: Account, name: str, role: str) -> str:
    definition = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
    states = account.client("stepfunctions")
    made = states.create_state_machine(name=name, definition=definition, roleArn=role)
    return str(made["stateMachineArn"])


def map_queue(account: Account, queue_arn: str, function: str, **settings: Any) -> str:
    mapping = account.client("lambda").create_event_source_mapping(
        EventSourceArn=queue_arn, FunctionName=function, **settings
    )
    return str(mapping["UUID"])


def counts(account: Account, url: str) -> tuple[str, str]:
    """How many messages a queue holds: waiting, and being worked on."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = account.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return found[names[0]], found[names[1]]


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
    map_queue(account, queue, "copy")
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


def test_a_rule_invokes_a_function_that_permits_it(account: Account) -> None:
    results, queue = account.queue("invoked-results")
    arn = account.function("invoked", ECHO, MAY_SEND)
    account.client("lambda").put_function_event_invoke_config(
        FunctionName="invoked", DestinationConfig={"OnSuccess": {"Destination": queue}}
    )
    permit(account, "invoked", "to-function")
    account.rule("to-function", {"source": ["permitted"]}, {"Arn": arn, "InputPath": "$.detail"})
    event_id = put(account, "permitted", n=1)
    record = json.loads(account.message(results)["Body"])
    assert record["requestContext"]["condition"] == "Success"
    assert record["responsePayload"] == {"n": 1}
    (delivery,) = [one for one in account.bus.deliveries() if one.event_id == event_id]
    assert (delivery.rule, delivery.target, delivery.attempts) == ("to-function", arn, 1)
    assert delivery.delivered_at is not None
    assert delivery.delivered_at >= delivery.matched_at


def test_a_function_that_does_not_permit_the_rule_leaves_the_event_to_the_dead_letter_queue(
    account: Account,
) -> None:
    url, queue = account.queue("forbidden-dlq")
    arn = account.function("forbidden", ECHO)
    permit(account, "forbidden", "some-other-rule")
    target = {"Arn": arn, "DeadLetterConfig": {"Arn": queue}}
    account.admit(url, queue, account.rule("forbidding", {"source": ["forbidden"]}, target))
    event_id = put(account, "forbidden", n=1)
    message = account.message(url)
    assert json.loads(message["Body"])["id"] == event_id
    found = attributes(message)
    assert (found["RULE_ARN"], found["TARGET_ARN"]) == (RULE_ARN + "forbidding", arn)
    assert (found["ERROR_CODE"], found["RETRY_ATTEMPTS"]) == ("NO_PERMISSIONS", "0")
    assert "EXHAUSTED_RETRY_CONDITION" not in found


def test_a_missing_target_is_not_retried_either(account: Account) -> None:
    url, queue = account.queue("missing-dlq")
    target = {"Arn": FUNCTION_ARN + "no-such-function", "DeadLetterConfig": {"Arn": queue}}
    account.admit(url, queue, account.rule("missing", {"source": ["missing"]}, target))
    put(account, "missing")
    assert attributes(account.message(url))["ERROR_CODE"] == "NO_RESOURCE"


def test_a_queue_without_a_policy_for_the_rule_gets_nothing(account: Account) -> None:
    _, closed = account.queue("closed-queue")
    url, queue = account.queue("closed-dlq")
    target = {"Arn": closed, "DeadLetterConfig": {"Arn": queue}}
    account.admit(url, queue, account.rule("closed", {"source": ["closed"]}, target))
    put(account, "closed")
    assert attributes(account.message(url))["ERROR_CODE"] == "NO_PERMISSIONS"


def test_a_throttled_target_is_tried_again_until_its_policy_ends(account: Account) -> None:
    role = account.role("throttled", MAY_START)
    machine = state_machine(account, "throttled", role)
    url, queue = account.queue("throttled-dlq")
    retry = {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 3600}
    target = {"Arn": machine, "RoleArn": role, "DeadLetterConfig": {"Arn": queue}, "RetryPolicy": retry}
    account.admit(url, queue, account.rule("throttling", {"source": ["throttled"]}, target))
    account.aws.faults.add("stepfunctions", "StartExecution", times=2, role="throttled")
    arrives = put(account, "throttled")
    executions = account.client("stepfunctions").list_executions
    eventually(lambda: executions(stateMachineArn=machine)["executions"], "the execution")
    fault = account.aws.faults.add("stepfunctions", "StartExecution", times=9, role="throttled")
    put(account, "throttled")
    found = attributes(account.message(url))
    account.aws.faults.clear()
    assert (found["ERROR_CODE"], found["RETRY_ATTEMPTS"]) == ("THROTTLING", "2")
    assert found["EXHAUSTED_RETRY_CONDITION"] == "MaximumRetryAttempts"
    assert fault.left == 9 - 3
    assert [one.attempts for one in account.bus.deliveries() if one.event_id == arrives] == [3]


def test_a_disabled_rule_delivers_nothing_until_it_is_enabled(account: Account) -> None:
    url, queue = account.queue("switched")
    arn = account.rule("switched", {"source": ["switched"]}, {"Arn": queue, "InputPath": "$.detail.n"})
    account.admit(url, queue, arn)
    events = account.client("events")
    events.disable_rule(Name="switched")
    put(account, "switched", n=1)
    events.enable_rule(Name="switched")
    put(account, "switched", n=2)
    assert account.message(url)["Body"] == "2"


def test_a_scheduled_rule_fires_on_time(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    url, queue = account.queue("ticks")
    events = account.client("events")
    arn = events.put_rule(Name="ticks", ScheduleExpression="rate(1 minute)")["RuleArn"]
    events.put_targets(Rule="ticks", Targets=[{"Id": "0", "Arn": queue}])
    account.admit(url, queue, arn)
    put(account, "ticks")  # no event but its own reaches a scheduled rule
    now = account.aws.world.now
    monkeypatch.setattr(account.aws.world, "now", lambda: now() + timedelta(seconds=61))
    event = json.loads(account.message(url)["Body"])
    events.disable_rule(Name="ticks")
    assert (event["source"], event["detail-type"]) == ("aws.events", "Scheduled Event")
    assert (event["resources"], event["detail"]) == ([arn], {})


def test_a_topic_and_a_log_group_receive_events(account: Account) -> None:
    sns, logs = account.client("sns"), account.client("logs")
    topic = sns.create_topic(Name="notices")["TopicArn"]
    url, queue = account.queue("notices")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"})
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    logs.create_log_group(logGroupName="/aws/events/notices")
    group = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/events/notices"
    account.rule("notices", {"source": ["noticed"]}, {"Arn": topic, "Input": '"hello"'}, {"Arn": group})
    event_id = put(account, "noticed")
    assert account.message(url)["Body"] == '"hello"'

    def logged() -> Any:
        return logs.filter_log_events(logGroupName="/aws/events/notices")["events"]

    (line,) = eventually(logged, "the log line")
    assert json.loads(line["message"])["id"] == event_id


def test_a_rule_starts_an_execution_under_its_role(account: Account) -> None:
    states = account.client("stepfunctions")
    role, powerless = account.role("starter", MAY_START), account.role("powerless")
    machine = state_machine(account, "started", role)
    url, queue = account.queue("execution-dlq")
    targets: list[dict[str, Any]] = [
        {"Arn": machine, "RoleArn": role, "InputPath": "$.detail"},
        {"Arn": machine, "RoleArn": powerless, "DeadLetterConfig": {"Arn": queue}},
    ]
    account.admit(url, queue, account.rule("starting", {"source": ["started"]}, *targets))
    event_id = put(account, "started", n=1)

    def executions() -> Any:
        return states.list_executions(stateMachineArn=machine)["executions"]

    (execution,) = eventually(executions, "the execution")
    assert execution["name"].startswith(event_id)
    described = states.describe_execution(executionArn=execution["executionArn"])
    assert json.loads(described["input"]) == {"n": 1}
    assert attributes(account.message(url))["ERROR_CODE"] == "NO_PERMISSIONS"


def test_put_events_takes_good_entries_and_names_bad_ones(account: Account) -> None:
    good = {"Source": "some", "DetailType": "t", "Detail": "{}", "Time": datetime(2026, 1, 1, tzinfo=UTC)}
    answer = account.client("events").put_events(Entries=[good, {**good, "Detail": "["}])
    assert answer["FailedEntryCount"] == 1
    assert "EventId" in answer["Entries"][0]
    assert answer["Entries"][1]["ErrorCode"] == "MalformedDetail"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"EventPattern": '{"source": [{"unknown": 1}]}'}, "InvalidEventPatternException"),
        ({"ScheduleExpression": "rate(5 seconds)"}, "ValidationException"),
        ({}, "ValidationException"),
        ({"EventPattern": '{"source": ["x"]}', "EventBusName": "other"}, "ResourceNotFoundException"),
    ],
)
def test_a_rule_that_cannot_work_is_refused(account: Account, params: dict[str, str], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        account.client("events").put_rule(Name="refused", **params)
    assert refused.value.response["Error"]["Code"] == code


def test_rules_and_targets_can_be_read_changed_and_deleted(account: Account) -> None:
    events = account.client("events")
    _, queue = account.queue("listed")
    arn = account.rule("listed", {"source": ["listed"]}, {"Arn": queue})
    events.put_rule(Name="listed", EventPattern='{"source": ["again"]}', Description="changed")
    described = events.describe_rule(Name="listed")
    assert (described["Arn"], described["State"], described["Description"]) == (arn, "ENABLED", "changed")
    assert [rule["Name"] for rule in events.list_rules(NamePrefix="list")["Rules"]] == ["listed"]
    assert events.list_targets_by_rule(Rule="listed")["Targets"] == [{"Id": "0", "Arn": queue}]
    with pytest.raises(ClientError, match="since it has targets"):
        events.delete_rule(Name="listed")
    assert events.remove_targets(Rule="listed", Ids=["0", "9"])["FailedEntryCount"] == 1
    events.delete_rule(Name="listed")
    with pytest.raises(ClientError) as missing:
        events.describe_rule(Name="listed")
    assert missing.value.response["Error"]["Code"] == "ResourceNotFoundException"
    event = json.dumps({"source": "x"})
    assert events.test_event_pattern(EventPattern='{"source": ["x"]}', Event=event)["Result"] is True


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
    url, queue = account.queue("poison", VisibilityTimeout="1", RedrivePolicy=redrive)
    account.function("picky", FAIL_SOME, MAY_READ_QUEUES, Timeout=1)
    for n, bad in ((1, False), (2, True), (3, False)):
        account.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps({"n": n, "bad": bad}))
    map_queue(
        account,
        queue,
        "picky",
        BatchSize=3,
        MaximumBatchingWindowInSeconds=1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    assert json.loads(account.message(dead)["Body"]) == {"n": 2, "bad": True}
    eventually(lambda: counts(account, url) == ("0", "0"), "the end of the queue")


def test_a_filter_drops_other_messages(account: Account) -> None:
    url, queue = account.queue("filtered")
    account.function("filtered", ECHO, MAY_READ_QUEUES)
    pattern = json.dumps({"body": {"kind": ["wanted"]}})
    identifier = map_queue(account, queue, "filtered", FilterCriteria={"Filters": [{"Pattern": pattern}]})
    for kind in ("other", "wanted"):
        account.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps({"kind": kind}))
    eventually(lambda: counts(account, url) == ("0", "0"), "the end of the queue")
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
        map_queue(account, queue, "blind")
    with pytest.raises(ClientError, match="visibility timeout: 5 seconds is less than"):
        map_queue(account, queue, "long-running")


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
