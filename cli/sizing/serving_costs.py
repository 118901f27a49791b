"""What a workload costs a month for each way to serve, in US dollars, and where the costs cross.

The estimates compare; they do not predict a bill. Every number they rest on that is not the user's own is
either in the price table or a constant here, and ``assumptions`` says each of them in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

from sluice.batch.instance_prices import MB_PER_GB, InstancePrice, Prices

HOURS_A_MONTH = 730
SECONDS_A_MONTH = HOURS_A_MONTH * 3600
RUNS_A_MONTH = {"hourly": 730, "daily": 30, "weekly": 4, "monthly": 1}

PEAK_UTILISATION = 0.7
"""Share of an instance's slots that is in use at the peak; above it, queues get long."""
PEAK_FACTORS = {"steady": 1.5, "spiky": 10.0, "rare": 10.0}
"""Requests at the peak, as a multiple of the month's average."""
BURSTS_A_MONTH = 60
"""For spiky traffic: how often a month an endpoint at zero instances must start again."""
HOURS_PER_BURST = 0.25
"""Paid around each burst: the start of the instance, and the time until it is taken away again."""
HOURS_TO_START = 5 / 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """The workload of the model; ``advice`` defines the values that its words may have."""

    payload_mb: float
    """The largest request."""
    response_seconds: float
    """How long the model works on one request."""
    traffic: str
    requests_per_month: int
    latency: str
    gpu: bool = False
    schedule: str = "none"
    memory_mb: int = 2048
    """Memory of a serverless endpoint."""
    instance_type: str
    peak_factor: float | None = None
    """Requests at the peak as a multiple of the average; None: what is usual for the traffic."""

    @property
    def runs_per_month(self) -> int:
        """Runs of a batch job; daily unless there is a schedule."""
        return RUNS_A_MONTH.get(self.schedule, RUNS_A_MONTH["daily"])

    @property
    def peak(self) -> float:
        """Requests at the peak as a multiple of the average."""
        if self.peak_factor is not None:
            return self.peak_factor
        usual = PEAK_FACTORS.get(self.traffic)
        return usual or max(1.0, HOURS_A_MONTH / self.runs_per_month)

    @property
    def peak_concurrency(self) -> float:
        """Requests being worked on at once at the peak."""
        return self.requests_per_month / SECONDS_A_MONTH * self.peak * self.response_seconds


@dataclass(frozen=True, slots=True)
class Crossover:
    """Requests per month from which real-time is cheaper than serverless.

    Instances are whole: just after one is added serverless may be cheaper again, up to ``for_good``.
    """

    first: int
    for_good: int


@dataclass(frozen=True, slots=True)
class Costs:
    """Monthly costs of one workload at any number of requests."""

    load: Workload
    prices: Prices

    @property
    def instance(self) -> InstancePrice:
        return self.prices.instances[self.load.instance_type]

    @property
    def requests_per_instance(self) -> float:
        """Requests that one instance serves a month when it is sized for the peak."""
        usable = self.instance.slots * PEAK_UTILISATION
        return SECONDS_A_MONTH * usable / (self.load.peak * self.load.response_seconds)

    def instances(self, requests: int) -> int:
        """Instances of a real-time endpoint that is sized for the peak."""
        return max(1, ceil(requests / self.requests_per_instance))

    def real_time(self, requests: int) -> float:
        hours = self.instances(requests) * HOURS_A_MONTH
        return hours * self.instance.usd_per_hour + self._data(requests)

    def serverless(self, requests: int) -> float:
        return requests * self._serverless_request() + self._data(requests)

    def asynchronous(self, requests: int) -> float:
        """Scaled to zero between bursts; steady traffic leaves no time for that."""
        work = self._work_hours(requests)
        bursts = {"steady": HOURS_A_MONTH, "spiky": BURSTS_A_MONTH, "rare": requests}
        burst_hours = bursts.get(self.load.traffic, self.load.runs_per_month) * HOURS_PER_BURST
        always_on = self.load.traffic == "steady"
        hours = max(work, HOURS_A_MONTH if always_on else min(HOURS_A_MONTH, burst_hours + work))
        stored = 2 * self.prices.s3_usd_per_put + 2 * self.prices.s3_usd_per_get  # input and result
        return hours * self.instance.usd_per_hour + requests * stored + self._data(requests)

    def batch(self, requests: int) -> float:
        hours = self.load.runs_per_month * HOURS_TO_START + self._work_hours(requests)
        return hours * self.instance.usd_per_hour

    def crossover(self) -> Crossover | None:
        """None: real-time is never cheaper, because a full instance costs more than what it serves."""
        instance = HOURS_A_MONTH * self.instance.usd_per_hour
        request = self._serverless_request()
        full = request * self.requests_per_instance
        if full <= instance:
            return None
        # In front of the n-th instance stand n - 1 full ones: from there on it is cheaper even while empty.
        settled = max(1, ceil(full / (full - instance)) - 1)
        return Crossover(floor(instance / request) + 1, floor(settled * instance / request) + 1)

    def _serverless_request(self) -> float:
        gigabytes = self.load.memory_mb / MB_PER_GB
        return self.load.response_seconds * gigabytes * self.prices.serverless_usd_per_gb_second

    def _work_hours(self, requests: int) -> float:
        return requests * self.load.response_seconds / 3600 / self.instance.slots

    def _data(self, requests: int) -> float:
        return requests * self.load.payload_mb / MB_PER_GB * self.prices.data_usd_per_gb


def assumptions(costs: Costs) -> tuple[str, ...]:
    """Everything the estimate takes for granted."""
    load, instance, prices = costs.load, costs.instance, costs.prices
    said = "as given" if load.peak_factor is not None else f"usual for {load.traffic} traffic"
    unsure = [*prices.unsure, *([] if instance.sure else [load.instance_type])]
    return (
        f"List prices of {prices.region} as of {prices.as_of}: {prices.source}.",
        f"Prices to check before you rely on them: {', '.join(unsure) or 'none'}.",
        f"A month has {HOURS_A_MONTH} hours. Every request is {load.payload_mb:g} MB; answers are small.",
        f"At the peak come {load.peak:g} times as many requests as on average ({said}).",
        f"{load.instance_type} works on {instance.slots} requests at once and is at most "
        f"{PEAK_UTILISATION:.0%} busy at the peak; the number of instances does not change during the month.",
        f"A serverless endpoint of {load.memory_mb} MB is as fast as {load.instance_type}; no provisioned concurrency.",
        f"Async pays {HOURS_PER_BURST * 60:g} minutes of an instance around each burst; spiky traffic has "
        f"{BURSTS_A_MONTH} bursts a month, rare traffic one per request, steady traffic never stops.",
        f"Batch runs {load.runs_per_month} times a month and pays {HOURS_TO_START * 60:g} minutes of start each time.",
        "Not counted: storage, logs, notifications, transfer to the internet, free tier, savings plans, taxes.",
    )
