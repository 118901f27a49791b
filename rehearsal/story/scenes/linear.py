"""Linear: equal steps. A version as fast as the live one takes all steps; a slow one is found out by the judge.

No alarm watches latency here, and the slow version fails no request: what stops it is the judge's comparison with how
fast the live version was before the rollout.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from rehearsal.story.flaws import slow
from rehearsal.story.scene import Scene
from rehearsal.story.stage import Stage
from rehearsal.story.traffic import count

SLOWER_SECONDS = 0.3
REQUESTS_TO_KNOW = 120  # the judge needs 100 to know the live version's 90th percentile
PATIENCE_SECONDS = 60.0


def play(stage: Stage) -> None:
    stage.apply(rollout={"strategy": "linear", "step": {"weight": 40, "bake": "10s"}, "alarms": {}})
    traffic = stage.go_live()
    more = stage.start_traffic()
    _wait_until_latency_is_known(stage, "v1")

    good = stage.release()
    ended = stage.outcome_of(good)
    stage.check(
        "good version",
        "40 % → 80 % → 100 %, promoted",
        f"{stage.weights(good)} %, {ended.kind} {ended.detail.get('reason', '')}, endpoint serves {stage.shares()}",
        right=ended.kind == "RolloutPromoted"
        and stage.weights(good) == [40, 80]
        and list(stage.shares()) == [f"v{good}"],
    )
    _wait_until_latency_is_known(stage, f"v{good}")

    bad = stage.release(slow(SLOWER_SECONDS))
    ended = stage.outcome_of(bad)
    reason = ended.detail.get("reason", "")
    stage.check(
        "slow version",
        f"rolled back to v{good} by the judge's latency evidence",
        f"{ended.kind}: {reason[:160]}, endpoint serves {stage.shares()}",
        right=ended.kind == "RolloutRolledBack"
        and reason.startswith("latency p9")
        and list(stage.shares()) == [f"v{good}"],
    )
    failed, sent = (
        sum(count(each.sent(), lambda one: one.failed) for each in (traffic, more)),
        sum(len(each.sent()) for each in (traffic, more)),
    )
    stage.check("client all the while", "0 failed requests", f"{failed} of {sent}", right=failed == 0 < sent)


def _wait_until_latency_is_known(stage: Stage, variant: str) -> None:
    """Until CloudWatch has enough latencies of the live version for the next rollout's plan."""
    with stage.step(f"traffic on {variant}, until its latency is known") as step:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (seen := _requests_measured(stage, variant)) < REQUESTS_TO_KNOW:
            if time.monotonic() > deadline:
                raise TimeoutError(f"CloudWatch knows of {seen:g} requests to {variant} after {PATIENCE_SECONDS:g} s")
            time.sleep(1)
        step.note = f"{seen:g} requests"


def _requests_measured(stage: Stage, variant: str) -> float:
    now = datetime.now(UTC)
    answer = stage.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="ModelLatency",
        Dimensions=[{"Name": "EndpointName", "Value": stage.endpoint}, {"Name": "VariantName", "Value": variant}],
        StartTime=now - timedelta(hours=1),
        EndTime=now,
        Period=3600,
        Statistics=["SampleCount"],
    )
    return max((point["SampleCount"] for point in answer["Datapoints"]), default=0.0)


SCENE = Scene(name="linear", about="equal steps; promoted, or found slow by the judge", play=play)
