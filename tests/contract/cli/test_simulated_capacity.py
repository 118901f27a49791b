"""The simulation of `sluice simulate scaling` beside a real endpoint of the local AWS, on the same small traces."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random
from statistics import median

import pytest

from cli.sizing.capacity.policy import TargetTracking
from cli.sizing.capacity.simulator import Fleet, percentile, simulate
from cli.sizing.capacity.trace import Trace
from localaws.tests.contract.services.sagemaker.endpoints.artifacts import ONE_BY_ONE_SECONDS
from localaws.tests.contract.services.sagemaker.serving.account import Account
from localaws.tests.contract.services.sagemaker.serving.test_autoscaling import scaled

SEED = 5
BURST = Trace(60, (10, 10, 50, 50, 50, 50, *([5] * 18)))
POLICY = TargetTracking(target=20, min_instances=1, max_instances=3)
MINUTES_OFF = 2  # the real policy looks a moment after the minute, and may see it in the next
FACTOR_OFF = 2.0  # of latencies: a machine that does other things, too


def test_instances_come_and_go_when_the_simulation_says_so(account: Account) -> None:
    variant = scaled(account, "foreseen")
    variant.register(POLICY.min_instances, POLICY.max_instances)
    variant.track()
    seen = []
    for requests in BURST.counts:
        variant.minutes([requests])
        threading.Event().wait(0.3)  # the policy looks ten times a second
        account.settled("foreseen")
        seen.append(variant.count)
    fleet = Fleet(concurrency=1, service_time=lambda _random: 0.01, startup_seconds=0, usd_per_hour=0)
    foreseen = [minute.ready for minute in simulate(BURST, POLICY, fleet, seed=SEED).minutes]
    assert max(seen) == max(foreseen) == 3
    assert seen[-1] == foreseen[-1] == 1
    for count in (3, 1):
        assert _reached(seen, count) == pytest.approx(_reached(foreseen, count), abs=MINUTES_OFF)


def _reached(counts: list[int], wanted: int) -> int:
    """The minute in which the count became the wanted one for the last time."""
    return max(at for at, count in enumerate(counts) if count == wanted and (at == 0 or counts[at - 1] != wanted))


def test_requests_wait_as_long_as_the_simulation_says(account: Account) -> None:
    account.model("one-by-one", "script-one-by-one")
    account.endpoint("queueing", {"ModelName": "one-by-one"})

    def seconds(due: float) -> float:
        threading.Event().wait(max(0.0, due - time.monotonic()))
        account.runtime.invoke_endpoint(EndpointName="queueing", Body=b"1,2,3", ContentType="text/csv")
        return time.monotonic() - due

    alone = median(seconds(time.monotonic()) for _ in range(10))
    on_the_way = max(0.0, alone - ONE_BY_ONE_SECONDS)  # what is no queueing: network, client
    trace = Trace(1, [round(0.6 / ONE_BY_ONE_SECONDS)] * 12)  # 60 % of what it can do
    begin = time.monotonic() + 0.5
    with ThreadPoolExecutor(32) as clients:
        waited = sorted(clients.map(seconds, [begin + at for at in trace.arrivals(Random(SEED))]))
    fleet = Fleet(concurrency=1, service_time=lambda _random: ONE_BY_ONE_SECONDS, startup_seconds=0, usd_per_hour=0)
    foreseen = simulate(trace, TargetTracking(max_instances=1), fleet, seed=SEED).latencies
    assert len(waited) == len(foreseen) == trace.total
    for share in (0.5, 0.95):
        real, simulated = percentile(waited, share), percentile(foreseen, share)
        assert real is not None
        assert simulated is not None
        ratio = real / (simulated + on_the_way)
        assert 1 / FACTOR_OFF < ratio < FACTOR_OFF, f"{share:.0%}: {real:.3f} s, simulated {simulated:.3f} s"
