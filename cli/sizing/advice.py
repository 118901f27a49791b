"""Which way to serve fits a workload, why, and what each other way would break or cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import ceil

from sluice.batch.instance_prices import Prices
from sluice.spec.serving_modes import (
    ASYNC_PAYLOAD_MB,
    ASYNC_RESPONSE_SECONDS,
    BATCH_RESPONSE_SECONDS,
    REAL_TIME_PAYLOAD_MB,
    REAL_TIME_RESPONSE_SECONDS,
    SERVERLESS_CONCURRENCY,
    SERVERLESS_PAYLOAD_MB,
    SERVERLESS_RESPONSE_SECONDS,
)

from cli.sizing.serving_costs import Costs, Crossover, Workload

TYPES = ("real-time", "serverless", "async", "batch")
TRAFFIC = {
    "steady": "about the same day and night",
    "spiky": "quiet hours and sudden peaks",
    "rare": "now and then a request",
    "batch": "many rows at once, such as every night",
}
LATENCY = {
    "instant": "someone waits, no request may be seconds late",
    "seconds": "someone waits, a few seconds now and then are fine",
    "minutes": "the answer may be fetched some minutes later",
    "hours": "the answer is needed hours later",
}
SCHEDULES = ("none", "hourly", "daily", "weekly", "monthly")

_INSTANCES_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One way to serve, judged for a workload."""

    type: str
    breaks: tuple[str, ...]
    """Why it cannot serve this workload; empty when it can."""
    drawbacks: tuple[str, ...]
    """The drawbacks of this choice."""
    usd_per_month: float

    @property
    def fits(self) -> bool:
        return not self.breaks


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to choose; ``chosen`` is None when no way to serve fits."""

    chosen: Verdict | None
    why: str
    verdicts: tuple[Verdict, ...]
    """All ways, in the order of ``TYPES``."""
    crossover: Crossover | None
    costs: Costs


def advise(load: Workload, prices: Prices) -> Advice:
    """A job for what comes in batches, otherwise the cheapest way that fits."""
    costs = Costs(load, prices)
    verdicts = tuple(_judge(kind, costs) for kind in TYPES)
    chosen, why = _choose(load, verdicts)
    crossover = None if load.gpu else costs.crossover()
    return Advice(chosen=chosen, why=why, verdicts=verdicts, crossover=crossover, costs=costs)


def _choose(load: Workload, verdicts: tuple[Verdict, ...]) -> tuple[Verdict | None, str]:
    fitting = sorted((one for one in verdicts if one.fits), key=lambda one: one.usd_per_month)
    if not fitting:
        nearest = min(verdicts, key=lambda one: len(one.breaks))
        return None, f"No way to serve fits. The nearest is {nearest.type}, but: {'; '.join(nearest.breaks)}."
    jobs = [one for one in fitting if one.type == "batch"]
    if load.traffic == "batch" and jobs:
        return jobs[0], "All rows come at once and nobody waits for them: a job scores them, and nothing runs between."
    best, *others = fitting
    if not others:
        return best, "It is the only way that fits."
    return best, f"It fits and costs least: ${best.usd_per_month:,.2f} a month. {_runner_up(others[0])}"


def _runner_up(other: Verdict) -> str:
    return f"Next is {other.type} with ${other.usd_per_month:,.2f}."


def _judge(kind: str, costs: Costs) -> Verdict:
    breaks, drawbacks, cost = {
        "real-time": (_real_time_breaks, _real_time_drawbacks, costs.real_time),
        "serverless": (_serverless_breaks, _serverless_drawbacks, costs.serverless),
        "async": (_async_breaks, _async_drawbacks, costs.asynchronous),
        "batch": (_batch_breaks, _batch_drawbacks, costs.batch),
    }[kind]
    return Verdict(
        type=kind,
        breaks=tuple(breaks(costs)),
        drawbacks=tuple(drawbacks(costs.load)),
        usd_per_month=cost(costs.load.requests_per_month),
    )


def _over(value: float, most: float, what: str, unit: str) -> Iterator[str]:
    if value > most:
        yield f"{what} of {value:g} {unit} is over its limit of {most:g} {unit}"


def _real_time_breaks(costs: Costs) -> Iterator[str]:
    load = costs.load
    yield from _over(load.payload_mb, REAL_TIME_PAYLOAD_MB, "a request", "MB")
    yield from _over(load.response_seconds, REAL_TIME_RESPONSE_SECONDS, "a response time", "s")
    yield from _over(costs.instances(load.requests_per_month), _INSTANCES_MAX, "a fleet", "instances")


def _real_time_drawbacks(_load: Workload) -> Iterator[str]:
    yield "at least one instance runs, and is paid, all the time"


def _serverless_breaks(costs: Costs) -> Iterator[str]:
    load = costs.load
    if load.gpu:
        yield "it has no GPU"
    yield from _over(load.payload_mb, SERVERLESS_PAYLOAD_MB, "a request", "MB")
    yield from _over(load.response_seconds, SERVERLESS_RESPONSE_SECONDS, "a response time", "s")
    yield from _over(ceil(load.peak_concurrency), SERVERLESS_CONCURRENCY, "a peak", "requests at once")
    if load.latency == "instant":
        yield "after a quiet time a request waits seconds for a cold start"


def _serverless_drawbacks(load: Workload) -> Iterator[str]:
    if load.latency == "seconds":
        yield "a request after a quiet time waits seconds for a cold start"
    yield "an endpoint with instances cannot become serverless later: it needs a new name"


def _async_breaks(costs: Costs) -> Iterator[str]:
    load = costs.load
    yield from _over(load.payload_mb, ASYNC_PAYLOAD_MB, "a request", "MB")
    yield from _over(load.response_seconds, ASYNC_RESPONSE_SECONDS, "a response time", "s")
    if load.latency in ("instant", "seconds"):
        yield "nobody can wait for the answer: it is queued, and from zero an instance takes minutes to start"


def _async_drawbacks(load: Workload) -> Iterator[str]:
    yield "inputs and results are S3 objects, which the caller writes and fetches"
    if load.traffic == "steady":
        yield "with steady traffic it never scales to zero"


def _batch_breaks(costs: Costs) -> Iterator[str]:
    load = costs.load
    yield from _over(load.response_seconds, BATCH_RESPONSE_SECONDS, "a response time", "s")
    if load.latency != "hours":
        yield "it has no endpoint: answers come when the job ends"


def _batch_drawbacks(load: Workload) -> Iterator[str]:
    yield "no single request can be answered between the runs"
    if load.schedule == "none":
        yield "someone or something has to start the job"


def endpoint_settings(kind: str, costs: Costs) -> Mapping[str, object]:
    """The ``endpoint:`` section of a spec for one way to serve, sized for the workload."""
    load = costs.load
    count = min(_INSTANCES_MAX, costs.instances(load.requests_per_month))
    concurrency = min(SERVERLESS_CONCURRENCY, max(1, ceil(2 * load.peak_concurrency)))
    sized: Mapping[str, Callable[[], Mapping[str, object]]] = {
        "real-time": lambda: {"instance_type": load.instance_type, "instance_count": count},
        "serverless": lambda: {"serverless": {"memory_mb": load.memory_mb, "max_concurrency": concurrency}},
        "async": lambda: {
            "instance_type": load.instance_type,
            "async": {"max_concurrent_invocations_per_instance": costs.instance.slots},
        },
        "batch": lambda: {"instance_type": load.instance_type, "batch": {"instance_count": 1}},
    }
    return {"type": kind, **sized[kind]()}
