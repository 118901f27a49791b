"""SageMaker's notifications of asynchronous inferences, and batches of messages."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta

from sluice.async_inference.inference import AsyncInference, InferenceRequest
from sluice.async_inference.messages import Message, Notification, RetryMessage
from sluice.async_inference.transitions import AcceptedInvocation, mark_submitted, new_request
from sluice.spec.serving import AsyncServing

from functions.handle_async_result.app import run as handle_async_result
from tests.fakes.aws_state import START
from tests.fakes.sluice_world import SluiceWorld

ID = "fraud-0001"
ENDPOINT = "sluice-dev-fraud"
REQUEST = InferenceRequest(input="s3://sluice-dev-data/async/fraud/input/0001.csv", content_type="text/csv")
SERVING = AsyncServing(max_attempts=3)
TRANSIENT = "ClientError: Received server error (500) from model. See the SageMaker Endpoint logs in your account."
PERMANENT = "ClientError: Received client error (415) from model. See the SageMaker Endpoint logs in your account."


def notification(reason: str | None, *, received: int = 0, took: int = 2, inference_id: str = ID) -> Notification:
    """How an invocation ended that was received this many seconds after the start."""
    received_at = START + timedelta(seconds=received)
    return Notification(
        id=inference_id,
        endpoint=ENDPOINT,
        received_at=received_at,
        ended_at=received_at + timedelta(seconds=took),
        reason=reason,
        request=REQUEST,
        output="" if reason else f"s3://sluice-dev-data/async/fraud/output/{inference_id}-{received}.out",
        content_type="" if reason else "text/csv",
    )


def inference(inference_id: str = ID) -> AsyncInference:
    """One that SageMaker has accepted."""
    new = new_request(inference_id, REQUEST, model="fraud", endpoint=ENDPOINT, now=START)
    return mark_submitted(new, AcceptedInvocation(output="", failure=""), 1, SERVING, START)


def batch(messages: Iterable[Message | str]) -> dict[str, object]:
    """The event of the function."""
    bodies = [each if isinstance(each, str) else each.body() for each in messages]
    return {"Records": [{"messageId": str(at), "body": body} for at, body in enumerate(bodies)]}


def deliver(world: SluiceWorld, *messages: Message | str) -> list[str]:
    """Hand a batch to the function; returns the positions of the messages to be redelivered."""
    answer = handle_async_result(batch(messages), world.ports)
    return [str(each["itemIdentifier"]) for each in answer["batchItemFailures"]]


def deliver_scheduled(world: SluiceWorld) -> int:
    """Let time pass and deliver what the function sent to its own queue; how many messages that were."""
    sent, world.async_queue.sent = world.async_queue.sent, []
    for body, delay in sent:
        world.clock.pass_seconds(delay)
        assert deliver(world, body) == []
    return len(sent)


def scheduled_retries(world: SluiceWorld) -> list[RetryMessage]:
    return [
        RetryMessage(detail["inference_id"], detail["attempt"])
        for detail in (json.loads(body)["detail"] for body, _ in world.async_queue.sent)
    ]
