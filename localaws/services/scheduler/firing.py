"""Sends a schedule's input to its target under the schedule's role, with retries and a dead-letter queue."""

from __future__ import annotations

import logging
import random
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localaws.context import Context
from localaws.runtime.delay_queue import DelayQueue
from localaws.services.events.retry import DeliveryRetryPolicy, Failure, Redeliver, after_failure
from localaws.services.events.targets import failure_of
from localaws.services.scheduler.schedules import Schedule

log = logging.getLogger(__name__)

_WORKERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """One time at which a schedule fell due."""

    schedule: Schedule
    due: datetime
    id: str

    def text(self, attempt: int) -> str:
        """The target's input with the context attributes filled in."""
        attributes = {
            "schedule-arn": self.schedule.arn,
            "scheduled-time": self.due.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "execution-id": self.id,
            "attempt-number": str(attempt),
        }
        text: str = self.schedule.settings["Target"].get("Input", "{}")
        for name, value in attributes.items():
            text = text.replace(f"<aws.scheduler.{name}>", value)
        return text


class TargetSender:
    """Sends to Lambda and SQS through their public APIs. ``time_scale`` shortens the waits between attempts."""

    def __init__(self, context: Context, *, time_scale: float) -> None:
        self._context = context
        self._time_scale = time_scale
        self._queue = DelayQueue(context, "scheduler", _WORKERS)
        self._jitter = random.Random()  # noqa: S311 - spreads retries, guards nothing

    def start(self) -> None:
        self._queue.start()

    def stop(self) -> None:
        self._queue.stop()

    def fire(self, schedule: Schedule, due: datetime) -> None:
        firing = Firing(schedule=schedule, due=due, id=str(uuid.uuid4()))
        self._queue.add(lambda: self._attempt(firing, 1))

    def _attempt(self, firing: Firing, attempt: int) -> None:
        target = firing.schedule.settings["Target"]
        try:
            self._send(target["Arn"], target["RoleArn"], firing.text(attempt))
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
            found = error.response["Error"]
            self._after_failure(firing, attempt, failure_of(found["Code"], status, found["Message"]))
        except BotoCoreError as error:
            self._after_failure(firing, attempt, Failure("TIMEOUT", str(error), may_pass=True))

    def _after_failure(self, firing: Firing, attempt: int, failure: Failure) -> None:
        target = firing.schedule.settings["Target"]
        decision = after_failure(
            failure,
            DeliveryRetryPolicy.of_target(target),
            retries=attempt - 1,
            age_seconds=(self._context.now() - firing.due).total_seconds() / self._time_scale,
            jitter=self._jitter.random(),
        )
        if isinstance(decision, Redeliver):
            delay = decision.delay_seconds * self._time_scale
            self._queue.add(lambda: self._attempt(firing, attempt + 1), delay_seconds=delay)
            return
        log.warning("schedule %s could not reach %s: %s", firing.schedule.name, target["Arn"], failure)
        queue = target.get("DeadLetterConfig", {}).get("Arn")
        if queue:
            attributes = {"ERROR_CODE": failure.code, "ERROR_MESSAGE": failure.message, "TARGET_ARN": target["Arn"]}
            typed = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
            self._send_message(queue, target["RoleArn"], MessageBody=firing.text(attempt), MessageAttributes=typed)

    def _send(self, arn: str, role: str, text: str) -> None:
        if arn.split(":")[2] == "lambda":
            client = self._context.client("lambda", role)
            client.invoke(FunctionName=arn, InvocationType="Event", Payload=text.encode())
        else:
            self._send_message(arn, role, MessageBody=text)

    def _send_message(self, queue_arn: str, role: str, **message: Any) -> None:
        name = queue_arn.rsplit(":", 1)[-1]
        url = self._context.client("sqs", None).get_queue_url(QueueName=name)["QueueUrl"]
        self._context.client("sqs", role).send_message(QueueUrl=url, **message)
