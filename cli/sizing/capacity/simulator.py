"""Replays a trace against a scaling policy; the same input and seed always give the same run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from math import ceil, inf
from random import Random

from cli.sizing.capacity.policy import Scaler, TargetTracking
from cli.sizing.capacity.pool import Pool
from cli.sizing.capacity.trace import Trace

ServiceTime = Callable[[Random], float]
"""How long the model works on the next request, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What the endpoint's instances are like."""

    concurrency: int
    """Requests that one instance works on at once."""
    service_time: ServiceTime
    startup_seconds: float
    timeout_seconds: float = 60.0
    """SageMaker gives up on a real-time request after this."""
    initial_instances: int = 1
    usd_per_hour: float


@dataclass(slots=True)
class Minute:
    """One minute of a run; answers and rejections count in the minute in which the request came."""

    arrived: int = 0
    rejected: int = 0
    ready: int = 0
    """Instances that take requests at its end."""
    starting: int = 0
    waiting: int = 0
    """Requests in the queue at its end."""
    capacity_seconds: float = 0.0
    """The slot time that its ready instances offered."""
    busy_seconds: float = 0.0
    """The slot time that was used; an instance that was removed may still finish its requests."""
    latencies: list[float] = field(default_factory=list)
    """Latencies of the answers in seconds; sorted once the run is over."""

    @property
    def utilisation(self) -> float:
        return min(1.0, self.busy_seconds / self.capacity_seconds) if self.capacity_seconds else 0.0

    def percentile(self, share: float) -> float | None:
        """Seconds within which this share of the answers came; None without answers."""
        return percentile(self.latencies, share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """A run in a few numbers; latencies are in seconds, and None when nothing was answered."""

    requests: int
    rejected: int
    most_instances: int
    instance_hours: float
    utilisation: float
    """Share of the ready capacity that was used."""
    p50: float | None
    p95: float | None
    p99: float | None
    worst_p95: float | None
    """The 95th percentile of the slowest minute."""
    usd: float


@dataclass(frozen=True, slots=True)
class Run:
    """A whole simulated run; a request is answered or rejected."""

    minutes: list[Minute]
    instance_hours: float
    usd_per_hour: float
    latencies: list[float]
    """Latencies of all answered requests in seconds, sorted."""

    def totals(self) -> Totals:
        minutes = self.minutes
        capacity = sum(one.capacity_seconds for one in minutes)
        slow = [found for one in minutes if (found := one.percentile(0.95)) is not None]
        return Totals(
            requests=sum(one.arrived for one in minutes),
            rejected=sum(one.rejected for one in minutes),
            most_instances=max(one.ready + one.starting for one in minutes),
            instance_hours=self.instance_hours,
            utilisation=min(1.0, sum(one.busy_seconds for one in minutes) / capacity) if capacity else 0.0,
            p50=percentile(self.latencies, 0.5),
            p95=percentile(self.latencies, 0.95),
            p99=percentile(self.latencies, 0.99),
            worst_p95=max(slow, default=None),
            usd=self.instance_hours * self.usd_per_hour,
        )


def percentile(ordered: list[float], share: float) -> float | None:
    """The smallest value that this share of all values does not exceed."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None


def simulate(trace: Trace, policy: TargetTracking, fleet: Fleet, *, seed: int) -> Run:
    """Replay every request; the requests and their service times do not depend on the policy."""
    replay = _Replay(trace, policy, fleet, Random(seed), Random(seed + 1))  # noqa: S311  # no secret
    return replay.run()


class _Replay:
    def __init__(self, trace: Trace, policy: TargetTracking, fleet: Fleet, when: Random, how_long: Random) -> None:
        self._fleet, self._policy, self._trace = fleet, policy, trace
        self._arrivals, self._how_long = trace.arrivals(when), how_long
        self._pool = Pool(concurrency=fleet.concurrency, timeout=fleet.timeout_seconds)
        self._scaler = Scaler(policy)
        self._minutes = [Minute() for _ in range(trace.minutes)]
        self._instances = min(max(fleet.initial_instances, policy.min_instances), policy.max_instances)
        self._pool.add(self._instances, ready=0.0)
        self._ready_at = 0.0
        self._paid_seconds = 0.0

    def run(self) -> Run:
        arrivals = self._arrivals
        held: Iterator[float] = iter(())
        for index, minute in enumerate(self._minutes):
            end = 60.0 * (index + 1)
            self._account_capacity(minute, end)
            for arrived in chain(held, arrivals):
                if arrived >= end:
                    held = iter((arrived,))
                    break
                minute.arrived += 1
                self._pool.arrive(arrived, self._fleet.service_time(self._how_long))
            self._serve(end)
            self._close(minute, end)
        self._serve(inf)
        return self._ended()

    def _serve(self, now: float) -> None:
        minutes, last = self._minutes, len(self._minutes) - 1
        for answer in self._pool.serve_until(now):
            minute = minutes[int(answer.arrived // 60)]
            if answer.rejected:
                minute.rejected += 1
                continue
            minute.latencies.append(answer.finished - answer.arrived)
            first, final = int(answer.started // 60), int(answer.finished // 60)
            if first == final <= last:
                minutes[first].busy_seconds += answer.finished - answer.started
            else:
                self._spread(answer.started, answer.finished)

    def _spread(self, started: float, finished: float) -> None:
        """Work over the end of a minute counts in each of its minutes; after the trace, nowhere."""
        for index in range(int(started // 60), min(int(finished // 60) + 1, len(self._minutes))):
            begin, end = 60.0 * index, 60.0 * (index + 1)
            self._minutes[index].busy_seconds += min(finished, end) - max(started, begin)

    def _account_capacity(self, minute: Minute, end: float) -> None:
        """Instances change only between minutes, but those that start become ready at any time."""
        starting = self._instances - self._pool.ready(end - 60)
        served = 60.0 * (self._instances - starting) + starting * min(60.0, max(0.0, end - self._ready_at))
        minute.capacity_seconds = served * self._fleet.concurrency
        self._paid_seconds += 60.0 * self._instances

    def _close(self, minute: Minute, end: float) -> None:
        ready = self._pool.ready(end)
        minute.ready, minute.starting, minute.waiting = ready, self._instances - ready, self._pool.waiting
        wanted = self._scaler.decide(
            end,
            per_instance=minute.arrived / ready if minute.arrived and ready else None,
            instances=self._instances,
            starting=ready < self._instances,
        )
        if wanted > self._instances:
            self._ready_at = end + self._fleet.startup_seconds
            self._pool.add(wanted - self._instances, ready=self._ready_at)
        elif wanted < self._instances:
            self._pool.remove(self._instances - wanted)
        self._instances = wanted

    def _ended(self) -> Run:
        for minute in self._minutes:
            minute.latencies.sort()
        latencies = sorted(chain.from_iterable(minute.latencies for minute in self._minutes))
        return Run(self._minutes, self._paid_seconds / 3600, self._fleet.usd_per_hour, latencies)
