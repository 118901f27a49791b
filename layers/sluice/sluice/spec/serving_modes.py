"""The four ways to serve a model, and how a new version can take over in each."""

from __future__ import annotations

from collections.abc import Mapping

REAL_TIME = "real-time"
SERVERLESS = "serverless"
ASYNC = "async"
BATCH = "batch"

STRATEGIES: Mapping[str, tuple[str, ...]] = {
    REAL_TIME: ("canary", "linear", "ab_test", "shadow", "blue_green", "all_at_once"),
    SERVERLESS: ("all_at_once",),
    ASYNC: ("blue_green", "all_at_once"),
    BATCH: ("all_at_once",),
}
"""What each type can do; the first is what ``auto`` means. Only real-time endpoints share traffic between variants:
a serverless endpoint has exactly one, and an async queue is worked off by one."""


def strategy_of(kind: str, strategy: str) -> str:
    """The strategy that ``auto`` stands for on this type of endpoint; any other is itself."""
    return STRATEGIES[kind][0] if strategy == "auto" else strategy


_SERVES = {
    REAL_TIME: "answers real-time requests on instances",
    SERVERLESS: "is serverless",
    ASYNC: "answers asynchronously",
}


def obstacle_between(endpoint: str, served: str, wanted: str) -> str | None:
    """Why an endpoint that serves in one way cannot serve in another under its name; None if it can.

    SageMaker makes no endpoint with instances serverless. The other direction works once, but there would be no way
    back to the old version; and the clients of a queue and of a real-time endpoint ask in different ways.
    """
    if wanted in (served, BATCH):
        return None
    return f"endpoint {endpoint} {_SERVES[served]} and cannot become {wanted}; set endpoint.suffix to make a new one"


REAL_TIME_PAYLOAD_MB = 6


REAL_TIME_RESPONSE_SECONDS = 60


SERVERLESS_PAYLOAD_MB = 4


SERVERLESS_RESPONSE_SECONDS = 60


SERVERLESS_MEMORY_MB = (1024, 2048, 3072, 4096, 5120, 6144)


SERVERLESS_CONCURRENCY = 200


ASYNC_PAYLOAD_MB = 1024


ASYNC_RESPONSE_SECONDS = 3600


BATCH_RESPONSE_SECONDS = 3600
"""For one mini-batch."""


BATCH_PAYLOAD_MB = 100


BATCH_IN_FLIGHT_MB = 100
"""Largest request times requests at the same time, on one instance."""


BATCH_INSTANCES = 100
