"""Serverless: starts cold, stays warm, goes back to zero, refuses what is too much, and changes version all at once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError

from rehearsal.material.flaws import UNHEALTHY
from rehearsal.scenarios.scene import Scene
from rehearsal.scenarios.scene_context import SceneContext

CONCURRENCY = 2
CALLERS = 6
# The hurried local AWS stops a container after 8 seconds without a request; AWS does not say when it does.
IDLE_SECONDS = 10.0
COLD_FACTOR = 3  # a container that starts takes more than this many times as long as a warm one
WARM_REQUESTS = 10


def play(context: SceneContext) -> None:
    # `apply` gets nothing but the type and its size: the strategy and the rest follow from it.
    context.apply(endpoint={"type": "serverless", "serverless": {"memory_mb": 2048, "max_concurrency": CONCURRENCY}})
    first = context.release()
    if context.outcome_of(first).kind != "RolloutPromoted":
        raise RuntimeError("the first version did not go live")

    _check_cold(context, "first request")
    with context.step("no requests for a while"):
        time.sleep(IDLE_SECONDS)
    _check_cold(context, "after a quiet time, back at zero")

    with context.step("no requests for a while"):
        time.sleep(IDLE_SECONDS)
    with ThreadPoolExecutor(CALLERS) as callers:  # all while the containers of the first of them start
        answers = list(callers.map(lambda _number: _answer(context), range(CALLERS)))
    answered = {each: answers.count(each) for each in dict.fromkeys(answers)}
    context.check(
        f"{CALLERS} requests at once",
        f"{CONCURRENCY} or more answered by v{first}, the others ThrottlingException",
        str(answered),
        right=set(answered) == {f"v{first}", "ThrottlingException"} and answered[f"v{first}"] >= CONCURRENCY,
    )

    second = context.release()
    ended = context.outcome_of(second)
    served = _answer(context)
    context.check(
        "new version",
        "promoted all at once",
        f"{ended.kind}, v{second} has had {context.weights(second)} in stages, {served} answers",
        right=ended.kind == "RolloutPromoted" and context.weights(second) == [] and served == f"v{second}",
    )

    broken = context.release(UNHEALTHY)
    ended, served = context.outcome_of(broken), _answer(context)
    context.check(
        "version that does not start",
        f"not promoted, v{second} serves on",
        f"{ended.kind}, {served} answers, registry: {context.package(broken)['ModelApprovalStatus']}",
        right=ended.kind in ("RolloutFailed", "RolloutRolledBack")
        and served == f"v{second}"
        and context.package(broken)["ModelApprovalStatus"] == "Rejected",
    )


def _check_cold(context: SceneContext, what: str) -> None:
    """One request, and then the quickest of several: a busy machine can make any one of them slow."""
    cold = _seconds(context)
    warm = min(_seconds(context) for _ in range(WARM_REQUESTS))
    context.check(
        what,
        "waits for a container, the next ones do not",
        f"{cold * 1000:.0f} ms, then down to {warm * 1000:.0f} ms",
        right=cold > COLD_FACTOR * warm,
    )


def _seconds(context: SceneContext) -> float:
    started = time.perf_counter()
    _ask(context)
    return time.perf_counter() - started


def _answer(context: SceneContext) -> str:
    """The variant that answered, or the error."""
    try:
        return _ask(context)
    except ClientError as error:
        return str(error.response["Error"]["Code"])


def _ask(context: SceneContext) -> str:
    answer = context.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=context.endpoint, ContentType="text/csv", Body=next(context.rows())
    )
    answer["Body"].read()
    return str(answer["InvokedProductionVariant"])


SCENE = Scene(name="serverless", about="cold, warm, back to zero, refused above its concurrency", play=play)
