"""Blue/green: SageMaker itself moves the traffic, half of the instances first, and rolls back on an alarm.

The variant keeps its name, so the version that serves is read from the SageMaker model of its endpoint config.
"""

from __future__ import annotations

import time
from typing import Any

from rehearsal.drivers.timeline import Event
from rehearsal.drivers.traffic import count
from rehearsal.material.flaws import failing
from rehearsal.scenarios.scene import Scene
from rehearsal.scenarios.scene_context import SceneContext

SETTLED_SECONDS = 2
BACK_SECONDS = 30
QUICK_ALARMS = {"error_rate_percent": 5, "evaluation_periods": 2, "datapoints_to_alarm": 1, "min_requests": 5}
DEPLOYMENT = "SageMaker Endpoint Deployment State Change"


def play(context: SceneContext) -> None:
    _apply(context, wait="5s")
    traffic = context.go_live()
    good = _good_version(context)
    time.sleep(SETTLED_SECONDS)  # traffic after the promotion is part of what is counted
    failed, sent = count(traffic.sent(), lambda each: each.failed), len(traffic.sent())
    context.check("client during the deployment", "0 failed requests", f"{failed} of {sent}", right=failed == 0 < sent)
    _apply(context, wait="5m")  # long enough for an alarm to ring, and for a person to change their mind
    _failing_version(context, good)
    _aborted_version(context, good)


def _apply(context: SceneContext, wait: str) -> None:
    how = {"routing": "canary", "size_percent": 50, "wait": wait, "termination_wait": "2s", "timeout": "30m"}
    context.apply(
        endpoint={"instance_count": 2},
        rollout={"strategy": "blue_green", "blue_green": how, "watch": "10s", "alarms": QUICK_ALARMS},
    )


def _good_version(context: SceneContext) -> int:
    good = context.release()
    ended = context.outcome_of(good)
    phases = _phases(context, good)
    context.check(
        "good version",
        "deployed by SageMaker: half of the traffic, a bake, all of it; promoted",
        f"{ended.kind}: {' → '.join(phases)}; endpoint serves version {_served(context)} as {list(context.shares())}",
        right=ended.kind == "RolloutPromoted"
        and phases.index("ActivatingTraffic") < phases.index("Baking")
        and _served(context) == str(good)
        and list(context.shares()) == ["v1"],
    )
    return good


def _failing_version(context: SceneContext, good: int) -> None:
    bad = context.release(failing())
    ended = context.outcome_of(bad)
    package, described = context.package(bad), _described(context)
    context.check(
        "failing version",
        f"SageMaker goes back to version {good} on the rollout's alarm",
        f"{ended.kind}, endpoint serves version {_served(context)}: {described.get('FailureReason', '')}",
        right=ended.kind == "RolloutRolledBack"
        and _served(context) == str(good)
        and f"{context.endpoint}-{bad}-1-errors" in described.get("FailureReason", ""),
    )
    context.check(
        "registry",
        "Rejected with the alarm's name",
        f"{package['ModelApprovalStatus']}: {package.get('ApprovalDescription', '')[:160]}",
        right=package["ModelApprovalStatus"] == "Rejected"
        and context.endpoint in package.get("ApprovalDescription", ""),
    )


def _aborted_version(context: SceneContext, good: int) -> None:
    unwanted = context.release()
    context.wait_for(
        f"version {unwanted} to bake", lambda event: event.kind == DEPLOYMENT and _phase(event, unwanted) == "Baking"
    )
    with context.step("sluice abort in mid-deployment"):
        context.sluice("abort", context.model, "--reason", "launch day is off")
        aborted = time.monotonic()
    ended = context.outcome_of(unwanted)
    took = time.monotonic() - aborted
    reason = _described(context).get("FailureReason", "")
    context.check(
        "abort in mid-deployment",
        f"SageMaker is told to go back, and version {good} serves within {BACK_SECONDS} s",
        f"{ended.kind} after {took:.0f} s, endpoint serves version {_served(context)}: {reason}",
        right=ended.kind == "RolloutRolledBack"
        and _served(context) == str(good)
        and f"{context.endpoint}-{unwanted}-1-stop" in reason
        and took < BACK_SECONDS,
    )


def _phases(context: SceneContext, version: int) -> list[str]:
    """The phases of the version's deployment in SageMaker's events, in order."""
    phases = (_phase(event, version) for event in context.events(DEPLOYMENT))
    return list(dict.fromkeys(phase for phase in phases if phase))


def _phase(event: Event, version: int) -> str:
    """What is being done to the version's fleet; empty if the event is about something else."""
    pending = event.detail.get("PendingDeploymentSummary") or {}
    if f"-{version}-1-live" not in pending.get("EndpointConfigName", ""):
        return ""
    return str(pending["ProductionVariants"][0].get("VariantStatus", [{}])[0].get("Status", ""))


def _described(context: SceneContext) -> dict[str, Any]:
    found: dict[str, Any] = context.client("sagemaker").describe_endpoint(EndpointName=context.endpoint)
    return found


def _served(context: SceneContext) -> str:
    """The version in service, from the name of its model: ``sluice-<stage>-<model>-<version>-<attempt>-model``."""
    config = context.client("sagemaker").describe_endpoint_config(
        EndpointConfigName=_described(context)["EndpointConfigName"]
    )
    return str(config["ProductionVariants"][0]["ModelName"].rsplit("-", 3)[1])


SCENE = Scene(name="blue-green", about="deployed by SageMaker; taken back by an alarm, or by a person", play=play)
