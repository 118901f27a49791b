"""All ports of the application joined to fakes, and the state machine that runs on them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sluice.async_inference.runtime import AsyncPlaces
from sluice.async_inference.store import ResultStore
from sluice.aws.metric_data import Counts
from sluice.batch.store import BatchStore
from sluice.bootstrap.entry import access_refusals_retried
from sluice.events import PipelineStatusChanged
from sluice.names import Names
from sluice.pipeline_runs.status_change import mark_run_ended
from sluice.pipeline_runs.store import RunStore
from sluice.rollout.ab_outcomes.store import OutcomeStore
from sluice.rollout.model.approval_store import ApprovalStatusStore
from sluice.rollout.model.endpoint_lock import EndpointLocks
from sluice.rollout.model.history import HistoryStore
from sluice.rollout.model.store import RecordStore
from sluice.rollout.planning.origin import TrustedOrigins
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec
from sluice.sweep.progress import SweepProgressStore
from sluice.training.pending_inputs import PendingInputStore
from sluice.training.run_slot_store import RunSlotStore

from functions.abort_rollout.app import run as roll_back
from functions.analyze_stage.app import run as look
from functions.open_rollout.app import run as open_rollout
from functions.plan_rollout.app import run as plan
from functions.promote_candidate.app import run as promote
from functions.provision_candidate.app import run as provision
from functions.roll_back.app import run as restore
from functions.shift_traffic.app import run as shift
from functions.start_pipeline.app import run as start_pipeline
from tests.fakes.amazon_states import choose, path_in
from tests.fakes.async_serving import FakeAsyncQueue, FakeAsyncRuntime
from tests.fakes.aws_state import (
    TRUSTED,
    Clock,
    FakeBucket,
    FakeEvents,
    FakeExecution,
    FakeExecutions,
    FakeParked,
    FakePipelines,
    FakeRegistry,
    FakeRunReader,
    FakeSpecs,
    FakeWakeUps,
    Faults,
)
from tests.fakes.batch import FakeFiles, FakeTransforms
from tests.fakes.captures import FakeCaptures
from tests.fakes.cloudwatch import FakeMetrics
from tests.fakes.gates import FakeGates
from tests.fakes.hosting import FakeHosting
from tests.fakes.quarantine import FakeQuarantine
from tests.fakes.scaling import FakeScaling
from tests.fakes.table import FakeTable
from tests.fakes.telemetry import FakeTelemetry

MACHINE = json.loads((Path(__file__).parents[2] / "statemachines" / "rollout.asl.json").read_text())
TASKS: dict[str, Callable[[Mapping[str, Any], FakePorts], Any]] = {
    "PlanRollout": plan,
    "ProvisionCandidate": provision,
    "ShiftTraffic": shift,
    "AnalyzeStage": look,
    "PromoteCandidate": promote,
    "RollBack": restore,
}
TOPIC = "arn:aws:sns:us-east-1:123456789012:sluice-dev-async"
GROUP = "sluice-dev-fraud"
ENDPOINT = "sluice-dev-fraud"

SPEC = ModelSpec.parse(
    {
        "name": "fraud",
        "data": {"target": "risk", "columns": [{"name": "age", "type": "number"}]},
        "pipeline": {"definition": "tabular"},
        "endpoint": {"instance_type": "ml.m5.large", "instance_count": 4},
        "rollout": {
            "stages": [{"weight": 10, "bake": "5m"}, {"weight": 50, "bake": "5m"}],
            "max_hold": "10m",
            "judge": {"safe_margin_percent": 1},
            "alarms": {"latency_p95_ms": 500},
        },
    }
)


def spec_with_rollout(**settings: object) -> ModelSpec:
    """``SPEC`` with other settings in its rollout."""
    raw = SPEC.to_json()
    raw["rollout"] |= settings
    return ModelSpec.parse(raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class FakePorts:
    """Every port faked; mypy checks each fake against the protocols of the packages that it is passed to."""

    names: Names
    now: Callable[[], datetime]
    telemetry: FakeTelemetry
    store: RecordStore
    history: HistoryStore
    approvals: ApprovalStatusStore
    locks: EndpointLocks
    runs: RunStore
    batches: BatchStore
    run_slots: RunSlotStore
    pending_inputs: PendingInputStore
    sweep_progress: SweepProgressStore
    outcomes: OutcomeStore
    results: ResultStore
    hosting: FakeHosting
    registry: FakeRegistry
    metrics: FakeMetrics
    scaling: FakeScaling
    captures: FakeCaptures
    events: FakeEvents
    executions: FakeExecutions
    gates: FakeGates
    pipelines: FakePipelines
    bucket: FakeBucket
    specs: FakeSpecs
    run_reader: FakeRunReader
    wakeups: FakeWakeUps
    refused_outcomes: FakeParked
    async_runtime: FakeAsyncRuntime
    async_queue: FakeAsyncQueue
    files: FakeFiles
    transforms: FakeTransforms
    quarantine: FakeQuarantine
    async_places: AsyncPlaces
    model_role_arn: str
    serverless_role_arn: str
    trusted: TrustedOrigins


class ExecutionTimedOut(Exception):
    """An execution took longer than its TimeoutSeconds: none of its handlers runs."""


@dataclass
class SluiceWorld:
    """The application with every adapter faked; ``play`` runs the state machine as Step Functions would."""

    ports: FakePorts
    clock: Clock
    faults: Faults
    retries: int = 0  # of tasks, by the state machine

    @property
    def telemetry(self) -> FakeTelemetry:
        return self.ports.telemetry

    @property
    def hosting(self) -> FakeHosting:
        return self.ports.hosting

    @property
    def registry(self) -> FakeRegistry:
        return self.ports.registry

    @property
    def metrics(self) -> FakeMetrics:
        return self.ports.metrics

    @property
    def scaling(self) -> FakeScaling:
        return self.ports.scaling

    @property
    def captures(self) -> FakeCaptures:
        return self.ports.captures

    @property
    def events(self) -> FakeEvents:
        return self.ports.events

    @property
    def executions(self) -> FakeExecutions:
        return self.ports.executions

    @property
    def gates(self) -> FakeGates:
        return self.ports.gates

    @property
    def pipelines(self) -> FakePipelines:
        return self.ports.pipelines

    @property
    def bucket(self) -> FakeBucket:
        return self.ports.bucket

    @property
    def specs(self) -> FakeSpecs:
        return self.ports.specs

    @property
    def run_reader(self) -> FakeRunReader:
        return self.ports.run_reader

    @property
    def wakeups(self) -> FakeWakeUps:
        return self.ports.wakeups

    @property
    def refused_outcomes(self) -> FakeParked:
        return self.ports.refused_outcomes

    @property
    def async_runtime(self) -> FakeAsyncRuntime:
        return self.ports.async_runtime

    @property
    def async_queue(self) -> FakeAsyncQueue:
        return self.ports.async_queue

    @property
    def transforms(self) -> FakeTransforms:
        return self.ports.transforms

    def approve(self, version: int) -> str:
        """Approve a version, deliver its event, return the rollout's id."""
        arn = self.registry.add(GROUP, version)
        return str(open_rollout(approval_of(arn), self.ports)["rollout"])

    def wake(self) -> None:
        """Let time pass and deliver all wake-ups that are booked, and those that they book."""
        while self.wakeups.booked:
            self.wake_once()

    def wake_once(self) -> None:
        """Deliver one wake-up, again and again until it is dealt with."""
        model, delay = self.wakeups.booked.pop(0)
        self.clock.pass_seconds(delay)
        body = json.dumps({"source": "sluice", "detail-type": "WakeUp", "detail": {"model": model}})
        while start_pipeline({"Records": [{"messageId": "m", "body": body}]}, self.ports)["batchItemFailures"]:
            assert self.faults.at, "nothing is to fail here"

    def end_run(self, pipeline: str = GROUP, status: str = "Succeeded") -> FakeExecution:
        """End the run that is going, tell Sluice, and have it look."""
        (execution,) = self.pipelines.running(pipeline)
        execution.status = status
        mark_run_ended(PipelineStatusChanged.parse(execution.event()), self.ports)
        self.wake()
        return execution

    def ring(self, alarm: str) -> dict[str, Any]:
        self.metrics.alarms[alarm] = "ALARM"
        detail = {"alarmName": alarm, "state": {"value": "ALARM", "reason": "Threshold Crossed"}}
        return roll_back({"detail-type": "CloudWatch Alarm State Change", "detail": detail}, self.ports)

    def end_execution(self, name: str, status: str = "FAILED") -> dict[str, Any]:
        detail = {"name": name, "status": status, "error": "x", "cause": "y"}
        return roll_back({"detail-type": "Step Functions Execution Status Change", "detail": detail}, self.ports)

    def live(self, version: int) -> None:
        """Take a version live by a first deployment or a canary that goes well."""
        self.metrics.per_period.setdefault(f"v{version}", Counts(requests=2000, errors=0))
        assert self.play(self.approve(version)) == "Promoted"

    def play(
        self,
        rollout: str,
        mode: str = "roll_out",
        on_state: Callable[[str], None] = lambda _name: None,
        limit: int = 2000,
    ) -> str:
        """Run the real state machine until it ends; the name of its last state, or ``TimedOut``."""
        ends = self.clock.now() + timedelta(seconds=MACHINE["TimeoutSeconds"])
        try:
            return self._play(rollout, mode, on_state, limit, ends)
        except ExecutionTimedOut:
            return "TimedOut"

    def _play(self, rollout: str, mode: str, on_state: Callable[[str], None], limit: int, ends: datetime) -> str:
        context: dict[str, Any] = {"rollout_id": rollout, "mode": mode}
        execution = rollout if mode == "roll_out" else f"{rollout}-restore-1"
        name = MACHINE["StartAt"]
        for _ in range(limit):
            state = MACHINE["States"][name]
            on_state(name)
            match state["Type"]:
                case "Succeed" | "Fail":
                    return str(name)
                case "Choice":
                    name = choose(state, context)
                case "Wait":
                    self._wait(state.get("Seconds") or context["step"]["wait_seconds"], ends)
                    self.transforms.settle()
                    name = state["Next"]
                case "Task":
                    name = self._task(state, context, execution, ends)
        raise AssertionError(f"the machine did not end within {limit} states; last was {name}")

    def _task(self, state: Mapping[str, Any], context: dict[str, Any], execution: str, ends: datetime) -> str:
        function = state["Parameters"]["FunctionName"].removeprefix("${").removesuffix("FunctionArn}")
        payload = {
            key.removesuffix(".$"): path_in(value, {**context, "$": {"Execution": {"Name": execution}}})
            for key, value in state["Parameters"]["Payload"].items()
        }
        retried: Counter[int] = Counter()  # by the position of the retrier
        while True:
            try:
                with access_refusals_retried():  # as the handler of the function does
                    context["step"] = TASKS[function](payload, self.ports)
                return str(state["Next"])
            except Exception as error:
                names = {type(error).__name__, "States.ALL"}
                found = (at for at, rule in enumerate(state["Retry"]) if names & set(rule["ErrorEquals"]))
                at = next(found, None)
                if at is None or retried[at] == state["Retry"][at]["MaxAttempts"]:
                    context["failure"] = {"Error": type(error).__name__, "Cause": str(error)}
                    return str(state["Catch"][0]["Next"])
                rule = state["Retry"][at]
                seconds = rule["IntervalSeconds"] * rule["BackoffRate"] ** retried[at]
                self._wait(min(seconds, rule.get("MaxDelaySeconds", seconds)), ends)
                retried[at] += 1
                self.retries += 1

    def _wait(self, seconds: float, ends: datetime) -> None:
        self.clock.pass_seconds(seconds)
        if self.clock.now() > ends:
            raise ExecutionTimedOut
        self.hosting.settle()


def approval_of(arn: str, fields: tuple[str, ...] | None = ("ModelApprovalStatus",)) -> dict[str, Any]:
    detail: dict[str, Any] = {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved"}
    if fields is not None:
        detail["UpdatedModelPackageFields"] = list(fields)
    return {"detail": detail}


def rejection_of(world: SluiceWorld, version: int) -> dict[str, Any]:
    """A person rejects a version: the event of that, after the fact."""
    arn = world.registry.add(GROUP, version, "Rejected")
    return {
        "detail": {
            "ModelPackageArn": arn,
            "ModelApprovalStatus": "Rejected",
            "UpdatedModelPackageFields": ["ModelApprovalStatus"],
        }
    }


def agree(world: SluiceWorld, *variants: str, answers: int = 600) -> None:
    """Have a shadow predict what the live version predicts, so often."""
    for variant in variants or ("v1", "v2", "v3"):
        world.captures.answered(variant, [1.0] * answers)


def live_variants(world: SluiceWorld) -> dict[str, float]:
    """Variants and weights once the endpoint has settled."""
    world.hosting.settle()
    return {each.name: each.weight for each in world.hosting.endpoints[ENDPOINT].variants}


def outcome_of(world: SluiceWorld, rollout: str) -> tuple[str | None, str]:
    """How a rollout ended, and why."""
    found = world.ports.store.get(RolloutId.required(rollout))
    return found.outcome, found.reason


def sluice_world(spec: ModelSpec = SPEC) -> SluiceWorld:
    """A fresh world."""
    clock, faults = Clock(), Faults()
    bucket, hosting, metrics, scaling = (
        FakeBucket(faults),
        FakeHosting(faults),
        FakeMetrics(faults, clock=clock),
        FakeScaling(faults),
    )
    registry = FakeRegistry(faults, clock)
    hosting.alarms = metrics.alarms
    hosting.is_registered = lambda arn: arn in registry.packages
    hosting.is_scaled = scaling.is_scaled
    table = FakeTable(faults)
    ports = FakePorts(
        names=Names("dev"),
        now=clock.now,
        telemetry=FakeTelemetry(),
        store=RecordStore(table),
        history=HistoryStore(table),
        approvals=ApprovalStatusStore(table),
        locks=EndpointLocks(table),
        runs=RunStore(table),
        batches=BatchStore(table),
        run_slots=RunSlotStore(table),
        pending_inputs=PendingInputStore(table),
        sweep_progress=SweepProgressStore(table),
        outcomes=OutcomeStore(table),
        results=ResultStore(FakeTable(faults)),
        hosting=hosting,
        registry=registry,
        metrics=metrics,
        scaling=scaling,
        captures=FakeCaptures(faults),
        events=FakeEvents(faults),
        executions=FakeExecutions(faults),
        gates=FakeGates(),
        pipelines=FakePipelines(faults),
        bucket=bucket,
        specs=FakeSpecs({spec.name: spec}),
        run_reader=FakeRunReader(faults),
        wakeups=FakeWakeUps(faults),
        refused_outcomes=FakeParked(faults),
        async_runtime=FakeAsyncRuntime(faults),
        async_queue=FakeAsyncQueue(faults),
        files=FakeFiles(faults, bucket),
        transforms=FakeTransforms(faults, clock, bucket, hosting),
        quarantine=FakeQuarantine(faults, bucket),
        async_places=AsyncPlaces(
            bucket="sluice-dev-data", success_topic=f"{TOPIC}-success", error_topic=f"{TOPIC}-error"
        ),
        model_role_arn="arn:aws:iam::123456789012:role/model",
        serverless_role_arn="arn:aws:iam::123456789012:role/serverless-model",
        trusted=TRUSTED,
    )
    return SluiceWorld(ports=ports, clock=clock, faults=faults)
