"""Announces a version that waits for approval: once for each wait, with what a person needs to decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sluice.events import PackageChanged
from sluice.rollout.model.evaluation_report import metrics_of
from sluice.rollout.model.live_version import live_package

if TYPE_CHECKING:
    from sluice.pipeline_runs.ports import PipelineRunPorts

REGISTERED = "registered"
"""Identifies the wait that begins with the registration; there is only one for each version."""


def announce_pending_version(changed: PackageChanged, ports: PipelineRunPorts) -> Mapping[str, str]:
    """Publish ModelPending with the version's metrics beside the live one's; returns the package and what was done.

    Nothing is published for a version that has been decided on since, or for an event that came before. After a
    crash between the event and its note, the same wait is announced again: at least once.
    """
    return {"package": changed.arn, "done": _announce(changed, ports)}


def _announce(changed: PackageChanged, ports: PipelineRunPorts) -> str:
    if not changed.may_wait:
        return "its approval did not change"
    package = ports.registry.describe(changed.arn)
    model = ports.names.model_of(package.group)
    if model is None or package.approval != "PendingManualApproval":
        return f"{package.group}/{package.version} is {package.approval}"
    if not package.is_complete:
        return f"{package.group}/{package.version} is {package.status}"  # its end is an event, or the sweep's finding
    ports.telemetry.identify("model", model)
    ports.telemetry.identify("version", package.version)
    since = REGISTERED if changed.begins_first_wait else changed.at
    if ports.runs.is_wait_announced(package.arn, since):
        return "it was announced before"
    live = live_package(model, ports)
    ports.events.publish(
        "ModelPending",
        model=model,
        version=package.version,
        package=package.arn,
        execution=package.generated_by,
        metrics=metrics_of(package, ports.bucket),
        live_version=live.version if live else None,
        live_metrics=metrics_of(live, ports.bucket) if live else {},
    )
    ports.runs.mark_wait_announced(package.arn, since)
    return "announced"
