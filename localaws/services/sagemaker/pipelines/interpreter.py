"""Runs a pipeline execution: one thread starts steps as they become ready, and each step has a thread of its own."""

from __future__ import annotations

import functools
import logging
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localaws.context import Context
from localaws.service_api import AwsError
from localaws.services.sagemaker.pipelines.attempts import (
    ACTIONS,
    Attempt,
    AttemptFailedError,
    Done,
    StepStoppedError,
    job_name,
    stop_job,
)
from localaws.services.sagemaker.pipelines.definition import Step
from localaws.services.sagemaker.pipelines.execution import Execution
from localaws.services.sagemaker.pipelines.references import ReferenceUnresolvedError, resolve
from localaws.services.sagemaker.pipelines.retries import policy_for
from localaws.services.sagemaker.pipelines.step_cache import CachedRun, StepCache, cache_key
from localaws.services.sagemaker.pipelines.step_scope import StepScope

LOG = logging.getLogger(__name__)
STEP_FAILURE_REASON_MAX = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """``pause(event, seconds)`` waits for the event at most so long and returns whether it came."""

    context: Context
    wait_for_job: Callable[[str], None]
    new_suffix: Callable[[], str]
    pause: Callable[[threading.Event, float], bool] = threading.Event.wait
    cache: StepCache = field(default_factory=StepCache)

    def play(self, execution: Execution) -> None:
        """Run the execution to its end."""
        ended: queue.SimpleQueue[str] = queue.SimpleQueue()
        running: set[str] = set()
        while True:
            for name in self._startable(execution, len(running)):
                running.add(name)
                step = execution.plan.definition.step(name)
                execution.start_step(step)
                run_step = functools.partial(self._run_step, execution, step, ended)
                self.context.background(f"{execution.id}-{name}", run_step)
            if not running:
                break
            running.discard(ended.get())
        execution.conclude()

    def stop_jobs(self, execution: Execution) -> None:
        """Stop the jobs of the steps that run, under the pipeline's role."""
        sagemaker = self.context.client("sagemaker", execution.plan.role_arn)
        for name, run in execution.runs.items():
            if run.status in {"Starting", "Executing"}:
                execution.change_step(name, "Stopping")
                for job in run.metadata.values():
                    if "-job/" in job.get("Arn", ""):
                        stop_job(sagemaker, job["Arn"])

    def _startable(self, execution: Execution, running: int) -> list[str]:
        if not execution.may_start_steps:
            return []
        runs = execution.runs
        succeeded = {name: run.chosen_side for name, run in runs.items() if run.status == "Succeeded"}
        ready = execution.plan.schedule.ready(succeeded, frozenset(runs))
        most = execution.plan.max_parallel_steps
        return ready if most is None else ready[: max(most - running, 0)]

    def _run_step(self, execution: Execution, step: Step, ended: queue.SimpleQueue[str]) -> None:
        """Run a step to its end, whatever happens: its execution waits for it."""
        try:
            self._complete(execution, step)
        except StepStoppedError:
            execution.change_step(step.name, "Stopped")
        except AttemptFailedError as error:
            reason = error.reason[:STEP_FAILURE_REASON_MAX]
            execution.change_step(step.name, "Failed", failure_reason=reason or None)
        except Exception as error:  # a defect of ours must not leave the execution hanging
            if not self.context.stopping.is_set():
                LOG.exception("step %s of %s", step.name, execution.arn)
            execution.change_step(step.name, "Failed", failure_reason=f"InternalServerError: {error}")
        finally:
            ended.put(step.name)

    def _complete(self, execution: Execution, step: Step) -> None:
        """Take the step from the cache or perform it; raises what ends it otherwise."""
        execution.change_step(step.name, "Executing")
        try:
            self.context.refuse_role(execution.plan.role_arn, execution.arn)
        except AwsError as error:
            raise AttemptFailedError(f"ClientError: {error.message}") from error
        if step.cache_max_age_seconds is None:
            _succeed(execution, step, self._perform(execution, step))
            return
        place = self._place(execution, step)
        hit = self.cache.find(place, now=self.context.now(), max_age_seconds=step.cache_max_age_seconds)
        if hit:
            _succeed(execution, step, Done(hit.outputs, hit.metadata), cache_source_arn=hit.execution_arn)
            return
        done = self._perform(execution, step)
        self.cache.keep(place, CachedRun(self.context.now(), execution.arn, done.outputs, done.metadata))
        _succeed(execution, step, done)

    def _perform(self, execution: Execution, step: Step) -> Done:
        """Try until it succeeds, no policy grants another attempt, or the execution is stopped."""
        retries: dict[frozenset[str], int] = {}
        began = self.context.now()
        attempts = 0
        while True:
            attempts += 1
            execution.change_step(step.name, "Executing", attempts=attempts)
            try:
                return ACTIONS[step.type](self._attempt(execution, step))
            except AttemptFailedError as error:
                policy = policy_for(error.exception, step.retry_policies)
                if policy is None:
                    raise
                retries_done = retries.get(policy.exceptions, 0)
                delay = policy.delay_seconds(retries_done, (self.context.now() - began).total_seconds())
                if delay is None:
                    raise
                retries[policy.exceptions] = retries_done + 1
            if self.pause(execution.stop_requested, delay):
                raise StepStoppedError

    def _attempt(self, execution: Execution, step: Step) -> Attempt:
        def report(metadata: Mapping[str, Any]) -> None:
            execution.change_step(step.name, "Executing", metadata=metadata)

        return Attempt(
            execution=execution,
            step=step,
            sagemaker=self.context.client("sagemaker", execution.plan.role_arn),
            scope=self._scope(execution, step),
            wait_for_job=self.wait_for_job,
            report=report,
        )

    def _scope(self, execution: Execution, step: Step) -> StepScope:
        return StepScope(
            execution=execution,
            s3=self.context.client("s3", execution.plan.role_arn),
            now=self.context.now(),
            job_name=job_name(execution.id, step.name, self.new_suffix()),
        )

    def _place(self, execution: Execution, step: Step) -> tuple[str, str, str]:
        """Where the step's runs are kept in the cache: scoped to the pipeline, the step and what it is given."""
        try:
            arguments = resolve(step.arguments, self._scope(execution, step))
        except ReferenceUnresolvedError as error:
            raise AttemptFailedError(f"ClientError: {error}") from error
        return execution.plan.pipeline_arn, step.name, cache_key(step.type, arguments)


def _succeed(execution: Execution, step: Step, done: Done, cache_source_arn: str | None = None) -> None:
    execution.change_step(
        step.name,
        "Succeeded",
        outputs=done.outputs,
        metadata=done.metadata,
        cache_source_arn=cache_source_arn,
    )
