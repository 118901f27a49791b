"""The four endpoint types, their limits, and the rollout strategies that each supports."""

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
"""The strategies of each type; ``auto`` means the first. Only real-time endpoints split traffic between variants:
a serverless endpoint has exactly one variant, and so has the consumer of an async queue."""


def strategy_of(kind: str, strategy: str) -> str:
    """The strategy that ``auto`` stands for on this type of endpoint; any other is itself."""
    return STRATEGIES[kind][0] if strategy == "auto" else strategy


_SERVES = {
    REAL_TIME: "answers real-time requests on instances",
    SERVERLESS: "is serverless",
    ASYNC: "answers asynchronously",
}


def obstacle_between(endpoint: str, served: str, wanted: str) -> str | None:
    """Why an endpoint of one type cannot be updated to another type under the same name; None if it can.

    SageMaker converts no endpoint with instances to serverless. The other direction works, but it could not be
    rolled back; and clients invoke async and real-time endpoints by different APIs.
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


_MODEL_SERVER_SECONDS = 60
"""After which the server in SageMaker's framework images (gunicorn and nginx) stops a request, unless it is told."""


def model_server_environment(response_seconds: int | None) -> dict[str, str]:
    """What lets a container take ``response_seconds`` for a request; nothing where its server allows that anyway.

    None: of an endpoint that answers at once, which SageMaker itself gives a minute.
    """
    if response_seconds is None or response_seconds <= _MODEL_SERVER_SECONDS:
        return {}
    return {"SAGEMAKER_MODEL_SERVER_TIMEOUT": str(response_seconds)}


ASYNC_PAYLOAD_MB = 1024


ASYNC_RESPONSE_SECONDS = 3600


BATCH_RESPONSE_SECONDS = 3600
"""For one mini-batch."""


BATCH_PAYLOAD_MB = 100


BATCH_IN_FLIGHT_MB = 100
"""Largest request times requests at the same time, on one instance."""


BATCH_INSTANCES = 100
