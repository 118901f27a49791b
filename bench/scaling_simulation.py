"""How fast a trace is simulated: ``python -m bench.scaling_simulation`` prints requests per second, best of three."""

from __future__ import annotations

from time import perf_counter

from cli.sizing.capacity.policy import TargetTracking
from cli.sizing.capacity.simulator import Fleet, simulate
from cli.sizing.capacity.trace import read_trace
from cli.sizing.simulate import SHIPPED_TRACE


def seconds_for_one_run(service_seconds: float) -> float:
    trace = read_trace(SHIPPED_TRACE)
    fleet = Fleet(concurrency=2, service_time=lambda _random: service_seconds, startup_seconds=300, usd_per_hour=0.115)
    begun = perf_counter()
    simulate(trace, TargetTracking(), fleet, seed=0).totals()
    return perf_counter() - begun


def main() -> None:
    requests = read_trace(SHIPPED_TRACE).total
    for service_seconds in (0.03, 0.2):
        best = min(seconds_for_one_run(service_seconds) for _ in range(3))
        print(f"{service_seconds * 1000:.0f} ms of service: {requests / best:,.0f} requests a second")


if __name__ == "__main__":
    main()
