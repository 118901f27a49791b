"""What a planned rollout will take: how long, how many requests, how much money, and what would end it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sluice.batch.instance_prices import Prices
from sluice.rollout.analysis.alarms import alarm_seconds
from sluice.rollout.analysis.e_process import Row
from sluice.rollout.analysis.findings import Answer
from sluice.rollout.analysis.judge import Rules, judge
from sluice.rollout.analysis.latency import error_rules
from sluice.rollout.model.plan import Plan
from sluice.spec.strategies import steps_of

_LONGEST_PERIODS = 4096
"""At so many metric periods the search for a decision ends: 2.8 days of minutes."""

_MINUTES_TO_PUBLISH = 2
"""Until a metric of a minute is there and evaluated, at most. Not documented by AWS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What the live version had in the last hour; ``periods`` may be fewer than an hour has if some had no requests."""

    requests: int
    errors: int
    seconds: int

    @property
    def per_minute(self) -> float:
        return self.requests * 60 / self.seconds


@dataclass(frozen=True, slots=True)
class Proof:
    """When the judge would decide for a version that fails as often as the live one."""

    requests: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the second fleet costs while it stands beside the first, in US dollars; the highest with all doubt."""

    least_usd: float
    most_usd: float
    usd_per_hour: float
    as_of: str
    region: str


def least_seconds(plan: Plan) -> int:
    """How long the rollout lasts at least, without the time that SageMaker takes to start instances."""
    deployed = 0
    if plan.blue_green is not None:
        steps = steps_of(plan.blue_green, plan.candidate.instance_count)
        deployed = plan.blue_green.wait_seconds * steps + plan.blue_green.termination_wait_seconds
    return sum(stage.bake_seconds for stage in plan.stages) + deployed + plan.watch_seconds


def late_alarms(plan: Plan) -> Iterator[str]:
    """That SageMaker's deployment is over before an alarm on its new fleet can ring, in words."""
    how = plan.blue_green
    if how is None:
        return
    needed = alarm_seconds(plan, is_deploying=True) * (plan.alarms.datapoints_to_alarm + _MINUTES_TO_PUBLISH)
    watched = how.wait_seconds * steps_of(how, plan.candidate.instance_count) + how.termination_wait_seconds
    if watched < needed:
        yield (
            f"SageMaker watches the new fleet for {watched} s (wait, termination_wait), and an alarm on it takes about "
            f"{needed} s to ring: a version that fails may be deployed before it does"
        )


def proof_of_safety(plan: Plan, traffic: Traffic) -> Proof | None:
    """At the first stage's weight; None without stages, or if no proof would come within days at this traffic."""
    if not plan.stages or plan.mirror is not None or not traffic.requests:
        return None
    weight = plan.stages[0].weight / 100
    per_period = traffic.requests * plan.period_seconds / traffic.seconds
    error_rate = traffic.errors / traffic.requests
    rows = _steady_rows(per_period, weight, error_rate)
    periods = _periods_until_safe(rows, error_rules(plan))
    if periods is None:
        return None
    return Proof(sum(row.canary_requests for row in rows[:periods]), periods * plan.period_seconds)


def _steady_rows(per_period: float, weight: float, error_rate: float) -> list[Row]:
    """Whole requests and errors that keep to the rates as closely as whole numbers can."""

    def upto(count: int, rate: float) -> int:
        return int(count * per_period * rate)

    def between(index: int, rate: float) -> int:
        return upto(index + 1, rate) - upto(index, rate)

    return [
        Row(
            canary_requests=between(index, weight),
            canary_errors=min(between(index, weight * error_rate), between(index, weight)),
            baseline_requests=between(index, 1 - weight),
            baseline_errors=min(between(index, (1 - weight) * error_rate), between(index, 1 - weight)),
        )
        for index in range(_LONGEST_PERIODS)
    ]


def _periods_until_safe(rows: Sequence[Row], rules: Rules) -> int | None:
    """The first number of periods that prove safety, by halving: steady rates only ever add to the proof."""
    if judge(rows, rules).decision is not Answer.ADVANCE:
        return None
    low, high = 0, len(rows)
    while high - low > 1:
        middle = (low + high) // 2
        if judge(rows[:middle], rules).decision is Answer.ADVANCE:
            high = middle
        else:
            low = middle
    return high


def extra_cost(plan: Plan, prices: Prices) -> Cost | None:
    """Cost of the second fleet; None if there is none, or if the table has no price for its instance type."""
    price = prices.instances.get(plan.candidate.instance_type)
    if plan.baseline is None or price is None or plan.engine not in ("weights", "shadow", "guardrails"):
        return None
    if plan.stages:
        least = sum(stage.candidate_count * stage.bake_seconds for stage in plan.stages)
        longest = enumerate(plan.stages)
        most = sum(stage.candidate_count * plan.longest_seconds(index) for index, stage in longest)
        count = max(stage.candidate_count for stage in plan.stages)
    else:
        count = plan.candidate.instance_count
        least = count * (least_seconds(plan) - plan.watch_seconds)
        most = count * (plan.blue_green.timeout_seconds if plan.blue_green else 0)
    hour = price.usd_per_hour / 3600
    return Cost(
        least_usd=least * hour,
        most_usd=max(least, most) * hour,
        usd_per_hour=count * price.usd_per_hour,
        as_of=prices.as_of,
        region=prices.region,
    )


def rollback_triggers(plan: Plan, abort: str) -> Iterator[str]:
    """What would put the live version back, in words."""
    alarms, rules = plan.alarms, plan.judge
    if plan.has_alarms:
        seconds = alarm_seconds(plan, is_deploying=plan.engine == "guardrails")
        periods = f"in {alarms.datapoints_to_alarm} of {alarms.evaluation_periods} periods of {seconds} s"
        enough = f"with at least {alarms.min_requests} requests"
        yield f"alarm: more than {alarms.error_rate_percent:g} % of its requests fail {periods} {enough}"
        if alarms.latency_p95_ms is not None:
            yield f"alarm: its p95 latency is above {alarms.latency_p95_ms:g} ms {periods} {enough}"
        for name in alarms.also:
            yield f"alarm of your own: {name}"
    if plan.stages:
        yield f"judge: proved to fail more than {rules.harm_ratio:g} times as often (alpha {rules.alpha:.0%})"
        if rules.latency:
            yield f"judge: proved to be slow more than {rules.slow_ratio:g} times as often"
    if plan.mirror is not None:
        yield f"shadow: proved to agree in less than {plan.mirror.min_agreement_percent:g} % of the answers"
    if plan.experiment is not None:
        yield f"A/B test: {plan.experiment.metric} proved worse, or a tie and on_tie is keep"
    if plan.stages and plan.on_doubt == "roll_back":
        yield f"doubt: no proof {plan.max_hold_seconds} s after a stage's bake"
    if plan.baseline is not None:
        yield f"people: {abort}, or the approval is taken back"
