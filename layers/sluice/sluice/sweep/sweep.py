"""The sweep: says again what an event should have said. Events of SageMaker and Step Functions are best effort.

It decides nothing by itself. What it finds it publishes in the shape of the lost event, from the source ``sluice``,
which the template's rules take, too; so the functions that such events go to know what to do, and do it once. Only
scaling, of which no event tells, it sees to itself.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from sluice.async_inference.lost_results import replay_lost_results
from sluice.batch.lost_runs import replay_lost_batch_events
from sluice.errors import RetryableError
from sluice.events import PIPELINE_ENDS
from sluice.pipeline_runs.approval_request import REGISTERED
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout_id import RolloutId
from sluice.sweep.scaling import reconcile_scaling

if TYPE_CHECKING:
    from sluice.sweep.ports import SweepPorts

log = logging.getLogger(__name__)

GRACE = timedelta(minutes=2)
"""How long an event may be on its way before it counts as lost."""

RUNS_LOOKED_AT = 20
MOST_RESTORES = 10
DEAD = ("FAILED", "TIMED_OUT", "ABORTED")


class SweepIncompleteError(RetryableError):
    """Some models could not be looked at; the next sweep will try again."""


def sweep(ports: SweepPorts) -> list[str]:
    """Look at every model of the stage; returns what was said again, in words.

    Raises:
        SweepIncompleteError: something could not be looked at. The other models have been dealt with.
    """
    said: list[str] = []
    failed: list[str] = []
    for model in ports.specs.names():
        for look in LOOKS:
            try:
                said.extend(look(model, ports))
            except Exception:  # whatever it is, it must not keep the other models from being looked at
                log.exception("%s of %s", look.__name__, model)
                failed.append(f"{look.__name__} of {model}")
    if failed:
        raise SweepIncompleteError(", ".join(failed))
    return said


def lost_runs(model: str, ports: SweepPorts) -> Iterator[str]:
    """Runs that have ended though nobody said so."""
    turn = ports.turns.get(model)
    open_runs = (each.execution for each in islice(ports.runs.runs(model), RUNS_LOOKED_AT) if not each.has_ended)
    current = [turn.execution] if turn and turn.phase == "taken" and not turn.ended else []
    for execution in dict.fromkeys((*current, *open_runs)):
        status, name = ports.pipelines.look(execution)
        if turn and execution == turn.execution:
            name = turn.run  # also when its pipeline has been deleted since
        if status in PIPELINE_ENDS:
            ports.events.publish(
                "SageMaker Model Building Pipeline Execution Status Change",
                pipelineExecutionArn=execution,
                pipelineArn=execution.rsplit("/execution/", 1)[0],
                pipelineExecutionDisplayName=name,
                currentPipelineExecutionStatus=status,
            )
            yield f"{execution} is {status}"


def waiting_without_turn(model: str, ports: SweepPorts) -> Iterator[str]:
    """A turn that stands still, or files and requests whose wake-up was lost."""
    turn = ports.turns.get(model)
    is_running = turn is not None and turn.phase == "taken" and not turn.ended
    stands_still = turn is not None and turn.phase != "free"
    waiting = ports.waiting.of(model)
    if not is_running and (stands_still or waiting.files or waiting.requests):
        ports.wakeups.book(model, 0)
        yield f"{model} was woken"


def lost_wait(model: str, ports: SweepPorts) -> Iterator[str]:
    """A version that waits for a person whom nobody has told."""
    package = ports.registry.newest(ports.names.group(model), "PendingManualApproval")
    if package is None or package.last_modified > ports.now() - GRACE:
        return
    if not ports.runs.is_pending_told(package.arn, REGISTERED):
        yield _say_package(package.arn, package.group, package.approval, ports)


def lost_approval(model: str, ports: SweepPorts) -> Iterator[str]:
    """An approved version that no rollout was opened for, if it is newer than all that were rolled out."""
    package = ports.registry.newest(ports.names.group(model), "Approved")
    if package is None or package.last_modified > ports.now() - GRACE:
        return
    latest = next(ports.store.rollouts(model), None)
    if latest is None or latest.id.version < package.version:
        yield _say_package(package.arn, package.group, "Approved", ports)


def dead_rollouts(model: str, ports: SweepPorts) -> Iterator[str]:
    """Rollouts that have not ended though no execution works on them."""
    for record in ports.store.rollouts(model):
        if record.is_closed or record.opened_at > ports.now() - GRACE:
            continue
        name, status = _last_execution(record.id, ports)
        if status is None:  # it was never started
            yield _say_package(record.package_arn, ports.names.group(model), "Approved", ports)
        elif status in DEAD:
            yield _say_dead(record, name, status, ports)


def _last_execution(rollout_id: RolloutId, ports: SweepPorts) -> tuple[str, str | None]:
    """Name and status of the rollout's latest execution; restoring ones follow each other while they die."""
    name = str(rollout_id)
    status = ports.executions.status(name)
    for attempt in range(1, MOST_RESTORES + 1):
        again = ports.executions.status(f"{rollout_id}-restore-{attempt}") if status in DEAD else None
        if again is None:
            break
        name, status = f"{rollout_id}-restore-{attempt}", again
    return name, status


def _say_package(package_arn: str, group: str, approval: str, ports: SweepPorts) -> str:
    ports.events.publish(
        "SageMaker Model Package State Change",
        ModelPackageArn=package_arn,
        ModelPackageGroupName=group,
        ModelApprovalStatus=approval,
    )
    return f"{package_arn} is {approval}"


def _say_dead(record: RolloutRecord, name: str, status: str, ports: SweepPorts) -> str:
    ports.events.publish(
        "Step Functions Execution Status Change",
        name=name,
        status=status,
        stateMachineArn=ports.executions.state_machine_arn,
    )
    return f"{record.id}: execution {name} is {status}"


LOOKS = (
    lost_runs,
    waiting_without_turn,
    lost_wait,
    lost_approval,
    dead_rollouts,
    replay_lost_results,
    replay_lost_batch_events,
    reconcile_scaling,
)
"""What is looked at of every model."""
