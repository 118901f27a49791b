"""Where the results of asynchronous invocations go: destinations and dead-letter queues, under the function's role."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from localaws.context import Context
from localaws.service_api import AwsError
from localaws.services.lambda_.environments.outcome import Finished
from localaws.services.lambda_.functions.functions import Function

_SERVICES = (["sqs"], ["sns"], ["lambda"], ["events"])
_MAX_ERROR_MESSAGE_BYTES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationResult:
    """How an asynchronous invocation ended. ``finished`` is None if the function never ran."""

    function: Function
    event: bytes
    request_id: str
    condition: str  # Success | RetriesExhausted | EventAgeExceeded
    invoke_count: int
    finished: Finished | None

    @property
    def succeeded(self) -> bool:
        return self.condition == "Success"


def invocation_record(result: InvocationResult, time: datetime) -> dict[str, Any]:
    """The record a destination receives."""
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": result.request_id,
            "functionArn": f"{result.function.arn}:$LATEST",
            "condition": result.condition,
            "approximateInvokeCount": result.invoke_count,
        },
        "requestPayload": json.loads(result.event),
    }
    if result.finished is not None:
        context: dict[str, Any] = {"statusCode": 200, "executedVersion": "$LATEST"}
        if result.finished.failed:
            context["functionError"] = "Unhandled"
        record["responseContext"] = context
        record["responsePayload"] = _parsed(result.finished.outcome.payload)
    return record


def dead_letter_attributes(result: InvocationResult) -> Mapping[str, Mapping[str, str]]:
    """The attributes of a dead-letter message; its body is the event as it was."""
    message = "" if result.finished is None else str(_error_message(result.finished))
    return {
        "RequestID": {"DataType": "String", "StringValue": result.request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": "200" if result.finished else "429"},
        "ErrorMessage": {"DataType": "String", "StringValue": message[:_MAX_ERROR_MESSAGE_BYTES] or "-"},
    }


def check_destination(arn: str | None) -> None:
    """Refuse a destination that nothing could ever be sent to."""
    if arn is not None and arn.split(":")[2:3] not in _SERVICES:
        raise AwsError("NotImplemented", f"The local Lambda has no destinations like {arn}", 501)


class Destinations:
    """Sends records and dead letters; what a role may not send raises botocore's ClientError."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def send_record(self, arn: str, result: InvocationResult) -> None:
        """Send the record of ``result`` to the queue, topic, function or event bus ``arn``."""
        record = invocation_record(result, self._context.now())
        text = json.dumps(record)
        role, service = result.function.role, arn.split(":")[2]
        client = self._context.client(service, role)
        if service == "sqs":
            client.send_message(QueueUrl=self._queue_url(arn), MessageBody=text)
        elif service == "sns":
            client.publish(TopicArn=arn, Message=text)
        elif service == "lambda":
            client.invoke(FunctionName=arn, InvocationType="Event", Payload=text.encode())
        else:
            client.put_events(Entries=[_event_entry(arn, result, text)])

    def send_dead_letter(self, arn: str, result: InvocationResult) -> None:
        """Send the event of ``result`` to the queue or topic ``arn`` of a DeadLetterConfig."""
        attributes, body = dead_letter_attributes(result), result.event.decode()
        client = self._context.client(arn.split(":")[2], result.function.role)
        if ":sns:" in arn:
            client.publish(TopicArn=arn, Message=body, MessageAttributes=attributes)
        else:
            url = self._queue_url(arn)
            client.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)

    def _queue_url(self, arn: str) -> str:
        sqs = self._context.client("sqs", None)
        return str(sqs.get_queue_url(QueueName=arn.rsplit(":", 1)[-1])["QueueUrl"])


def _event_entry(bus_arn: str, result: InvocationResult, text: str) -> dict[str, Any]:
    outcome = "Success" if result.succeeded else "Failure"
    return {
        "Source": "lambda",
        "DetailType": f"Lambda Function Invocation Result - {outcome}",
        "Detail": text,
        "Resources": [bus_arn, f"{result.function.arn}:$LATEST"],
        "EventBusName": bus_arn,
    }


def _parsed(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except json.JSONDecodeError:
        return payload.decode(errors="replace")


def _error_message(finished: Finished) -> Any:
    parsed = _parsed(finished.outcome.payload)
    return parsed.get("errorMessage", "") if isinstance(parsed, dict) else parsed
