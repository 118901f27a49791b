"""Blue/green: SageMaker itself moves the traffic, half of the instances first, and goes back when an alarm rings.

The variant keeps its name, so the version that serves is told by the SageMaker model of its endpoint config.
"""

from __future__ import annotations

import time
from typing import Any

from rehearsal.drivers.timeline import Event
from rehearsal.drivers.traffic import count
from rehearsal.material.flaws import failing
from rehearsal.scenarios.scene import Scene
from rehearsal.scenarios.stage import Stage

SETTLED_SECONDS = 2
BACK_SECONDS = 30
QUICK_ALARMS = {"error_rate_percent": 5, "evaluation_periods": 2, "datapoints_to_alarm": 1, "min_requests": 5}
DEPLOYMENT = "SageMaker Endpoint Deployment State Change"


def play(stage: Stage) -> None:
    _apply(stage, wait="5s")
    traffic = stage.go_live()
    good = _good_version(stage)
    time.sleep(SETTLED_SECONDS)  # traffic after the promotion is part of what is counted
    failed, sent = count(traffic.sent(), lambda each: each.failed), len(traffic.sent())
    stage.check("client during the deployment", "0 failed requests", f"{failed} of {sent}", right=failed == 0 < sent)
    _apply(stage, wait="5m")  # long enough for an alarm to ring, and for a person to change their mind
    _failing_version(stage, good)
    _aborted_version(stage, good)


def _apply(stage: Stage, wait: str) -> None:
    how = {"routing": "canary", "size_percent": 50, "wait": wait, "termination_wait": "2s", "timeout": "30m"}
    stage.apply(
        endpoint={"instance_count": 2},
        rollout={"strategy": "blue_green", "blue_green": how, "watch": "10s", "alarms": QUICK_ALARMS},
    )


def _good_version(stage: Stage) -> int:
    good = stage.release()
    ended = stage.outcome_of(good)
    phases = _phases(stage, good)
    stage.check(
        "good version",
        "deployed by SageMaker: half of the traffic, a bake, all of it; promoted",
        f"{ended.kind}: {' → '.join(phases)}; endpoint serves version {_served(stage)} as {list(stage.shares())}",
        right=ended.kind == "RolloutPromoted"
        and phases.index("ActivatingTraffic") < phases.index("Baking")
        and _served(stage) == str(good)
        and list(stage.shares()) == ["v1"],
    )
    return good


def _failing_version(stage: Stage, good: int) -> None:
    bad = stage.release(failing())
    ended = stage.outcome_of(bad)
    package, described = stage.package(bad), _described(stage)
    stage.check(
        "failing version",
        f"SageMaker goes back to version {good} on the rollout's alarm",
        f"{ended.kind}, endpoint serves version {_served(stage)}: {described.get('FailureReason', '')}",
        right=ended.kind == "RolloutRolledBack"
        and _served(stage) == str(good)
        and f"{stage.endpoint}-{bad}-1-errors" in described.get("FailureReason", ""),
    )
    stage.check(
        "registry",
        "Rejected with the alarm's name",
        f"{package['ModelApprovalStatus']}: {package.get('ApprovalDescription', '')[:160]}",
        right=package["ModelApprovalStatus"] == "Rejected" and stage.endpoint in package.get("ApprovalDescription", ""),
    )


def _aborted_version(stage: Stage, good: int) -> None:
    unwanted = stage.release()
    stage.wait_for(
        f"version {unwanted} to bake", lambda event: event.kind == DEPLOYMENT and _phase(event, unwanted) == "Baking"
    )
    with stage.step("sluice abort in mid-deployment"):
        stage.sluice("abort", stage.model, "--reason", "launch day is off")
        aborted = time.monotonic()
    ended = stage.outcome_of(unwanted)
    took = time.monotonic() - aborted
    reason = _described(stage).get("FailureReason", "")
    stage.check(
        "abort in mid-deployment",
        f"SageMaker is told to go back, and version {good} serves within {BACK_SECONDS} s",
        f"{ended.kind} after {took:.0f} s, endpoint serves version {_served(stage)}: {reason}",
        right=ended.kind == "RolloutRolledBack"
        and _served(stage) == str(good)
        and f"{stage.endpoint}-{unwanted}-1-stop" in reason
        and took < BACK_SECONDS,
    )


def _phases(stage: Stage, version: int) -> list[str]:
    """What SageMaker told of the version's deployment, in order."""
    told = (_phase(event, version) for event in stage.events(DEPLOYMENT))
    return list(dict.fromkeys(phase for phase in told if phase))


def _phase(event: Event, version: int) -> str:
    """What is being done to the version's fleet; empty if the event tells of something else."""
    pending = event.detail.get("PendingDeploymentSummary") or {}
    if f"-{version}-1-live" not in pending.get("EndpointConfigName", ""):
        return ""
    return str(pending["ProductionVariants"][0].get("VariantStatus", [{}])[0].get("Status", ""))


def _described(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = stage.client("sagemaker").describe_endpoint(EndpointName=stage.endpoint)
    return found


def _served(stage: Stage) -> str:
    """The version in service, from the name of its model: ``sluice-<stage>-<model>-<version>-<attempt>-model``."""
    config = stage.client("sagemaker").describe_endpoint_config(
        EndpointConfigName=_described(stage)["EndpointConfigName"]
    )
    return str(config["ProductionVariants"][0]["ModelName"].rsplit("-", 3)[1])


SCENE = Scene(name="blue-green", about="deployed by SageMaker; taken back by an alarm, or by a person", play=play)
