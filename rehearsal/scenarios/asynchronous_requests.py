"""Requests to an asynchronous endpoint of a scene, and what becomes of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from rehearsal.scenarios.scene_context import SceneContext

ENDPOINT = {
    "type": "async",
    "instance_count": 1,
    "async": {"max_concurrent_invocations_per_instance": 2, "max_attempts": 3, "retry_delay": "1s"},
    "scaling": {"min": 0, "max": 3, "target": 4, "scale_in_cooldown": "0s", "scale_out_cooldown": "0s"},
}
WAIT_SECONDS = 150.0
SCALING_SECONDS = 240.0  # the first instance comes with an alarm of a minute


def rows(context: SceneContext, count: int) -> str:
    """So many rows of the scene's model."""
    return "".join(f"{row}\n" for row in islice(context.rows(), count))


def put_input(context: SceneContext, name: str, text: str) -> str:
    """Store an input; its URI."""
    bucket, key = context.around.bucket(), f"async/{context.model}/input/{name}"
    context.client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())
    return f"s3://{bucket}/{key}"


def instances_until(context: SceneContext, enough: Callable[[list[int]], bool]) -> list[int]:
    """The numbers of instances that the endpoint has had, until they are as wanted."""
    seen: list[int] = []
    deadline = time.monotonic() + SCALING_SECONDS
    while True:
        shown = context.client("sagemaker").describe_endpoint(EndpointName=context.endpoint)
        count = sum(each["CurrentInstanceCount"] for each in shown["ProductionVariants"])
        if seen[-1:] != [count]:
            seen.append(count)
        if enough(seen) or time.monotonic() > deadline:
            return seen
        time.sleep(0.5)


def results_of(context: SceneContext, ids: Sequence[str]) -> list[dict[str, Any]]:
    """What became of these requests, once none is pending or the patience is over; in their order."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        listed = json.loads(context.sluice("results", "list", context.model, "--limit", "5000", "--output", "json"))
        known = {each["id"]: each for each in listed["inferences"]}
        found = [known.get(each, {"id": each, "status": "unknown", "version": None}) for each in ids]
        if all(each["status"] in ("ready", "parked") for each in found) or time.monotonic() > deadline:
            return found
        time.sleep(1)
