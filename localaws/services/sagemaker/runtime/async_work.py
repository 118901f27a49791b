"""Processes one asynchronous request: input from S3, the container, result to S3, notification."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localaws.context import Context
from localaws.services.sagemaker.async_inference.notifications import NotificationError, publish
from localaws.services.sagemaker.async_inference.request import AsyncRequest, AsyncSettings, End, notification
from localaws.services.sagemaker.containers.container import Container, ContainerResponse, SlowError, UnreachableError
from localaws.services.sagemaker.containers.s3_storage import S3Uri
from localaws.services.sagemaker.runtime.invocation import NAMESPACE

_SEE_LOGS = "See the SageMaker Endpoint logs in your account for more information."


class InputError(Exception):
    """The input cannot be had; the text is the failure reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A request and what it runs with. ``spool`` is a file of its own for the input."""

    context: Context
    request: AsyncRequest
    settings: AsyncSettings
    variant: str
    role_arn: str
    spool: Path
    payload_max_bytes: int
    metrics_period_seconds: int
    deploying_config: str | None = None  # of a fleet that is being deployed: its answers appear once more under it

    @property
    def _s3(self) -> Any:
        return self.context.client("s3", self.role_arn)

    def run(self, container: Container) -> None:
        """Process the request to its end; raises RetiredError, with nothing stored, when the container retires."""
        began = self.context.now()
        try:
            self._timed("RequestDownloadLatency", self._download)
            end = self._invoke(container)
        except InputError as error:
            self.measure("RequestDownloadFailures", 1, "Count")
            end = End(failure_reason=f"ClientError: {error}")
        finally:
            self.spool.unlink(missing_ok=True)
        self.measure("TimeInBacklog", _ms(self.request.received, began), "Milliseconds")
        self.conclude(end)

    def conclude(self, end: End) -> None:
        """Store the outcome of the request and notify its topic; a success that cannot be stored is a failure."""
        if end.failure_reason is None:
            end = self._store_result(end)
        if end.failure_reason is not None:
            self._store_failure(end)
            self.measure("InvocationFailures", 1, "Count")
        else:
            self.measure("InvocationsProcessed", 1, "Count")
        now = self.context.now()
        self.measure("TotalProcessingTime", _ms(self.request.received, now), "Milliseconds")
        topic = self.settings.error_topic if end.failure_reason is not None else self.settings.success_topic
        if topic:
            message = notification(self.request, end, self.settings, region=self.context.region, now=now)
            try:
                publish(self.context, self.role_arn, topic, message)
            except NotificationError:
                self.measure("NotificationFailures", 1, "Count")

    def measure(self, name: str, value: float, unit: str, **more: str) -> None:
        """Publish a sample of the variant, under ``more`` dimensions."""
        dimensions = {"EndpointName": self.request.endpoint, "VariantName": self.variant, **more}
        self.context.metrics.record(
            NAMESPACE, name, dimensions, value, unit=unit, publish_every_seconds=self.metrics_period_seconds
        )

    def _download(self) -> None:
        """Stream the input into the spool file, never into memory as a whole."""
        given = self.request.input
        if isinstance(given, bytes):
            self.spool.write_bytes(given)
            return
        try:
            found = self._s3.get_object(Bucket=given.bucket, Key=given.key)
            if found["ContentLength"] > self.payload_max_bytes:
                raise InputError(
                    f"The payload at {given} has {found['ContentLength']} bytes, more than the maximum of "
                    f"{self.payload_max_bytes}."
                )
            with self.spool.open("wb") as file:
                shutil.copyfileobj(found["Body"], file)
        except (ClientError, BotoCoreError) as error:
            raise InputError(f"Failed to download the request payload from {given}: {error}") from error

    def _invoke(self, container: Container) -> End:
        headers = {**self.request.headers, "Content-Length": str(self.spool.stat().st_size)}
        began = time.perf_counter()
        with self.spool.open("rb") as body:
            try:
                outcome: ContainerResponse | None = container.invoke(body, headers, self.request.timeout_seconds)
                problem = ""
            except SlowError:
                outcome, problem = None, f"Invocation timed out after {self.request.timeout_seconds} seconds."
            except UnreachableError as error:
                outcome, problem = None, f"Received no response from model ({error}). {_SEE_LOGS}"
        self.measure_answer(outcome, time.perf_counter() - began)
        if outcome is None:
            return End(failure_reason=f"ClientError: {problem}")
        content_type = outcome.headers.get("content-type")
        if 200 <= outcome.status < 300:
            return End(response=outcome.body, content_type=content_type)
        kind = "client" if outcome.status < 500 else "server"
        reason = f"ClientError: Received {kind} error ({outcome.status}) from model. {_SEE_LOGS}"
        return End(failure_reason=reason, response=outcome.body, content_type=content_type)

    def measure_answer(self, answer: ContainerResponse | None, seconds: float) -> None:
        """Publish what one answer, None without one, adds to the metrics shared with real-time endpoints.

        "An exhaustive list of metrics for asynchronous endpoints" (SageMaker developer guide, alarms and logs for
        tracking metrics from asynchronous endpoints): no Invocations, OverheadLatency or InvocationModelErrors.
        """
        status = answer.status if answer else 0
        for name, value, unit in (
            ("Invocation4XXErrors", float(400 <= status < 500), "None"),
            ("Invocation5XXErrors", float(status == 0 or status >= 500), "None"),
            ("ModelLatency", seconds * 1e6, "Microseconds"),
        ):
            self.measure(name, value, unit)
            if self.deploying_config:
                self.measure(name, value, unit, EndpointConfigName=self.deploying_config)

    def _store_result(self, end: End) -> End:
        try:
            self._timed("ResponseUploadLatency", lambda: self._put(self.request.output, end))
        except (ClientError, BotoCoreError) as error:
            self.measure("ResponseUploadFailures", 1, "Count")
            reason = f"ClientError: Failed to upload the response to {self.request.output}: {error}"
            return End(failure_reason=reason, response=end.response, content_type=end.content_type)
        return end

    def _store_failure(self, end: End) -> None:
        """The model's response or, without one, the reason; the notification comes even when this fails."""
        if self.request.failure is None:
            return
        stored = end if end.response is not None else End(response=(end.failure_reason or "").encode())
        try:
            self._put(self.request.failure, stored)
        except (ClientError, BotoCoreError):
            self.measure("ResponseUploadFailures", 1, "Count")

    def _put(self, uri: S3Uri, end: End) -> None:
        more = {"ContentType": end.content_type} if end.content_type else {}
        self._s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=end.response or b"", **more)

    def _timed(self, name: str, act: Callable[[], None]) -> None:
        began = time.perf_counter()
        act()
        self.measure(name, (time.perf_counter() - began) * 1e6, "Microseconds")


def _ms(since: datetime, until: datetime) -> float:
    return max(0.0, (until - since).total_seconds() * 1e3)
