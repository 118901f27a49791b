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


def obstacle_between(served: str, wanted: str, strategy: str) -> str | None:
    """Why an endpoint of one type cannot become one of another under its name; None if it can.

    An endpoint with instances cannot become serverless (SageMaker refuses it). A serverless one can get instances,
    but not beside it: all at once. A queue is a property of the endpoint's clients, who would all fail at once.
    """
    if served == wanted or BATCH in (served, wanted):
        return None
    if (served, wanted) == (SERVERLESS, REAL_TIME):
        if strategy == "all_at_once":
            return None
        return f"it is serverless, and gets instances by rollout.strategy all_at_once only, not by {strategy}"
    return f"it is {served} and cannot become {wanted}"
