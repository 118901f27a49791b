"""The alarms that guard a rollout: while both versions serve, and while SageMaker itself deploys the new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.endpoint.deployment_config import Deployment
from sluice.endpoint.state import EndpointState
from sluice.rollout.analysis.alarms import alarm_finding, alarms_for, composite_for, stop_alarm, watched_alarms
from sluice.rollout.analysis.findings import Answer
from sluice.rollout.model.plan import Plan
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.planning.approvals import is_still_approved

if TYPE_CHECKING:
    from sluice.rollout.ports import RolloutPorts


def put_alarms(plan: Plan, rollout_id: str, ports: RolloutPorts) -> None:
    """Put the alarms on the candidate's variant and the composite over them; idempotent."""
    ports.metrics.put_alarms(alarms_for(ports.names, rollout_id, plan))
    ports.metrics.put_composite_alarm(composite_for(ports.names, rollout_id, plan))


def guarded_deployment(plan: Plan, rollout_id: str, state: EndpointState | None, ports: RolloutPorts) -> Deployment:
    """Put the alarms, which must exist first, and return the deployment that they guard.

    The deployment keeps the plan's instance count if the fleet was scaled in since the plan was made, an asynchronous
    one even to zero: a new fleet without instances would get no request, and pass the deployment untested.

    The alarms watch the new fleet only, in series that SageMaker publishes while it deploys. So the old fleet cannot
    set them off during the deployment, nor before it, when SageMaker would refuse to begin.
    """
    if plan.blue_green is None or plan.baseline is None:
        raise ValueError(f"the plan of rollout {rollout_id} has no deployment by SageMaker")
    alarms = [
        *alarms_for(ports.names, rollout_id, plan, config=plan.candidate.config),
        stop_alarm(ports.names, rollout_id),
    ]
    ports.metrics.put_alarms(alarms)
    ports.metrics.put_composite_alarm(composite_for(ports.names, rollout_id, plan))
    present = state.variant(plan.baseline.variant) if state else None
    is_smaller = present is not None and present.desired_count < plan.candidate.instance_count
    return Deployment(
        how=plan.blue_green,
        alarms=tuple(alarm["AlarmName"] for alarm in alarms),
        resizes=is_smaller or plan.candidate.instance_count != plan.baseline.instance_count,
    )


def is_stopped_while_deploying(record: RolloutRecord, ports: RolloutPorts) -> bool:
    """Whether the rollout is fenced now: the approval is withdrawn, or an alarm rings whose event was lost."""
    if not is_still_approved(record, ports):
        return True
    watched = watched_alarms(ports.names, str(record.id), record.planned())
    found = alarm_finding(watched, ports.metrics.alarm_states(watched))
    if found.answer is not Answer.ROLL_BACK:
        return False
    ports.store.fence(record.id, found.by, f"alarm {found.reason} while SageMaker deployed the version", ports.now())
    return True
