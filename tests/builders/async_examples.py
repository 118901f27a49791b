"""Words of SageMaker on asynchronous inferences."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import timedelta

from sluice.async_inference.inference import Entry, Request
from sluice.async_inference.messages import Message, Notice, TryAgain
from sluice.async_inference.transitions import Invoked, asked, invoked
from sluice.spec.serving import AsyncServing

from functions.handle_async_result.app import run as handle_async_result
from tests.fakes.aws_state import START
from tests.fakes.sluice_world import SluiceWorld

ID = "fraud-0001"
ENDPOINT = "sluice-dev-fraud"
REQUEST = Request(input="s3://sluice-dev-data/async/fraud/input/0001.csv", content_type="text/csv")
SERVING = AsyncServing(max_attempts=3)
PASSING = "ClientError: Received server error (500) from model. See the SageMaker Endpoint logs in your account."
FINAL = "ClientError: Received client error (415) from model. See the SageMaker Endpoint logs in your account."


def notice(reason: str | None, *, received: int = 0, took: int = 2, inference_id: str = ID) -> Notice:
    """How an invocation ended that was received this many seconds after the start."""
    received_at = START + timedelta(seconds=received)
    return Notice(
        id=inference_id,
        endpoint=ENDPOINT,
        received_at=received_at,
        ended_at=received_at + timedelta(seconds=took),
        reason=reason,
        request=REQUEST,
        output="" if reason else f"s3://sluice-dev-data/async/fraud/output/{inference_id}-{received}.out",
        content_type="" if reason else "text/csv",
    )


def entry(inference_id: str = ID) -> Entry:
    """One that SageMaker has accepted."""
    new = asked(inference_id, REQUEST, model="fraud", endpoint=ENDPOINT, now=START)
    return invoked(new, Invoked(output="", failure=""), 1, SERVING, START)


def batch(messages: Iterable[Message | str]) -> dict[str, object]:
    """The event of the function."""
    bodies = [each if isinstance(each, str) else each.body() for each in messages]
    return {"Records": [{"messageId": str(at), "body": body} for at, body in enumerate(bodies)]}


def deliver(world: SluiceWorld, *messages: Message | str) -> list[str]:
    """Hand a batch to the function; the positions of the messages that are to come again."""
    answer = handle_async_result(batch(messages), world.ports)
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def deliver_booked(world: SluiceWorld) -> int:
    """Let time pass and deliver what the function sent to its own queue; how many messages that were."""
    sent, world.async_queue.sent = world.async_queue.sent, []
    for body, delay in sent:
        world.clock.pass_seconds(delay)
        assert deliver(world, body) == []
    return len(sent)


def attempts_booked(world: SluiceWorld) -> list[TryAgain]:
    return [
        TryAgain(detail["inference_id"], detail["attempt"])
        for detail in (json.loads(body)["detail"] for body, _ in world.async_queue.sent)
    ]
