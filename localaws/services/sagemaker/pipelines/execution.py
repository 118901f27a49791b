"""One execution of a pipeline: its steps' runs and its status, each change announced as an event."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from localaws.context import Context
from localaws.services.sagemaker.pipelines.definition import Step
from localaws.services.sagemaker.pipelines.execution_state import Plan, StepRun
from localaws.services.sagemaker.pipelines.pipeline_events import execution_event, step_event

ENDED = frozenset({"Succeeded", "Failed", "Stopped"})
# SageMaker's own words; what failed is to be read from the steps.
FAILURE_REASON = "Step failure: One or multiple steps failed."


class Execution:
    """Shared by the threads of its steps and by the API; every method is safe to call from any of them."""

    def __init__(self, context: Context, plan: Plan, identifier: str) -> None:
        self.plan = plan
        self.id = identifier
        self.arn = f"{plan.pipeline_arn}/execution/{identifier}"
        self.created_at = self.modified_at = context.now()
        self.ended_at: datetime | None = None
        self.status = "Executing"
        self.failure_reason: str | None = None
        self.stop_requested = threading.Event()
        self._context = context
        self._lock = threading.Lock()
        self._runs: dict[str, StepRun] = {}

    @property
    def runs(self) -> Mapping[str, StepRun]:
        """The steps that have started, in that order."""
        with self._lock:
            return dict(self._runs)

    @property
    def may_start_steps(self) -> bool:
        """A failure or a stop lets the steps that run come to their end, and no other start.

        Whether AWS would still start steps that do not depend on the failed one is not documented.
        """
        failed = any(run.status in {"Failed", "Stopped"} for run in self.runs.values())
        return not failed and not self.stop_requested.is_set()

    def announce_start(self) -> None:
        """The first event, of the status Executing."""
        self._announce(None)

    def start_step(self, step: Step) -> None:
        """Record that a step has begun."""
        run = StepRun(step=step, status="Starting", started_at=self._context.now())
        with self._lock:
            self._runs[step.name] = run
        self._announce_step(run, None)

    def change_step(self, name: str, status: str, **changes: Any) -> StepRun:
        """Record a step's new status and what else changed. A step that stops does not execute again."""
        if status in ENDED:
            changes["ended_at"] = self._context.now()
        with self._lock:
            before = self._runs[name]
            if (before.status, status) == ("Stopping", "Executing"):
                status = "Stopping"
            run = self._runs[name] = replace(before, status=status, **changes)
        if status != before.status:
            self._announce_step(run, before.status)
        return run

    def request_stop(self) -> bool:
        """Enter Stopping; False when the execution is not Executing."""
        if not self._change("Stopping", only_from="Executing"):
            return False
        self.stop_requested.set()
        return True

    def conclude(self) -> None:
        """End the execution by how its steps ended."""
        failed = any(run.status == "Failed" for run in self.runs.values())
        status = "Failed" if failed else "Succeeded"
        if self.stop_requested.is_set():
            status = "Stopped"
        self.failure_reason = FAILURE_REASON if status == "Failed" else None
        self._change(status)

    def reopen(self) -> bool:
        """Forget the steps that did not succeed and execute again; False unless Failed or Stopped."""
        with self._lock:
            before = self.status
            if before not in {"Failed", "Stopped"}:
                return False
            self._runs = {name: run for name, run in self._runs.items() if run.status == "Succeeded"}
            self.status = "Executing"
            self.modified_at = self._context.now()
            self.failure_reason = self.ended_at = None
            self.stop_requested.clear()
        self._announce(before)
        return True

    def _change(self, status: str, only_from: str | None = None) -> bool:
        with self._lock:
            before = self.status
            if only_from not in (None, before):
                return False
            self.status = status
            self.modified_at = self._context.now()
            self.ended_at = self.modified_at if status in ENDED else None
        self._announce(before)
        return True

    def _announce(self, before: str | None) -> None:
        self._context.bus.put(
            source="aws.sagemaker",
            detail_type="SageMaker Model Building Pipeline Execution Status Change",
            detail=execution_event(self, before),
            resources=[self.plan.pipeline_arn, self.arn],
        )

    def _announce_step(self, run: StepRun, before: str | None) -> None:
        self._context.bus.put(
            source="aws.sagemaker",
            detail_type="SageMaker Model Building Pipeline Execution Step Status Change",
            detail=step_event(self, run, before),
            resources=[self.plan.pipeline_arn, self.arn],
        )
