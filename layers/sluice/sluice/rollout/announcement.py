"""Announces a promotion: what follows once the rollout is closed, and nothing can undo any more.

A step of its own, repeated until all of it is done: a service that does not answer for hours delays it, no more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.errors import AwsRefusedError, SluiceError
from sluice.rollout.analysis.alarms import alarm_names
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.traffic.endpoint_configs import delete_canary_config
from sluice.rollout.traffic.task_result import TaskResult, poll_seconds, task_result

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def announce_promotion(record: RolloutRecord, ports: RolloutPorts) -> TaskResult:
    """READY once the promotion is announced, WAIT if AWS does not answer: then it is repeated as a whole.

    Idempotent, besides an event that a crash before its note publishes once more.
    """
    try:
        _announce(record, record.planned(), ports)
    except SluiceError as error:
        ports.telemetry.log("announcement of the promotion is to be repeated", error=type(error).__name__)
        now = ports.now()
        return task_result("WAIT", wait_seconds=poll_seconds(record.closed_at or now, now), reason=str(error))
    return task_result("READY")


def _announce(record: RolloutRecord, plan: Plan, ports: RolloutPorts) -> None:
    """Unlock the endpoint, tell people, clean up, and note it on the version.

    The alarms are not deleted before the close: a look that comes once more until then would miss them, and take the
    version back.
    """
    now = ports.now()
    ports.locks.release(record.endpoint, record.id)
    does = "scores what comes next" if plan.engine == "batch" else "serves all traffic"
    ports.history.append(record.id, "closed-promoted", f"version {record.id.version} {does}", now)
    if record.announced_at is None:
        ports.events.publish(
            "RolloutPromoted",
            rollout=str(record.id),
            model=record.id.model,
            version=record.id.version,
            endpoint=plan.endpoint,
        )
        ports.store.mark_time(record.id, "announced_at", now)
    ports.metrics.delete_alarms(alarm_names(ports.names, str(record.id)))
    delete_canary_config(plan, ports)
    _note(record, plan, ports)


def _note(record: RolloutRecord, plan: Plan, ports: RolloutPorts) -> None:
    """Note the promotion on the version. One that takes no note, as after its deletion, is promoted all the same."""
    promoted_at = record.closed_at or ports.now()
    try:
        ports.registry.annotate(
            record.package_arn,
            {
                "sluice.endpoint": plan.endpoint or "batch",
                "sluice.promoted_at": promoted_at.isoformat(timespec="seconds"),
                "sluice.rollout": str(record.id),
            },
        )
    except AwsRefusedError as error:
        ports.telemetry.log("note on the version refused", error=error.code)
