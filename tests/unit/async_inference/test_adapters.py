"""Calls of AWS for asynchronous inference: their very parameters, and how refusals are classified."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.stub import ANY, Stubber
from sluice.async_inference.runtime import AsyncPlaces, AsyncRuntime, InvocationRefusedError
from sluice.aws.eventbridge import EventPublisher
from sluice.aws.s3 import DataBucket, StoredObject
from sluice.aws.sqs import AsyncQueue
from sluice.errors import AwsRefusedError, RetryableError
from sluice.names import Names

from cli.failures import BadInputError
from cli.inference.payloads import PART_BYTES, Payload, check_type, upload
from cli.output import JsonOutput, PlainOutput
from tests.builders.async_examples import ID, SERVING, TRANSIENT, deliver, inference, notification
from tests.builders.aws_clients import translating
from tests.builders.fake_aws import BUCKET, FakeAws
from tests.fakes.aws_state import START, FakeEvents
from tests.fakes.sluice_world import sluice_world


def stubbed(service: str) -> tuple[Any, Stubber]:
    client = botocore.session.Session().create_client(
        service, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    stub = Stubber(client)
    stub.activate()
    return translating(client), stub


def test_an_invocation_says_all_that_is_known_and_nothing_else() -> None:
    client, stub = stubbed("sagemaker-runtime")
    expected = {
        "EndpointName": "sluice-dev-fraud",
        "InputLocation": "s3://sluice-dev-data/async/fraud/input/0001.csv",
        "InferenceId": ID,
        "RequestTTLSeconds": 21600,
        "InvocationTimeoutSeconds": 900,
        "ContentType": "text/csv",
    }
    answer = {"InferenceId": ID, "OutputLocation": "s3://b/o.out", "FailureLocation": "s3://b/f.out"}
    stub.add_response("invoke_endpoint_async", answer, expected)
    invoked = AsyncRuntime(client).invoke(inference(), SERVING)
    assert (invoked.output, invoked.failure) == ("s3://b/o.out", "s3://b/f.out")


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("ValidationError", 400, InvocationRefusedError),
        ("AccessDeniedException", 403, AwsRefusedError),  # a role may be new
        ("ThrottlingException", 400, RetryableError),
        ("ServiceUnavailable", 503, RetryableError),
        ("InternalFailure", 500, RetryableError),
    ],
)
def test_a_refusal_is_final_unless_another_try_helps(code: str, status: int, error: type[Exception]) -> None:
    client, stub = stubbed("sagemaker-runtime")
    stub.add_client_error("invoke_endpoint_async", code, "Endpoint of account 1 not found.", status)
    with pytest.raises(error, match="not found"):
        AsyncRuntime(client).invoke(inference(), SERVING)


def test_messages_are_sent_in_tens_and_those_not_taken_are_known() -> None:
    client, stub = stubbed("sqs")
    sent = [(f"body {number}", 10_000.0 if number else 0.2) for number in range(12)]
    first = [
        {"Id": str(number), "MessageBody": f"body {number}", "DelaySeconds": 900 if number else 1}
        for number in range(10)
    ]
    fault = {"Id": "11", "SenderFault": False, "Code": "InternalError"}
    stub.add_response("send_message_batch", {"Successful": [], "Failed": []}, {"QueueUrl": ANY, "Entries": first})
    stub.add_response("send_message_batch", {"Successful": [], "Failed": [fault]}, {"QueueUrl": ANY, "Entries": ANY})
    assert AsyncQueue(client, "https://queue").send(sent) == {11}
    stub.assert_no_pending_responses()


def test_events_are_put_in_tens_and_those_not_accepted_are_known() -> None:
    client, stub = stubbed("events")
    refused = {"ErrorCode": "InternalFailure", "ErrorMessage": "try again"}
    stub.add_response("put_events", {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}] * 10}, {"Entries": ANY})
    stub.add_response("put_events", {"FailedEntryCount": 1, "Entries": [{"EventId": "1"}, refused]}, {"Entries": ANY})
    events: list[tuple[str, Mapping[str, Any]]] = [("AsyncResultReady", {"n": number}) for number in range(12)]
    assert EventPublisher(client, Names("dev")).put(events) == {11: "try again"}


def test_a_message_whose_event_was_not_accepted_is_redelivered(monkeypatch: pytest.MonkeyPatch) -> None:
    world = sluice_world()
    monkeypatch.setattr(FakeEvents, "put", lambda *_: {1: "try again"})
    received = [notification(None, inference_id=f"fraud-{number}") for number in range(3)]
    assert deliver(world, *received) == ["1"]
    monkeypatch.undo()
    assert deliver(world, received[1]) == []
    assert world.events.kinds() == ["AsyncResultReady"]


def test_a_message_whose_retry_was_not_scheduled_is_redelivered(monkeypatch: pytest.MonkeyPatch) -> None:
    world = sluice_world()
    monkeypatch.setattr(type(world.async_queue), "send", lambda *_: {0})
    assert deliver(world, notification(TRANSIENT)) == ["0"]
    monkeypatch.undo()
    assert deliver(world, notification(TRANSIENT)) == []
    assert len(world.async_queue.sent) == 1


def test_an_object_is_looked_at_wherever_it_is() -> None:
    client, stub = stubbed("s3")
    written = START + timedelta(minutes=1)
    stub.add_response(
        "head_object", {"ContentLength": 7, "LastModified": written}, {"Bucket": "other", "Key": "a/b.out"}
    )
    stub.add_client_error("head_object", "404", "Not Found", 404)
    bucket = DataBucket(client, "data")
    assert bucket.head("s3://other/a/b.out") == StoredObject(7, written)
    assert bucket.head("s3://other/gone.out") is None


def test_the_config_of_an_endpoint_names_prefixes_topics_and_concurrency() -> None:
    made = AsyncPlaces(bucket="data", success_topic="arn:good", error_topic="arn:bad").config("fraud", 4)
    assert made == {
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 4},
        "OutputConfig": {
            "S3OutputPath": "s3://data/async/fraud/output",
            "S3FailurePath": "s3://data/async/fraud/failure",
            "NotificationConfig": {"SuccessTopic": "arn:good", "ErrorTopic": "arn:bad"},
        },
    }


@pytest.mark.parametrize("content_type", ["text/csv", "TEXT/CSV; charset=utf-8", "application/json"])
def test_a_content_type_that_the_model_takes_is_fine(content_type: str) -> None:
    check_type(content_type, ("text/csv", "application/json"))
    check_type(content_type, ())


@pytest.mark.parametrize("content_type", ["csv", "", "text/", "text/ümlaut", "application/xml", "text/csv\nX: y"])
def test_any_other_content_type_is_refused_with_those_it_takes(content_type: str) -> None:
    with pytest.raises(BadInputError, match=r"text/csv"):
        check_type(content_type, ("text/csv", "application/json"))


class PartsOfS3:
    """S3's uploads in parts; the ``fails_at``-th part is refused."""

    def __init__(self, fails_at: int = 0) -> None:
        self.parts: list[int] = []
        self.ended = ""
        self._fails_at = fails_at

    def create_multipart_upload(self, **_place: str) -> dict[str, str]:
        return {"UploadId": "u"}

    def upload_part(self, *, PartNumber: int, Body: bytes, **_upload: str) -> dict[str, str]:
        if PartNumber == self._fails_at:
            raise RetryableError("lost")
        self.parts.append(len(Body))
        return {"ETag": str(PartNumber)}

    def complete_multipart_upload(self, *, MultipartUpload: dict[str, Any], **_upload: str) -> None:
        self.ended = f"completed with {[part['PartNumber'] for part in MultipartUpload['Parts']]}"

    def abort_multipart_upload(self, **_upload: str) -> None:
        self.ended = "aborted"


@pytest.mark.parametrize(("fails_at", "ended"), [(0, "completed with [1, 2, 3]"), (2, "aborted")])
def test_a_large_file_goes_up_in_parts_and_leaves_none_behind(tmp_path: Path, fails_at: int, ended: str) -> None:
    file = tmp_path / "large.csv"
    with file.open("wb") as content:
        content.truncate(2 * PART_BYTES + 5)
    s3, aws = PartsOfS3(fails_at), FakeAws()
    aws.s3 = s3  # type: ignore[assignment]
    payload = Payload(given=str(file), name=file.name, size=2 * PART_BYTES + 5, content_type="text/csv")
    if fails_at:
        with pytest.raises(RetryableError):
            upload(aws.session(), payload, BUCKET, "k")
    else:
        assert upload(aws.session(), payload, BUCKET, "k") == f"s3://{BUCKET}/k"
        assert s3.parts == [PART_BYTES, PART_BYTES, 5]
    assert s3.ended == ended


def test_progress_is_a_line_for_each_news_and_nothing_in_json() -> None:
    plain, json_ = io.StringIO(), io.StringIO()
    for out in (PlainOutput(plain), JsonOutput(json_)):
        with out.progress("Waiting", 3) as show:
            for done in (0, 0, 2, 2, 3):
                show(done)
    assert plain.getvalue().splitlines() == ["Waiting: 0 of 3", "Waiting: 2 of 3", "Waiting: 3 of 3"]
    assert json_.getvalue() == ""
