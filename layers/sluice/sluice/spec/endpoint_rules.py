"""Rules between the fields of ``endpoint``, and between the type and the rollout: the combinations that AWS refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sluice.errors import Problem
from sluice.spec.scaling import ScheduledRange
from sluice.spec.schema.rule import Rule
from sluice.spec.serving_modes import ASYNC, BATCH, BATCH_IN_FLIGHT_MB, SERVERLESS, STRATEGIES

_ACCELERATED = re.compile(r"ml\.(g|p|inf|trn)\d.*")  # families with GPUs, Inferentia or Trainium


def _accelerator_for_serverless(kind: str, instance_type: str) -> Iterator[Problem]:
    if kind == SERVERLESS and _ACCELERATED.fullmatch(instance_type):
        message = f"{instance_type} has an accelerator, which a serverless endpoint cannot have"
        yield Problem("endpoint.instance_type", instance_type, "a type without GPU; serverless ignores it", message)


def _more_warm_than_allowed(warm: int, most: int) -> Iterator[Problem]:
    if warm > most:
        message = f"{warm} containers kept warm are more than the {most} that may run"
        allowed = f"1 to {most} (endpoint.serverless.max_concurrency), or null"
        yield Problem("endpoint.serverless.provisioned_concurrency", warm, allowed, message)


def _strategy_that_the_type_cannot_do(kind: str, strategy: str) -> Iterator[Problem]:
    if strategy != "auto" and strategy not in STRATEGIES[kind]:
        allowed = " | ".join(("auto", *STRATEGIES[kind]))
        yield Problem("rollout.strategy", strategy, allowed, f"{strategy!r} needs another endpoint.type than {kind}")


def _crossed_range(path: str, least: int, most: int) -> Iterator[Problem]:
    if least > most:
        yield Problem(f"{path}.min", least, f"up to {most} ({path}.max)", f"{least} is more than the maximum")


def _zero(kind: str, path: str, least: int) -> Iterator[Problem]:
    if least == 0 and kind not in (ASYNC, BATCH):
        message = f"a {kind} endpoint cannot scale to zero" if kind != SERVERLESS else "keeps no container warm"
        yield Problem(f"{path}.min", least, "1 or more; 0 for async only", message)


def _scaling_range(kind: str, least: int, most: int) -> Iterator[Problem]:
    yield from _crossed_range("endpoint.scaling", least, most)
    yield from _zero(kind, "endpoint.scaling", least)


def _scheduled_ranges(kind: str, scheduled: tuple[ScheduledRange, ...]) -> Iterator[Problem]:
    for index, one in enumerate(scheduled):
        path = f"endpoint.scaling.scheduled[{index}]"
        yield from _crossed_range(path, one.min, one.max)
        yield from _zero(kind, path, one.min)


def _unreachable_share(kind: str, _warm: int, target: float) -> Iterator[Problem]:
    if kind == SERVERLESS and target > 1:
        message = f"{target:g} is no share of the containers kept warm"
        yield Problem("endpoint.scaling.target", target, "above 0 and up to 1 for serverless, or null", message)


def _more_in_flight_than_an_instance_holds(transforms: int, megabytes: int) -> Iterator[Problem]:
    if transforms * megabytes > BATCH_IN_FLIGHT_MB:
        message = f"{transforms} requests of {megabytes} MB at the same time are more than {BATCH_IN_FLIGHT_MB} MB"
        allowed = f"1 to {BATCH_IN_FLIGHT_MB // megabytes} with endpoint.batch.max_payload_mb {megabytes}"
        yield Problem("endpoint.batch.max_concurrent_transforms", transforms, allowed, message)


ENDPOINT_RULES = (
    Rule(
        ("endpoint.batch.max_concurrent_transforms", "endpoint.batch.max_payload_mb"),
        _more_in_flight_than_an_instance_holds,
    ),
    Rule(("endpoint.type", "endpoint.instance_type"), _accelerator_for_serverless),
    Rule(
        ("endpoint.serverless.provisioned_concurrency", "endpoint.serverless.max_concurrency"),
        _more_warm_than_allowed,
    ),
    Rule(("endpoint.type", "rollout.strategy"), _strategy_that_the_type_cannot_do),
    Rule(("endpoint.type", "endpoint.scaling.min", "endpoint.scaling.max"), _scaling_range),
    Rule(("endpoint.type", "endpoint.scaling.scheduled"), _scheduled_ranges),
    Rule(
        ("endpoint.type", "endpoint.serverless.provisioned_concurrency", "endpoint.scaling.target"), _unreachable_share
    ),
)
