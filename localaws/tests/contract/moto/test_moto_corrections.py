"""What moto does differently from AWS and the local AWS corrects: S3's events and Step Functions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localaws.context import Context
from localaws.gateway.faults import TRANSACTION_CONFLICT
from localaws.local_aws import LocalAws
from localaws.service_api import Operation, Service
from localaws.tests.interpreters import INTERPRETERS

BUCKET = "watched-bucket"


class EventRecorder:
    """Stands for the event bus and the metrics: keeps what is published."""

    name = "events"

    def __init__(self, context: Context) -> None:
        self.operations: Mapping[str, Operation] = {}
        self.events: list[dict[str, Any]] = []
        self.metrics: list[tuple[str, str]] = []
        context.bus = self
        context.metrics = self

    def put(self, *, source: str, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str] = ()) -> None:
        event = {"source": source, "detail-type": detail_type, "detail": detail, "resources": resources}
        self.events.append(json.loads(json.dumps(event)))

    def record(
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        value: float,
        *,
        unit: str = "None",
        publish_every_seconds: int = 60,
    ) -> None:
        self.metrics.append((namespace, name))

    def wait_for(self, count: int, **criteria: Any) -> list[dict[str, Any]]:
        """Wait for ``count`` events whose details meet the criteria."""

        def matching() -> list[dict[str, Any]]:
            return [e for e in self.events if all(e["detail"].get(key) == value for key, value in criteria.items())]

        eventually(lambda: len(matching()) >= count, f"{count} events with {criteria}; published {self.events}")
        return matching()


def eventually(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    def only_a_recorder(context: Context) -> list[Service]:
        return [EventRecorder(context)]

    with LocalAws(tmp_path_factory.mktemp("run"), INTERPRETERS, services=only_a_recorder) as running:
        yield running


@pytest.fixture(scope="module")
def recorder(aws: LocalAws) -> EventRecorder:
    return next(service for service in aws.services if isinstance(service, EventRecorder))


@pytest.fixture(scope="module")
def s3(aws: LocalAws) -> Any:
    """A client; the bucket is versioned, watched, and closed to plain text connections on a real AWS."""
    client = aws.client("s3")
    client.create_bucket(Bucket=BUCKET)
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    client.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    no_plain_text = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    client.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Statement": [no_plain_text]}))
    return client


def test_a_put_is_announced_in_the_documented_shape(s3: Any, recorder: EventRecorder) -> None:
    put = s3.put_object(Bucket=BUCKET, Key="data/spend/a b.csv", Body=b"1,2\n")
    (event,) = [
        e for e in recorder.wait_for(1, reason="PutObject") if e["detail"]["object"]["key"] == "data/spend/a b.csv"
    ]
    assert (event["source"], event["detail-type"]) == ("aws.s3", "Object Created")
    assert event["resources"] == [f"arn:aws:s3:::{BUCKET}"]
    assert event["detail"]["bucket"] == {"name": BUCKET}
    about = dict(event["detail"]["object"])
    assert len(about.pop("sequencer")) == 18
    assert about == {
        "key": "data/spend/a b.csv",
        "size": 4,
        "etag": put["ETag"].strip('"'),
        "version-id": put["VersionId"],
    }


def test_a_multipart_upload_and_a_copy_are_announced_once_with_their_reason(s3: Any, recorder: EventRecorder) -> None:
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="big")["UploadId"]
    part = s3.upload_part(Bucket=BUCKET, Key="big", UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=BUCKET, Key="big", UploadId=upload, MultipartUpload=parts)
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "big"})
    recorder.wait_for(1, reason="CopyObject")
    published = [e["detail"] for e in recorder.events if e["detail"].get("object", {}).get("key") in {"big", "copy"}]
    assert [(detail["object"]["key"], detail["reason"]) for detail in published] == [
        ("big", "CompleteMultipartUpload"),
        ("copy", "CopyObject"),
    ]
    sequencers = [detail["object"]["sequencer"] for detail in published]
    assert sequencers == sorted(set(sequencers))


def test_a_bucket_that_does_not_notify_is_silent(s3: Any, recorder: EventRecorder) -> None:
    s3.create_bucket(Bucket="silent-bucket")
    s3.put_object(Bucket="silent-bucket", Key="unheard", Body=b"")
    s3.put_object(Bucket=BUCKET, Key="heard", Body=b"")
    eventually(lambda: "heard" in json.dumps(recorder.events), "the later object is announced")
    assert "unheard" not in json.dumps(recorder.events)


KMS_KEY = "arn:aws:kms:us-east-1:123456789012:key/8d3f-own"


def test_objects_under_a_customers_key_need_the_key_besides(aws: LocalAws, s3: Any) -> None:
    iam = aws.client("iam")
    role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument="{}")["Role"]["Arn"]

    def allow(name: str, *actions: str, **more: Any) -> None:
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*", **more}
        document = json.dumps({"Version": "2012-10-17", "Statement": statement})
        iam.put_role_policy(RoleName="reader", PolicyName=name, PolicyDocument=document)

    allow("objects", "s3:GetObject", "s3:PutObject")
    under_key = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KMS_KEY}
    s3.put_object(Bucket=BUCKET, Key="secret", Body=b"1", **under_key)
    s3.put_object(Bucket=BUCKET, Key="plain", Body=b"1")
    reader = aws.client("s3", role)
    assert reader.get_object(Bucket=BUCKET, Key="plain")["Body"].read() == b"1"
    source = {"Bucket": BUCKET, "Key": "secret"}
    copy = {"Bucket": BUCKET, "Key": "copy", "CopySource": source}
    write = {"Bucket": BUCKET, "Key": "new", "Body": b"2", **under_key}
    for act, request, action in (
        (reader.get_object, source, "kms:Decrypt"),
        (reader.copy_object, copy, "kms:Decrypt"),
        (reader.put_object, write, "kms:GenerateDataKey"),
    ):
        with pytest.raises(ClientError, match=f"not authorized to perform: {action} on resource: {KMS_KEY}") as refusal:
            act(**request)
        assert refusal.value.response["Error"]["Code"] == "AccessDenied"
    reader.head_object(**source)
    with pytest.raises(ClientError, match="403"):  # HEAD has no body that could say why
        reader.head_object(**source, ChecksumMode="ENABLED")
    through_s3 = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
    allow("key", "kms:Decrypt", "kms:GenerateDataKey", Condition=through_s3)
    assert reader.get_object(**source)["Body"].read() == b"1"
    reader.head_object(**source, ChecksumMode="ENABLED")
    reader.copy_object(**copy)
    reader.put_object(**write)


def test_a_key_of_more_than_1024_bytes_is_refused(s3: Any) -> None:
    longest = "ä" * 512
    s3.put_object(Bucket=BUCKET, Key=longest, Body=b"1")
    request = {"Bucket": BUCKET, "Key": f"{longest}x"}
    source = {"CopySource": {"Bucket": BUCKET, "Key": longest}}
    for write, more in ((s3.put_object, {"Body": b"1"}), (s3.create_multipart_upload, {}), (s3.copy_object, source)):
        with pytest.raises(ClientError, match="KeyTooLongError"):
            write(**request, **more)
    s3.delete_object(Bucket=BUCKET, Key=longest)


def test_a_write_to_an_item_of_an_ongoing_transaction_is_a_conflict(aws: LocalAws) -> None:
    client = aws.client("dynamodb")
    aws.faults.add("dynamodb", "PutItem", TRANSACTION_CONFLICT)
    with pytest.raises(client.exceptions.TransactionConflictException) as refused:
        client.put_item(TableName="t", Item={"pk": {"S": "a"}})
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


MACHINE_ROLE = "machine"
TRUST = json.dumps(
    {"Statement": {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}}
)


@pytest.fixture(scope="module")
def machine(aws: LocalAws) -> Callable[[dict[str, Any]], str]:
    """Makes a state machine of some states, the first of them the start; its ARN."""
    role = aws.client("iam").create_role(RoleName=MACHINE_ROLE, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    client = aws.client("stepfunctions")
    made = iter(range(1000))

    def make(states: dict[str, Any]) -> str:
        definition = json.dumps({"StartAt": next(iter(states)), "States": states})
        created = client.create_state_machine(name=f"machine-{next(made)}", definition=definition, roleArn=role)
        return str(created["stateMachineArn"])

    return make


def allow_machine(aws: LocalAws, action: str) -> None:
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    aws.client("iam").put_role_policy(
        RoleName=MACHINE_ROLE, PolicyName=action.replace(":", "-"), PolicyDocument=document
    )


def finished(aws: LocalAws, execution: str) -> dict[str, Any]:
    """The description of an execution once it has ended."""
    client = aws.client("stepfunctions")
    eventually(lambda: client.describe_execution(executionArn=execution)["status"] != "RUNNING", execution)
    return dict(client.describe_execution(executionArn=execution))


def test_executions_without_a_name_get_one_each(aws: LocalAws, machine: Callable[..., str]) -> None:
    arn = machine({"Done": {"Type": "Succeed"}})
    client = aws.client("stepfunctions")
    started = {client.start_execution(stateMachineArn=arn)["executionArn"] for _ in range(2)}
    assert len(started) == 2
    assert not any(execution.endswith("None") for execution in started)


def test_start_and_end_of_an_execution_are_events_and_metrics(
    aws: LocalAws, recorder: EventRecorder, machine: Callable[..., str]
) -> None:
    arn = machine({"Echo": {"Type": "Pass", "End": True}})
    execution = aws.client("stepfunctions").start_execution(stateMachineArn=arn, name="spend-7-1", input='{"a":1}')
    begun, ended = recorder.wait_for(2, executionArn=execution["executionArn"])
    assert begun["source"] == "aws.states"
    assert begun["detail-type"] == "Step Functions Execution Status Change"
    assert (begun["detail"]["status"], begun["detail"]["stopDate"]) == ("RUNNING", None)
    assert (ended["detail"]["status"], ended["detail"]["name"]) == ("SUCCEEDED", "spend-7-1")
    assert json.loads(ended["detail"]["output"]) == {"a": 1}
    assert isinstance(ended["detail"]["stopDate"], int)
    eventually(lambda: ("AWS/States", "ExecutionsSucceeded") in recorder.metrics, "the metric is recorded")


def test_a_task_acts_under_the_state_machines_role(aws: LocalAws, machine: Callable[..., str]) -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:ssm:getParameter",
        "Parameters": {"Name": "/of/the/machine"},
        "End": True,
    }
    arn = machine({"Read": task})
    aws.client("ssm").put_parameter(Name="/of/the/machine", Value="v", Type="String")
    client = aws.client("stepfunctions")
    denied = finished(aws, client.start_execution(stateMachineArn=arn)["executionArn"])
    assert (denied["status"], denied["error"]) == ("FAILED", "Ssm.AccessDeniedException")
    assert "is not authorized to perform: ssm:GetParameter" in denied["cause"]
    allow_machine(aws, "ssm:GetParameter")
    done = finished(aws, client.start_execution(stateMachineArn=arn)["executionArn"])
    assert done["status"] == "SUCCEEDED"
    assert json.loads(done["output"])["Parameter"]["Value"] == "v"


def test_a_stopped_execution_is_aborted_at_once_with_its_cause(
    aws: LocalAws, recorder: EventRecorder, machine: Callable[..., str]
) -> None:
    client = aws.client("stepfunctions")
    arn = machine({"Wait": {"Type": "Wait", "Seconds": 600, "End": True}})
    execution = client.start_execution(stateMachineArn=arn)["executionArn"]
    client.stop_execution(executionArn=execution, error="Superseded", cause="version 8 is approved")
    described = client.describe_execution(executionArn=execution)
    assert (described["status"], described["error"]) == ("ABORTED", "Superseded")
    assert described["cause"] == "version 8 is approved"
    statuses = [event["detail"]["status"] for event in recorder.wait_for(2, executionArn=execution)]
    assert statuses == ["RUNNING", "ABORTED"]


def test_the_context_objects_times_can_be_compared_and_waited_for(aws: LocalAws, machine: Callable[..., str]) -> None:
    begun = {"Variable": "$$.State.EnteredTime", "TimestampGreaterThanPath": "$.begun", "Next": "Wait"}
    late = {"Variable": "$$.State.EnteredTime", "TimestampGreaterThan": "2020-01-01T00:00:00Z", "Next": "Later?"}
    arn = machine(
        {
            "Note": {"Type": "Pass", "Parameters": {"begun.$": "$$.Execution.StartTime"}, "Next": "Late?"},
            "Late?": {"Type": "Choice", "Choices": [late], "Default": "Wrong"},
            "Later?": {"Type": "Choice", "Choices": [begun], "Default": "Wrong"},
            "Wait": {"Type": "Wait", "TimestampPath": "$$.State.EnteredTime", "Next": "Right"},
            "Right": {"Type": "Succeed"},
            "Wrong": {"Type": "Fail"},
        }
    )
    execution = aws.client("stepfunctions").start_execution(stateMachineArn=arn)["executionArn"]
    assert finished(aws, execution).get("cause") is None


def test_a_failed_callback_keeps_its_cause(aws: LocalAws, machine: Callable[..., str]) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="callbacks")["QueueUrl"]
    allow_machine(aws, "sqs:SendMessage")
    ask = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": url, "MessageBody.$": "$$.Task.Token"},
        "End": True,
    }
    client = aws.client("stepfunctions")
    execution = client.start_execution(stateMachineArn=machine({"Ask": ask}))["executionArn"]
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    client.send_task_failure(taskToken=message["Body"], error="Refused", cause="not today")
    failed = finished(aws, execution)
    assert (failed["status"], failed["error"], failed["cause"]) == ("FAILED", "Refused", "not today")


def test_a_wrong_definition_is_called_that(aws: LocalAws, machine: Callable[..., str]) -> None:
    with pytest.raises(ClientError) as refused:
        machine({"Start": {"Type": "NoSuchType"}})
    assert refused.value.response["Error"]["Code"] == "InvalidDefinition"
    validated = aws.client("stepfunctions").validate_state_machine_definition(definition='{"StartAt": "x"}')
    assert validated["result"] == "FAIL"


def test_settings_of_a_queue_are_the_same_whether_asked_for_alone_or_with_all(aws: LocalAws) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="settings", Attributes={"MessageRetentionPeriod": "90"})["QueueUrl"]

    def attributes(*names: str) -> dict[str, str]:
        return dict(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(names)).get("Attributes", {}))

    assert attributes("Policy") == {}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17"})})
    names = {"Policy", "QueueArn", "MessageRetentionPeriod"}
    assert attributes(*names) == {name: value for name, value in attributes("All").items() if name in names}
    assert attributes("ApproximateNumberOfMessages") == {"ApproximateNumberOfMessages": "0"}
    with pytest.raises(ClientError, match="InvalidAttributeName"):
        attributes("Unheard-of")


def queue(aws: LocalAws, name: str, **attributes: str) -> str:
    return str(aws.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def test_who_waits_for_messages_gets_those_that_become_visible_and_hears_that_the_queue_is_gone(aws: LocalAws) -> None:
    sqs, url = aws.client("sqs"), queue(aws, "awaited", VisibilityTimeout="1")
    sqs.send_message(QueueUrl=url, MessageBody="delayed", DelaySeconds=1)
    for attempt in ("once its delay is over", "again, as it was not deleted in time"):
        (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=15).get("Messages", [None])
        assert message is not None, attempt
        assert message["Body"] == "delayed"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(sqs.receive_message, QueueUrl=queue(aws, "doomed"), WaitTimeSeconds=15)
        sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName="doomed")["QueueUrl"])
        with pytest.raises(sqs.exceptions.QueueDoesNotExist):
            waiting.result()


def test_who_waits_at_one_queue_costs_no_call_of_moto_for_each_message_of_another(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqs, quiet, busy = aws.client("sqs"), queue(aws, "quiet"), queue(aws, "busy")
    received: list[str] = []
    call = aws.moto._call

    def counted(service: str, environ: dict[str, Any]) -> Any:
        received.append(environ["HTTP_X_AMZ_TARGET"])
        return call(service, environ)

    monkeypatch.setattr(aws.moto, "_call", counted)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(sqs.receive_message, QueueUrl=quiet, WaitTimeSeconds=1)
        for number in range(20):
            sqs.send_message(QueueUrl=busy, MessageBody=str(number))
        assert "Messages" not in waiting.result()
    assert received.count("AmazonSQS.SendMessage") == 20
    assert received.count("AmazonSQS.ReceiveMessage") == 1
