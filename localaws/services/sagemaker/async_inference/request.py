"""Asynchronous invocations as data: the endpoint's settings, one request, and the notification of its end. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from localaws.services.sagemaker.containers.s3_storage import S3Uri

DEFAULT_TTL_SECONDS = 21_600
DEFAULT_TIMEOUT_SECONDS = 900
INLINE_RESPONSE_MAX_BYTES = 128 * 1024
USUAL_CONCURRENCY = 4  # per instance; SageMaker "chooses an optimal value" and does not say which
_EVENT = {"eventVersion": "1.0", "eventSource": "aws:sagemaker"}
TEST_NOTIFICATION = json.dumps({**_EVENT, "eventName": "TestNotification"})
_HEADERS = {
    "ContentType": "Content-Type",
    "Accept": "Accept",
    "CustomAttributes": "X-Amzn-SageMaker-Custom-Attributes",
    "InferenceId": "X-Amzn-SageMaker-Inference-Id",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncSettings:
    """An endpoint config's AsyncInferenceConfig."""

    output_path: S3Uri
    failure_path: S3Uri | None
    success_topic: str | None
    error_topic: str | None
    inline_in: frozenset[str]  # the notifications that carry the response itself
    concurrent_per_instance: int

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> AsyncSettings | None:
        """None for a config without AsyncInferenceConfig."""
        given = config.get("AsyncInferenceConfig")
        if not given:
            return None
        output = given["OutputConfig"]
        topics = output.get("NotificationConfig") or {}
        failures = output.get("S3FailurePath")
        client = given.get("ClientConfig") or {}
        return cls(
            output_path=S3Uri.parse(output["S3OutputPath"]),
            failure_path=S3Uri.parse(failures) if failures else None,
            success_topic=topics.get("SuccessTopic"),
            error_topic=topics.get("ErrorTopic"),
            inline_in=frozenset(topics.get("IncludeInferenceResponseIn") or ()),
            concurrent_per_instance=client.get("MaxConcurrentInvocationsPerInstance", USUAL_CONCURRENCY),
        )

    @property
    def topics(self) -> list[str]:
        """The topics there are, each once."""
        return list(dict.fromkeys(topic for topic in (self.success_topic, self.error_topic) if topic))


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncRequest:
    """One accepted InvokeEndpointAsync."""

    endpoint: str
    inference_id: str
    received: datetime
    input: S3Uri | bytes  # where the payload lies, or the payload
    output: S3Uri
    failure: S3Uri | None
    headers: Mapping[str, str]  # for the container
    ttl_seconds: int
    timeout_seconds: int

    def age_seconds(self, now: datetime) -> float:
        return (now - self.received).total_seconds()

    def is_expired(self, now: datetime) -> bool:
        """Whether it has waited longer than its RequestTTLSeconds."""
        return self.age_seconds(now) > self.ttl_seconds


def request_of(params: Mapping[str, Any], settings: AsyncSettings, *, now: datetime, new_id: str) -> AsyncRequest:
    """The request in checked parameters. ``new_id`` names the output, and the inference unless the caller did."""
    extension = (params.get("S3OutputPathExtension") or "").strip("/")
    name = params.get("Filename") or f"{new_id}.out"
    stem = name.rpartition(".")[0] or name

    def below(path: S3Uri, file: str) -> S3Uri:
        return path.child(f"{extension}/{file}" if extension else file)

    inference_id = params.get("InferenceId") or new_id
    body = params.get("Body")
    return AsyncRequest(
        endpoint=params["EndpointName"],
        inference_id=inference_id,
        received=now,
        input=S3Uri.parse(params["InputLocation"]) if params.get("InputLocation") else bytes(body or b""),
        output=below(settings.output_path, name),
        failure=below(settings.failure_path, f"{stem}-error.out") if settings.failure_path else None,
        headers={
            header: value
            for field, header in _HEADERS.items()
            if (value := {**params, "InferenceId": inference_id}.get(field))
        },
        ttl_seconds=params.get("RequestTTLSeconds") or DEFAULT_TTL_SECONDS,
        timeout_seconds=params.get("InvocationTimeoutSeconds") or DEFAULT_TIMEOUT_SECONDS,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a request ended. ``failure_reason`` is None for a success; the response is the container's, if any."""

    failure_reason: str | None = None
    response: bytes | None = None
    content_type: str | None = None


def notification(request: AsyncRequest, end: End, settings: AsyncSettings, *, region: str, now: datetime) -> str:
    """The message for the success or the error topic, as SageMaker words it."""
    failed = end.failure_reason is not None
    message: dict[str, Any] = {
        "awsRegion": region,
        "eventTime": _timestamp(now),
        "receivedTime": _timestamp(request.received),
        "invocationStatus": "Failed" if failed else "Completed",
    }
    if failed:
        message["failureReason"] = end.failure_reason
    message["requestParameters"] = _request_parameters(request)
    if not failed:
        message["responseParameters"] = {"contentType": end.content_type, "outputLocation": str(request.output)}
    wanted = "ERROR_NOTIFICATION_TOPIC" if failed else "SUCCESS_NOTIFICATION_TOPIC"
    if wanted in settings.inline_in and end.response is not None and len(end.response) <= INLINE_RESPONSE_MAX_BYTES:
        message["responseBody"] = {"content": base64.b64encode(end.response).decode(), "encoding": "BASE64"}
    return json.dumps(message | {"inferenceId": request.inference_id, **_EVENT, "eventName": "InferenceResult"})


def _request_parameters(request: AsyncRequest) -> dict[str, str]:
    given = {
        "contentType": request.headers.get("Content-Type"),
        "accept": request.headers.get("Accept"),
        "customAttributes": request.headers.get("X-Amzn-SageMaker-Custom-Attributes"),
        "endpointName": request.endpoint,
        "inputLocation": str(request.input) if isinstance(request.input, S3Uri) else None,
    }
    return {name: value for name, value in given.items() if value}


def _timestamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
