"""The sweep reconciles what no event reported: SageMaker and Step Functions publish their events with best effort only.

It decides nothing itself. It replays a lost event in the form of the original, from the source ``sluice``, which the
template's rules match, too; so the functions that handle such events handle it, and they are idempotent. Only scaling,
which no event reports, the sweep corrects itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

from sluice.async_inference.lost_results import replay_lost_results
from sluice.batch.lost_runs import replay_lost_batch_events
from sluice.errors import RetryableError
from sluice.events import DEAD_STATUSES, PIPELINE_ENDS
from sluice.pipeline_runs.approval_request import REGISTERED
from sluice.rollout.model.record import RolloutRecord
from sluice.rollout.model.stuck import is_long_way_back, is_to_be_told
from sluice.sweep.approvals import replay_decisions
from sluice.sweep.live_version import check_live_version
from sluice.sweep.order import in_turn, in_turn_from
from sluice.sweep.replay import GRACE, publish_package_change
from sluice.sweep.scaling import reconcile_scaling

if TYPE_CHECKING:
    from sluice.pipeline_runs.run import PipelineRun
    from sluice.sweep.ports import SweepPorts
    from sluice.training.run_slot import RunSlot

BUDGET = timedelta(minutes=3)
"""How long one sweep lasts at most, besides the model that it is at then: the function has four minutes."""

NOTED_MODELS = 10
"""After how many models the progress is noted, unless the last sweep died among them."""

MAX_RUNS_CHECKED = 20

TOLD_WITHIN = timedelta(days=1)
"""How long after it has changed last the end of a run is replayed until it is told: each replay that fails ends in the
dead-letter queue."""


class SweepIncompleteError(RetryableError):
    """Some checks failed; the next sweep repeats them."""


class SweepResult(TypedDict):
    """``findings``: what was found and replayed or corrected, in words; ``left``: how many models were not swept."""

    findings: list[str]
    swept: int
    left: int


def sweep(ports: SweepPorts) -> SweepResult:
    """Run all checks on the models of the stage, for ``BUDGET`` at most, beginning where the last sweep ended.

    Each finding is one line and one data point of ``SweepFinding``, whose cause is the name of the check.

    Raises:
        SweepIncompleteError: some checks failed. All others have been done.
    """
    until = ports.now() + BUDGET
    models, alone = _order(ports)
    findings: list[str] = []
    failed: list[str] = []
    swept = 0
    for model in models:
        if ports.now() >= until:
            break
        if len(models) > 1:
            # Before them: a model at which the function dies each time must not keep the sweep from any of the others.
            if swept < alone:
                ports.sweep_progress.note(model)
            elif (swept - alone) % NOTED_MODELS == 0:
                ports.sweep_progress.note(models[min(swept + NOTED_MODELS, len(models)) - 1], model)
        found, gone_wrong = _sweep_model(model, ports)
        findings += found
        failed += gone_wrong
        swept += 1
    if len(models) > 1:
        ports.sweep_progress.note(models[swept - 1] if swept < len(models) else "")
    if failed:
        raise SweepIncompleteError(", ".join(failed))
    return {"findings": findings, "swept": swept, "left": len(models) - swept}


def _order(ports: SweepPorts) -> tuple[list[str], int]:
    """All models in the order of this sweep, and how many of them, at the beginning, are noted one by one.

    Those are the ones among which the last sweep died: the next one goes on after the model at which it dies again.
    """
    last, begun = ports.sweep_progress.noted()
    names = ports.specs.names()
    if not begun:
        return in_turn(names, last), 0
    models = in_turn_from(names, begun)
    return models, models.index(last) + 1 if last in models else NOTED_MODELS


def _sweep_model(model: str, ports: SweepPorts) -> tuple[list[str], list[str]]:
    """The findings of all checks, and which checks failed."""
    findings: list[str] = []
    failed: list[str] = []
    for cause, check in CHECKS.items():
        try:
            for finding in check(model, ports):
                findings.append(finding)
                ports.telemetry.log("sweep finding", model=model, cause=cause, finding=finding)
                ports.telemetry.measure("SweepFinding", model=model, cause=cause)
        except Exception as error:  # whatever it is, the other checks and models must not be skipped
            ports.telemetry.error("sweep check failed", model=model, cause=cause, error=type(error).__name__)
            failed.append(f"{cause} of {model}")
    return findings, failed


def replay_run_ends(model: str, ports: SweepPorts) -> Iterator[str]:
    """Replay the end of pipeline runs that have ended without an event, or whose end could not be told."""
    slot = ports.run_slots.get(model)
    since = ports.now() - TOLD_WITHIN
    recorded = ports.runs.newest_runs(model, MAX_RUNS_CHECKED)
    unsettled = [
        run.execution for run, is_told in recorded if not run.has_ended or (run.modified_at > since and not is_told)
    ]
    current = [slot.execution] if slot and slot.is_running else []
    for execution in dict.fromkeys((*current, *_unrecorded(slot, recorded, since), *unsettled)):
        status, name = ports.pipelines.status_and_name(execution)
        if slot and execution == slot.execution:
            name = slot.run  # also when its pipeline has been deleted since
        if status in PIPELINE_ENDS:
            ports.events.publish(
                "SageMaker Model Building Pipeline Execution Status Change",
                pipelineExecutionArn=execution,
                pipelineArn=execution.rsplit("/execution/", 1)[0],
                pipelineExecutionDisplayName=name,
                currentPipelineExecutionStatus=status,
            )
            yield f"{execution} is {status}"


def _unrecorded(slot: RunSlot | None, recorded: Sequence[tuple[PipelineRun, bool]], since: datetime) -> Iterator[str]:
    """Executions that have held the slot, and were not recorded: SageMaker or the table was out all the time."""
    if slot is None or datetime.fromisoformat(slot.claimed_at) < since:
        return
    known = {run.execution for run, _ in recorded}
    yield from (each for each in slot.executions if each not in known)


def wake_stalled_queue(model: str, ports: SweepPorts) -> Iterator[str]:
    """Wake a run queue whose slot makes no progress, or whose pending inputs wait after a lost wake-up."""
    slot = ports.run_slots.get(model)
    is_running = slot is not None and slot.is_running
    stands_still = slot is not None and slot.phase != "free"
    pending = ports.pending_inputs.get(model)
    if not is_running and (stands_still or pending):
        ports.wakeups.send_wake_up(model, 0)
        yield f"{model} was woken"


def replay_pending_version(model: str, ports: SweepPorts) -> Iterator[str]:
    """Replay the event of a version that waits for approval and was not announced."""
    package = ports.registry.newest(ports.names.group(model), "PendingManualApproval")
    if package is None or not package.is_complete or package.last_modified > ports.now() - GRACE:
        return
    if not ports.runs.is_wait_announced(package.arn, REGISTERED):
        yield publish_package_change(package.arn, package.group, package.approval, ports)


def replay_dead_executions(model: str, ports: SweepPorts) -> Iterator[str]:
    """Have restored what is open although its executions died, or although nothing restores it since its fence.

    However many have died: each is followed by another one. People are told once, and once a day, of a rollout whose
    way back takes long, and of one that nothing will close as its execution has succeeded.
    """
    for record in ports.store.index_open_rollouts(model, ports.now()):
        if record.opened_at > ports.now() - GRACE:
            continue
        name, status = _last_execution(record, ports)
        if status is None:  # its execution was never started
            yield publish_package_change(record.package_arn, ports.names.group(model), "Approved", ports)
        elif status in DEAD_STATUSES:
            yield _publish_execution_end(record, name, ports, status)
        elif status == "SUCCEEDED":
            yield from _told(record, _open_after_success(record, name), ports)
        elif _is_forgotten(record, ports):
            ports.events.publish("RolloutAbortRequested", rollout=str(record.id))
            yield f"{record.id}: nothing restores it since its fence"
        if is_long_way_back(record, ports.now()) and status != "SUCCEEDED":
            yield from _told(record, _long_way_back(record, name, status), ports)


def _last_execution(record: RolloutRecord, ports: SweepPorts) -> tuple[str, str | None]:
    """Name and status of the rollout's latest execution: each one that dies is followed by one that restores."""
    number = record.restores
    name = f"{record.id}-restore-{number}" if number else str(record.id)
    status = ports.executions.status(name)
    if number and status is None:
        return name, "ABORTED"  # Step Functions forgets after 90 days
    while status in DEAD_STATUSES:
        number += 1
        again = ports.executions.status(f"{record.id}-restore-{number}")
        if again is None:
            break
        name, status = f"{record.id}-restore-{number}", again
    return name, status


def _is_forgotten(record: RolloutRecord, ports: SweepPorts) -> bool:
    """Whether the rollout is fenced and nothing has begun to restore it: the event was lost that was to see to it."""
    if record.fence is None or record.phase == "restoring" or record.restores:
        return False
    return record.fence.at <= ports.now() - GRACE


def _publish_execution_end(record: RolloutRecord, name: str, ports: SweepPorts, status: str) -> str:
    ports.events.publish(
        "Step Functions Execution Status Change",
        name=name,
        status=status,
        stateMachineArn=ports.executions.state_machine_arn,
    )
    return f"{record.id}: execution {name} is {status}"


def _told(record: RolloutRecord, reason: str, ports: SweepPorts) -> Iterator[str]:
    """Tell people that the rollout is stuck, if they have not been told for a day.

    The record is read after the execution's status: it may have closed the record and ended in between.
    """
    known = ports.store.rollouts(record.id.model, record.id.version)
    now = next((each for each in known if each.id == record.id), record)
    if not now.is_closed and is_to_be_told(now, ports.now()):
        ports.events.publish("RolloutStuck", rollout=str(record.id), reason=reason)
        yield f"{record.id}: {reason}"
        ports.store.note_stuck(record.id, ports.now())


def _open_after_success(record: RolloutRecord, name: str) -> str:
    """Why nothing will ever close this rollout: a task closes the record before its execution succeeds."""
    return (
        f"its execution {name} has succeeded, but its record is open, as after the table was restored from a backup: "
        f"look at what serves, then end it with `sluice abort {record.id.model}`, which brings the baseline back"
    )


def _long_way_back(record: RolloutRecord, name: str, status: str | None) -> str:
    stopped = f"since {record.fence.at:%Y-%m-%d %H:%M} UTC ({record.fence.reason})" if record.fence else ""
    return (
        f"the version before is to be back {stopped}, and is not yet; it is tried again and again. The last execution "
        f"is {name}, {status}: its error says why, and `sluice abort {record.id.model}` tries at once"
    )


CHECKS: Mapping[str, Callable[[str, SweepPorts], Iterator[str]]] = {
    "lost_run_end": replay_run_ends,
    "stalled_run_queue": wake_stalled_queue,
    "unannounced_version": replay_pending_version,
    "lost_approval": replay_decisions,
    "live_version": check_live_version,
    "dead_execution": replay_dead_executions,
    "overdue_inference": replay_lost_results,
    "lost_batch_event": replay_lost_batch_events,
    "scaling_drift": reconcile_scaling,
}
"""The checks of every model, in this order, by the cause that each of their findings is counted under."""
