"""Applies a status change of a pipeline execution: an end frees the model's run slot, and the run is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sluice.events import PIPELINE_ENDS, PipelineStatusChanged
from sluice.pipeline_runs.recorder import record_run

if TYPE_CHECKING:
    from sluice.pipeline_runs.ports import PipelineRunPorts, RunEndPorts


def apply_status_change(changed: PipelineStatusChanged, ports: PipelineRunPorts) -> Mapping[str, str | bool | None]:
    """Free the run slot first, then record: a report that cannot be read must not hold up the next run.

    Neither waits for the other to succeed: a run that is not recorded when its slot is free is nobody's any more.

    Idempotent: an event that comes twice, late or out of order changes nothing: the run is read again each time.

    Returns:
        ``execution``: the ARN; ``freed``: whether the run had held its model's slot; ``status``: of the run as
        recorded, None if it is not a run of this stage.
    """
    ports.telemetry.identify("execution", changed.execution)
    ports.telemetry.identify("run", changed.display_name)
    model = ports.names.model_of(changed.pipeline)
    if model is not None:
        ports.telemetry.identify("model", model)
    try:
        freed = changed.has_ended and mark_run_ended(changed, ports)
    finally:
        run = record_run(changed.execution, ports, record_end=changed.has_ended)
    return {"execution": changed.execution, "freed": freed, "status": run.status if run else None}


def mark_run_ended(changed: PipelineStatusChanged, ports: RunEndPorts) -> bool:
    """Note that the run in a model's slot has ended and wake the run queue; False if the slot holds another run.

    The queue frees the slot, here the end is only noted: one place moves a slot from phase to phase. The run is known
    by its display name, which Sluice gave it, because the event may come before the execution was noted. Of a hint,
    SageMaker is asked for status and name; it has no name of an execution whose pipeline was deleted.
    """
    model = ports.names.model_of(changed.pipeline)
    if model is None:
        return False
    run, status = changed.display_name, changed.status
    if changed.is_hint:
        status, run = ports.pipelines.status_and_name(changed.execution)
        slot = None if run else ports.run_slots.get(model)
        if slot is not None and slot.execution == changed.execution:
            run = slot.run
    if status not in PIPELINE_ENDS or not run or not ports.run_slots.mark_ended(model, run, status):
        return False
    ports.wakeups.send_wake_up(model, 0)
    return True
