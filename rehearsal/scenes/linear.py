"""Linear: equal steps. A version as fast as the live one takes all steps; a slow one is found by the judge.

No alarm watches latency here, and the slow version fails no request: what stops it is the judge's comparison with how
fast the live version was before the rollout. A third version is fine and yet taken back: an alarm of the user's own,
on something Sluice knows nothing of, rings.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from rehearsal.drivers.traffic import Traffic, count
from rehearsal.material.flaws import slow
from rehearsal.scenarios.scene import Scene
from rehearsal.scenarios.scene_context import SceneContext

SLOWER_SECONDS = 0.3
REQUESTS_TO_KNOW = 120  # the judge needs 100 to know the live version's 90th percentile
PATIENCE_SECONDS = 60.0
ALARM = "too-few-orders"  # the user's own


def play(context: SceneContext) -> None:
    _make_alarm(context)
    context.apply(rollout={"strategy": "linear", "step": {"weight": 40, "bake": "10s"}, "alarms": {"also": [ALARM]}})
    clients = [context.go_live(), context.start_traffic()]
    _wait_until_latency_is_known(context, "v1")
    good = _good_version(context)
    _wait_until_latency_is_known(context, f"v{good}")
    _slow_version(context, good)
    _alarm_of_the_users(context, good)
    _all_the_while(context, clients)


def _make_alarm(context: SceneContext) -> None:
    context.client("cloudwatch").put_metric_alarm(
        AlarmName=ALARM,
        Namespace="Shop",
        MetricName="Orders",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="LessThanThreshold",
    )


def _good_version(context: SceneContext) -> int:
    good = context.release()
    ended = context.outcome_of(good)
    context.check(
        "good version",
        "40 % → 80 % → 100 %, promoted",
        f"{context.weights(good)} %, {ended.kind} {ended.detail.get('reason', '')}, endpoint serves {context.shares()}",
        right=ended.kind == "RolloutPromoted"
        and context.weights(good) == [40, 80]
        and list(context.shares()) == [f"v{good}"],
    )
    return good


def _slow_version(context: SceneContext, good: int) -> None:
    ended = context.outcome_of(context.release(slow(SLOWER_SECONDS)))
    reason = ended.detail.get("reason", "")
    context.check(
        "slow version",
        f"rolled back to v{good} by the judge's latency evidence",
        f"{ended.kind}: {reason[:160]}, endpoint serves {context.shares()}",
        right=ended.kind == "RolloutRolledBack"
        and reason.startswith("latency p9")
        and list(context.shares()) == [f"v{good}"],
    )


def _alarm_of_the_users(context: SceneContext, good: int) -> None:
    version = context.release()
    context.wait_for(
        f"the first step of version {version}",
        lambda event: event.kind == "RolloutShifted" and event.detail["version"] == version,
    )
    with context.step(f"the alarm {ALARM} rings"):
        context.client("cloudwatch").set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="nobody buys")
    ended = context.outcome_of(version)
    reason = ended.detail.get("reason", "")
    context.check(
        "alarm of the user's own",
        f"rolled back to v{good} by the alarm",
        f"{ended.kind}: {reason[:160]}, endpoint serves {context.shares()}",
        right=ended.kind == "RolloutRolledBack" and ALARM in reason and list(context.shares()) == [f"v{good}"],
    )


def _all_the_while(context: SceneContext, clients: list[Traffic]) -> None:
    sent = [each.sent() for each in clients]
    failed = sum(count(each, lambda one: one.failed) for each in sent)
    total = sum(map(len, sent))
    context.check("clients all the while", "0 failed requests", f"{failed} of {total}", right=failed == 0 < total)


def _wait_until_latency_is_known(context: SceneContext, variant: str) -> None:
    """Until CloudWatch has enough latencies of the live version for the next rollout's plan."""
    with context.step(f"traffic on {variant}, until its latency is known") as step:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (seen := _requests_measured(context, variant)) < REQUESTS_TO_KNOW:
            if time.monotonic() > deadline:
                raise TimeoutError(f"CloudWatch knows of {seen:g} requests to {variant} after {PATIENCE_SECONDS:g} s")
            time.sleep(1)
        step.note = f"{seen:g} requests"


def _requests_measured(context: SceneContext, variant: str) -> float:
    now = datetime.now(UTC)
    answer = context.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="ModelLatency",
        Dimensions=[{"Name": "EndpointName", "Value": context.endpoint}, {"Name": "VariantName", "Value": variant}],
        StartTime=now - timedelta(hours=1),
        EndTime=now,
        Period=3600,
        Statistics=["SampleCount"],
    )
    return max((point["SampleCount"] for point in answer["Datapoints"]), default=0.0)


SCENE = Scene(
    name="linear", about="equal steps; promoted, found slow by the judge, or stopped by one's own alarm", play=play
)
