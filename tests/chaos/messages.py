"""SQS and what is behind it: uploads and pipeline runs, asynchronous inferences, outcomes; and jobs of batch runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sluice.async_inference.inference import AsyncInference
from sluice.async_inference.messages import Notification
from sluice.async_inference.transitions import AcceptedInvocation
from sluice.pipeline_runs.run import PipelineRun

from functions.handle_async_result.app import run as handle_async_result
from functions.record_outcome.app import run as record_outcome
from functions.start_pipeline.app import run as start_pipeline
from tests.fakes.async_serving import FakeAsyncQueue, FakeAsyncRuntime
from tests.fakes.aws_state import FakeExecution, FakePipelines, FakeWakeUps
from tests.fakes.batch import FakeTransforms

if TYPE_CHECKING:
    from tests.chaos.simulation import Simulation

RECEIVES = 5
PIPELINE_CHANGE = "SageMaker Model Building Pipeline Execution Status Change"
TRANSFORM_CHANGE = "SageMaker Transform Job State Change"


@dataclass
class Sent:
    """A message, and how often it was received."""

    number: int
    body: str
    receives: int = 0


class Queue:
    """A queue with the function that it invokes; what fails comes again, and after five times lies in ``dead``."""

    def __init__(
        self, simulation: Simulation, name: str, run: Callable[..., Any], visible_after: float, most: int
    ) -> None:
        self._simulation, self._name, self._run = simulation, name, run
        self._visible_after, self._most = visible_after, most
        self._waiting: list[Sent] = []
        self._sent = 0
        self.dead: list[Sent] = []

    def send(self, body: str, delay: float = 0) -> None:
        self._sent += 1
        kind = f"queue {self._name}"
        self._simulation.events[kind] += 1
        incident = self._simulation.at_event.pop((kind, self._simulation.events[kind]), None)
        times = [delay]
        if incident is not None:
            self._simulation.meet(incident)
            times = (
                [delay, delay + incident.seconds] if incident.what == "event doubled" else [delay + incident.seconds]
            )
        for seconds in times:
            self._arrives(Sent(self._sent, body), seconds)

    def redrive(self) -> bool:
        """A person sends everything again that lies in the dead-letter queue; False if nothing does."""
        dead, self.dead = self.dead, []
        for each in dead:
            self._arrives(Sent(each.number, each.body), 0)
        return bool(dead)

    def _arrives(self, message: Sent, seconds: float) -> None:
        def arrive() -> None:
            self._waiting.append(message)
            self._simulation.loop.after(1, self._poll)

        self._simulation.loop.after(seconds, arrive)

    def _poll(self) -> None:
        taken, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        if not taken:
            return
        for each in taken:
            each.receives += 1
        records = [{"messageId": f"m{at}", "body": each.body} for at, each in enumerate(taken)]

        def done(result: Any, error: str, _cause: str) -> None:
            failed = {each["itemIdentifier"] for each in result["batchItemFailures"]} if not error else set()
            for at, each in enumerate(taken):
                if not error and f"m{at}" not in failed:
                    continue
                if each.receives >= RECEIVES:
                    self.dead.append(each)
                else:
                    self._arrives(each, self._visible_after)

        ports = self._simulation.ports
        self._simulation.invoke(self._name, "", lambda: self._run({"Records": records}, ports), done)
        if self._waiting:
            self._simulation.loop.after(1, self._poll)


def queues_of(simulation: Simulation) -> dict[str, Queue]:
    """The queues of the template, with their visibility timeouts in seconds."""
    return {
        "start_pipeline": Queue(simulation, "start_pipeline", start_pipeline, 780, 10),
        "handle_async_result": Queue(simulation, "handle_async_result", handle_async_result, 420, 10),
        "record_outcome": Queue(simulation, "record_outcome", record_outcome, 420, 10),
    }


@dataclass
class SimulatedWakeUps(FakeWakeUps):
    """Wake-ups go through the queue of uploads."""

    simulation: Any = None

    def send_wake_up(self, model: str, delay_seconds: float) -> None:
        self.send_again({"source": "sluice", "detail-type": "WakeUp", "detail": {"model": model}}, delay_seconds)

    def send_again(self, message: Mapping[str, Any], delay_seconds: float) -> None:
        queue = self.simulation.queues["start_pipeline"]
        self.faults.around(lambda: queue.send(json.dumps(message), delay_seconds))


@dataclass
class SimulatedAsyncQueue(FakeAsyncQueue):
    """Retries go through the queue of results."""

    simulation: Any = None

    def send(self, messages: Sequence[tuple[str, float]]) -> set[int]:
        def effect() -> None:
            for body, delay in messages:
                self.simulation.queues["handle_async_result"].send(body, delay)

        self.faults.around(effect)
        return set()


@dataclass
class SimulatedRuntime(FakeAsyncRuntime):
    """Invocations that end after a while: by the inference's number well, badly for good, or badly some times."""

    simulation: Any = None

    def _invoke(self, inference: AsyncInference) -> AcceptedInvocation:
        accepted = super()._invoke(inference)
        began = self.simulation.clock.now()
        kind = int(inference.id.rsplit("-", 1)[1]) % 5
        before = sum(each == inference.id for each in self.invoked) - 1
        reason = None
        if kind == 1:
            reason = "S3 answered that the input object does not exist (404)"
        elif kind in (2, 3) and before < kind:
            reason = "the container was restarted"
        seconds = 3 + 2 * kind

        def end() -> None:
            bucket = self.simulation.ports.bucket
            key = (accepted.failure if reason else accepted.output).removeprefix(f"s3://{bucket.name}/")
            bucket.objects[key] = (reason or "1.0").encode()
            if reason is None:
                self.simulation.finished.add(inference.id)
            told = Notification(
                id=inference.id,
                endpoint=inference.endpoint,
                received_at=began.replace(microsecond=began.microsecond // 1000 * 1000),
                ended_at=self.simulation.clock.now().replace(microsecond=0),
                reason=reason,
                request=inference.request,
                output="" if reason else accepted.output,
                content_type="text/csv",
            )
            kind_of_event = "notification"
            self.simulation.events[kind_of_event] += 1
            lost = self.simulation.at_event.pop((kind_of_event, self.simulation.events[kind_of_event]), None)
            if lost is not None:
                self.simulation.meet(lost)
            else:
                self.simulation.queues["handle_async_result"].send(told.body())

        self.simulation.loop.after(seconds, end)
        return accepted


@dataclass
class SimulatedPipelines(FakePipelines):
    """Executions that end after ten minutes; one beside another of the same pipeline breaks a promise."""

    simulation: Any = None

    def _start(self, pipeline: str, run: str, token: str, parameters: Mapping[str, str]) -> str:
        if token in self.started:
            return self.started[token].arn
        if running := self.running(pipeline):
            self.simulation.violate("runs of a model do not overlap", f"{run} began beside {running[0].run}")
        execution = FakeExecution(pipeline=pipeline, run=run, parameters=dict(parameters))
        self.started[token] = execution
        self._is_as(execution)
        self.simulation.note(f"run {run} begins")

        def end() -> None:
            execution.status = "Failed" if len(self.started) % 4 == 0 else "Succeeded"
            self._is_as(execution)
            self.simulation.note(f"run {run} is {execution.status}")
            self.simulation.emit(PIPELINE_CHANGE, execution.event()["detail"])

        self.simulation.loop.after(600, end)
        return execution.arn

    def _is_as(self, execution: FakeExecution) -> None:
        """What SageMaker answers when it is asked for the run."""
        now = self.simulation.clock.now()
        known: dict[str, PipelineRun] = self.simulation.ports.run_reader.executions
        began = known[execution.arn].started_at if execution.arn in known else now
        known[execution.arn] = PipelineRun(
            model="fraud", execution=execution.arn, status=execution.status, started_at=began, modified_at=now
        )


@dataclass
class SimulatedTransforms(FakeTransforms):
    """Jobs that end after a while, and SageMaker tells of it."""

    simulation: Any = None

    def _create(self, request: Mapping[str, Any]) -> bool:
        is_new = super()._create(request)
        if is_new:
            self.simulation.loop.after(240 * self.simulation.scenario.pace, self.settle)
        return is_new

    def _end(self, name: str, status: str, reason: str = "") -> None:
        super()._end(name, status, reason)
        self.simulation.emit(TRANSFORM_CHANGE, {"TransformJobName": name, "TransformJobStatus": status})
