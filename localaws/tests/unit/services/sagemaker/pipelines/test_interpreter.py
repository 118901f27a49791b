"""The interpreter on a made-up SageMaker, without threads: retries, failures, cache hits, what is announced."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from localaws.context import Context
from localaws.services.sagemaker.pipelines.definition import parse_definition
from localaws.services.sagemaker.pipelines.execution import Execution
from localaws.services.sagemaker.pipelines.execution_state import Plan
from localaws.services.sagemaker.pipelines.interpreter import Interpreter
from localaws.services.sagemaker.pipelines.schedule import schedule_of

ROLE = "arn:aws:iam::123456789012:role/pipeline"
PIPELINE = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/p"
REFUSED_FOR_CAPACITY = {"ProcessingJobStatus": "Failed", "FailureReason": "CapacityError: none left"}
COMPLETED = {"ProcessingJobStatus": "Completed"}


def refusal(code: str, status: int = 400) -> ClientError:
    response = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(cast(Any, response), "CreateProcessingJob")


@dataclass
class ScriptedSageMaker:
    """Answers each creation of a job with the next entry: how the job ended, or the error of the call."""

    endings: list[Mapping[str, Any] | ClientError]
    created: list[dict[str, Any]] = field(default_factory=list)

    def create_processing_job(self, **request: Any) -> dict[str, Any]:
        ending = self.endings[len(self.created)]
        self.created.append(request)
        if isinstance(ending, ClientError):
            raise ending
        return {"ProcessingJobArn": f"arn:aws:sagemaker:r:1:processing-job/{request['ProcessingJobName']}"}

    def describe_processing_job(self, **_request: Any) -> Mapping[str, Any]:
        ending = self.endings[len(self.created) - 1]
        assert not isinstance(ending, ClientError)
        return ending


@dataclass
class Stage:
    """A context in which background threads run at once, and a clock that only pauses move."""

    sagemaker: ScriptedSageMaker
    now: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)
    pauses: list[float] = field(default_factory=list)
    events: list[Mapping[str, Any]] = field(default_factory=list)

    def interpreter(self, pause: Callable[[threading.Event, float], bool] | None = None) -> Interpreter:
        return Interpreter(
            context=self.context,
            wait_for_job=lambda _arn: None,
            new_suffix=lambda: "0123456789",
            pause=pause or self.pause,
        )

    def execution(self, *steps: dict[str, Any]) -> Execution:
        text = json.dumps({"Version": "2020-12-01", "Steps": steps})
        definition = parse_definition(text)
        plan = Plan(
            pipeline_name="p",
            pipeline_arn=PIPELINE,
            role_arn=ROLE,
            definition_text=text,
            definition=definition,
            schedule=schedule_of(definition),
            definition_time=self.now,
            max_parallel_steps=None,
            given_parameters=(),
            parameters={},
            display_name="run",
            description=None,
        )
        return Execution(self.context, plan, "abcdefghijkl")

    @property
    def context(self) -> Context:
        parts = SimpleNamespace(
            now=lambda: self.now,
            bus=SimpleNamespace(put=self.put),
            client=self.client,
            background=self.background,
            stopping=threading.Event(),
            refuse_role=lambda _role, _source: None,
        )
        return cast(Context, parts)

    def client(self, _service: str, role_arn: str | None) -> ScriptedSageMaker:
        assert role_arn == ROLE
        return self.sagemaker

    def background(self, _name: str, target: Callable[[], None]) -> None:
        target()

    def put(self, *, source: str, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str] = ()) -> None:
        self.events.append(detail)

    def pause(self, _until: threading.Event, seconds: float) -> bool:
        self.pauses.append(seconds)
        self.now += timedelta(seconds=seconds)
        return False


def played(stage: Stage, *steps: dict[str, Any]) -> Execution:
    execution = stage.execution(*steps)
    stage.interpreter().play(execution)
    return execution


def processing(name: str, **more: Any) -> dict[str, Any]:
    return {"Name": name, "Type": "Processing", "Arguments": {"RoleArn": ROLE}, **more}


def retried(*exceptions: str) -> list[dict[str, Any]]:
    return [{"ExceptionType": list(exceptions), "IntervalSeconds": 60, "BackoffRate": 2.0, "MaxAttempts": 3}]


def test_capacity_errors_are_retried_with_growing_pauses() -> None:
    stage = Stage(ScriptedSageMaker([REFUSED_FOR_CAPACITY, REFUSED_FOR_CAPACITY, COMPLETED]))
    execution = played(stage, processing("Prep", RetryPolicies=retried("SageMaker.CAPACITY_ERROR")))
    assert execution.status == "Succeeded"
    assert execution.runs["Prep"].attempts == 3
    assert stage.pauses == [60, 120]


def test_retries_end_when_the_policy_is_used_up() -> None:
    stage = Stage(ScriptedSageMaker([REFUSED_FOR_CAPACITY] * 4))
    execution = played(stage, processing("Prep", RetryPolicies=retried("SageMaker.CAPACITY_ERROR")))
    assert (execution.status, len(stage.sagemaker.created)) == ("Failed", 4)
    assert execution.runs["Prep"].failure_reason == "ClientError: CapacityError: none left"


@pytest.mark.parametrize(
    "ending", [REFUSED_FOR_CAPACITY, refusal("AccessDeniedException"), refusal("ValidationException")]
)
def test_what_no_policy_covers_fails_at_once(ending: Mapping[str, Any] | ClientError) -> None:
    stage = Stage(ScriptedSageMaker([ending]))
    assert played(stage, processing("Prep")).status == "Failed"
    assert stage.pauses == []


@pytest.mark.parametrize("error", [refusal("ThrottlingException"), refusal("InternalFailure", 500)])
def test_throttling_and_service_faults_are_retried_without_a_policy(error: ClientError) -> None:
    stage = Stage(ScriptedSageMaker([error, COMPLETED]))
    assert played(stage, processing("Prep")).status == "Succeeded"
    assert stage.pauses == [1]


def test_a_failed_step_lets_no_other_start() -> None:
    stage = Stage(ScriptedSageMaker([{"ProcessingJobStatus": "Failed", "FailureReason": "AlgorithmError: x"}]))
    execution = played(stage, processing("Prep"), processing("Next", DependsOn=["Prep"]))
    assert set(execution.runs) == {"Prep"}
    assert execution.failure_reason == "Step failure: One or multiple steps failed."


def test_a_failing_branch_leaves_its_condition_succeeded() -> None:
    fail = {
        "Name": "Stop",
        "Type": "Fail",
        "Arguments": {"ErrorMessage": {"Std:Join": {"On": " ", "Values": ["too", 5]}}},
    }
    condition = {"Type": "LessThan", "LeftValue": 2, "RightValue": 1}
    gate = {"Name": "Gate", "Type": "Condition", "Arguments": {"Conditions": [condition], "ElseSteps": [fail]}}
    execution = played(Stage(ScriptedSageMaker([])), gate)
    assert execution.runs["Gate"].status == "Succeeded"
    assert (execution.runs["Stop"].status, execution.runs["Stop"].failure_reason) == ("Failed", "too 5")
    assert execution.status == "Failed"


def test_a_fail_step_reads_outcomes_in_lower_case_and_without_a_message_gives_no_reason() -> None:
    """As the SDK's own tests on AWS have it: tests/integ/sagemaker/workflow/test_fail_steps.py."""
    condition = {"Type": "LessThan", "LeftValue": 2, "RightValue": 1}
    gate = {"Name": "Gate", "Type": "Condition", "Arguments": {"Conditions": [condition]}}
    message = {"Std:Join": {"On": ": ", "Values": ["returned", {"Get": "Steps.Gate.Outcome"}]}}
    told = played(
        Stage(ScriptedSageMaker([])), gate, {"Name": "F", "Type": "Fail", "Arguments": {"ErrorMessage": message}}
    )
    assert told.runs["F"].failure_reason == "returned: false"
    silent = played(Stage(ScriptedSageMaker([])), {"Name": "F", "Type": "Fail", "Arguments": {"ErrorMessage": ""}})
    assert (silent.runs["F"].status, silent.runs["F"].failure_reason) == ("Failed", None)


@pytest.mark.parametrize(("most", "met"), [(None, True), (2, True), (1, False)])
def test_no_more_steps_run_at_once_than_the_execution_allows(most: int | None, met: bool) -> None:
    stage = Stage(ScriptedSageMaker([COMPLETED, COMPLETED]))
    second = threading.Barrier(2)
    seen: list[bool] = []

    def wait_for_job(_arn: str) -> None:
        try:
            second.wait(0.1)
        except threading.BrokenBarrierError:
            seen.append(False)
        else:
            seen.append(True)

    def in_a_thread(_name: str, target: Callable[[], None]) -> None:
        threading.Thread(target=target).start()

    stage.background = in_a_thread  # type: ignore[method-assign]
    execution = stage.execution(processing("One"), processing("Other"))
    execution.plan = replace(execution.plan, max_parallel_steps=most)
    Interpreter(context=stage.context, wait_for_job=wait_for_job, new_suffix=lambda: "0123456789").play(execution)
    assert execution.status == "Succeeded"
    assert seen == [met, met]


def test_a_job_is_named_after_its_execution_and_step_and_tagged() -> None:
    stage = Stage(ScriptedSageMaker([COMPLETED]))
    execution = played(stage, processing("A_very_long_step_name_that_does_not_fit_into_a_job_name"))
    (request,) = stage.sagemaker.created
    assert request["ProcessingJobName"].startswith("pipelines-abcdefghijkl-A-very-long-step-name")
    assert len(request["ProcessingJobName"]) <= 63
    assert request["Tags"] == [{"Key": "sagemaker:pipeline-execution-arn", "Value": execution.arn}]


def test_the_second_run_hits_the_cache_and_names_its_source() -> None:
    stage = Stage(ScriptedSageMaker([COMPLETED]))
    interpreter = stage.interpreter()
    step = processing("Prep", CacheConfig={"Enabled": True, "ExpireAfter": "P1D"})
    first, second, late = (stage.execution(step) for _ in range(3))
    interpreter.play(first)
    interpreter.play(second)
    assert second.runs["Prep"].cache_source_arn == first.arn
    assert len(stage.sagemaker.created) == 1
    stage.now += timedelta(days=2)
    stage.sagemaker.endings.append(COMPLETED)
    interpreter.play(late)
    assert len(stage.sagemaker.created) == 2


def test_steps_and_executions_announce_each_status_with_the_one_before() -> None:
    stage = Stage(ScriptedSageMaker([COMPLETED]))
    played(stage, processing("Prep"))
    steps = [(e.get("previousStepStatus"), e["currentStepStatus"]) for e in stage.events if "stepName" in e]
    assert steps == [(None, "Starting"), ("Starting", "Executing"), ("Executing", "Succeeded")]
    last = stage.events[-1]
    assert (last["previousPipelineExecutionStatus"], last["currentPipelineExecutionStatus"]) == (
        "Executing",
        "Succeeded",
    )
    assert "executionEndTime" in last


def test_a_stop_during_a_pause_ends_the_step_as_stopped() -> None:
    stage = Stage(ScriptedSageMaker([REFUSED_FOR_CAPACITY]))
    execution = stage.execution(processing("Prep", RetryPolicies=retried("SageMaker.CAPACITY_ERROR")))

    def stop_meanwhile(_until: threading.Event, _seconds: float) -> bool:
        return execution.request_stop()

    stage.interpreter(stop_meanwhile).play(execution)
    assert (execution.runs["Prep"].status, execution.status) == ("Stopped", "Stopped")


def test_a_retried_execution_keeps_what_had_succeeded() -> None:
    failed = {"ProcessingJobStatus": "Failed", "FailureReason": "AlgorithmError: x"}
    stage = Stage(ScriptedSageMaker([COMPLETED, failed, COMPLETED]))
    execution = played(stage, processing("Prep"), processing("Next", DependsOn=["Prep"]))
    assert execution.status == "Failed"
    assert execution.reopen()
    stage.interpreter().play(execution)
    assert (execution.status, len(stage.sagemaker.created)) == ("Succeeded", 3)
    assert not execution.reopen()
