"""Step Functions: the operations moto answers wrongly, and the events and metrics it does not send.

A service of the gateway that answers only these operations; the others stay with moto.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from localaws.context import Context
from localaws.gateway.clients import Clients
from localaws.moto import step_functions_engine
from localaws.moto.emitter import Emission
from localaws.service_api import AwsError, Call, Operation

_METRICS = {
    "RUNNING": "ExecutionsStarted",
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}


class StateMachines:
    """Executions start under a name, stop at once and report every change of their status."""

    name = "stepfunctions"

    def __init__(
        self, context: Context, clients: Clients, emit: Callable[[Emission], None], lock: threading.RLock
    ) -> None:
        self._context = context
        self._clients = clients
        self._emit = emit
        self._lock = lock
        self._loaded: Future[None] = Future()

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "StartExecution": self._start_execution,
            "StopExecution": self._stop_execution,
            "DescribeExecution": self._describe_execution,
            "DescribeStateMachineForExecution": self._describe_state_machine_for_execution,
            "DeleteStateMachine": self._delete_state_machine,
            "SendTaskFailure": self._send_task_failure,
            "ValidateStateMachineDefinition": self._validate_definition,
        }

    def start(self) -> None:
        """Begin to load the engine; ``wait_until_loaded`` ends when it is there."""
        self._context.background("load-step-functions", self._load)

    def wait_until_loaded(self) -> None:
        """Wait for the engine; raises what its loading raised."""
        self._loaded.result()

    def stop(self) -> None:
        """Stop all executions, which would otherwise go on in the next local AWS of this process."""
        if self._loaded.done():
            from moto.stepfunctions.parser.models import stepfunctions_parser_backends

            for backend in stepfunctions_parser_backends[self._context.account].values():
                for execution in backend._get_executions("RUNNING"):
                    if execution.exec_worker.env is not None:
                        execution.exec_worker.env.set_stop(stop_date=datetime.now(UTC), cause=None, error=None)

    def _load(self) -> None:
        try:
            step_functions_engine.load()
            if not self._context.stopping.is_set():  # the engine may by now belong to the next local AWS
                step_functions_engine.correct(self._make_client, self._status_changed)
        except BaseException as error:
            self._loaded.set_exception(error)
            raise
        self._loaded.set_result(None)

    def _make_client(self, service: str, role_arn: str) -> Any:
        return self._clients.as_role(service, role_arn, validate=False)

    @contextmanager
    def _backend(self, call: Call) -> Iterator[Any]:
        """moto's state, locked; its exceptions become AWS errors."""
        self.wait_until_loaded()
        from moto.core.exceptions import AWSError
        from moto.stepfunctions.parser.models import stepfunctions_parser_backends

        with self._lock:
            try:
                yield stepfunctions_parser_backends[call.account][call.region]
            except AWSError as error:
                raise AwsError(error.error_type or type(error).__name__, error.message) from error

    def _start_execution(self, params: dict[str, Any], call: Call) -> dict[str, Any]:
        with self._backend(call) as backend:
            execution = backend.start_execution(
                params["stateMachineArn"], params.get("name") or str(uuid.uuid4()), params.get("input", "{}")
            )
        return {"executionArn": execution.exec_arn, "startDate": execution.start_date}

    def _stop_execution(self, params: dict[str, Any], call: Call) -> dict[str, Any]:
        from moto.stepfunctions.parser.api import ExecutionStatus

        with self._backend(call) as backend:
            execution = backend.describe_execution(params["executionArn"])
            if execution.exec_status != ExecutionStatus.RUNNING:
                return {"stopDate": execution.stop_date}
            execution.error, execution.cause = params.get("error"), params.get("cause")
            execution.stop_date = datetime.now(UTC)
            # At once, as AWS does; the engine stops when the task that runs now returns.
            execution.exec_status = ExecutionStatus.ABORTED
        self._interrupt(execution)
        self._status_changed(execution)
        return {"stopDate": execution.stop_date}

    def _interrupt(self, execution: Any) -> None:
        worker = execution.exec_worker
        while worker.env is None or worker.env.program_state() is None:  # still reading the definition
            if self._context.stopping.wait(0.01):
                return
        worker.env.set_stop(stop_date=execution.stop_date, error=execution.error, cause=execution.cause)

    def _describe_execution(self, params: dict[str, Any], call: Call) -> dict[str, Any]:
        with self._backend(call) as backend:
            execution = backend.describe_execution(params["executionArn"])
            described = {key: value for key, value in execution.to_describe_output().items() if value is not None}
        return described | {"status": execution.exec_status.value, "input": execution.execution_input}

    def _describe_state_machine_for_execution(self, params: dict[str, Any], call: Call) -> dict[str, Any]:
        """The state machine as it was when the execution began, whatever became of it since."""
        with self._backend(call) as backend:
            machine = backend.describe_execution(params["executionArn"]).state_machine
            return {
                "stateMachineArn": machine.arn,
                "name": machine.name,
                "definition": machine.definition,
                "roleArn": machine.roleArn,
                "updateDate": machine.update_date,
                "loggingConfiguration": machine.loggingConfiguration,
                "tracingConfiguration": machine.tracingConfiguration,
            }

    def _delete_state_machine(self, params: dict[str, Any], call: Call) -> dict[str, Any]:
        """Its executions are terminated, on AWS on their next transition of state (API reference)."""
        with self._backend(call) as backend:
            found = [one for one in backend.state_machines if one.arn == params["stateMachineArn"]]
            running = [each for one in found for each in one.executions if each.exec_status.value == "RUNNING"]
        for execution in running:
            self._stop_execution({"executionArn": execution.exec_arn}, call)
        with self._backend(call) as backend:
            backend.delete_state_machine(params["stateMachineArn"])
        return {}

    def _send_task_failure(self, params: dict[str, Any], call: Call) -> dict[str, Any]:
        with self._backend(call) as backend:
            backend.send_task_failure(params["taskToken"], error=params.get("error"), cause=params.get("cause"))
        return {}

    def _validate_definition(self, params: dict[str, Any], call: Call) -> dict[str, Any]:
        from moto.stepfunctions.parser.models import StepFunctionsParserBackend

        try:
            with self._backend(call):
                StepFunctionsParserBackend._validate_definition(params["definition"])
        except AwsError as error:
            found = {"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": error.message}
            return {"result": "FAIL", "diagnostics": [found], "truncated": False}
        return {"result": "OK", "diagnostics": [], "truncated": False}

    def _status_changed(self, execution: Any) -> None:
        if self._context.stopping.is_set():
            return
        status = execution.exec_status.value
        machine = execution.state_machine
        output = json.dumps(execution.output, default=str) if status == "SUCCEEDED" else None
        detail = {
            "executionArn": execution.exec_arn,
            "stateMachineArn": machine.arn,
            "name": execution.name,
            "status": status,
            "startDate": _milliseconds(execution.start_date),
            "stopDate": _milliseconds(execution.stop_date),
            "input": execution.execution_input,
            "output": output,
            "inputDetails": {"included": True},
            "outputDetails": None if output is None else {"included": True},
            "error": execution.error,
            "cause": execution.cause,
        }
        self._emit(
            Emission(
                source="aws.states",
                detail_type="Step Functions Execution Status Change",
                detail=detail,
                resources=(execution.exec_arn,),
            )
        )
        self._context.metrics.record(
            "AWS/States", _METRICS[status], {"StateMachineArn": machine.arn}, 1.0, unit="Count"
        )


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)
