"""moto's Step Functions engine (LocalStack's), loaded late and corrected where it differs from AWS.

Importing the engine takes a while, so ``load`` runs in the background while the rest starts.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

# Makes a botocore client: (service, role ARN).
MakeClient = Callable[[str, str], Any]
# Called after every change of an execution's status.
StatusChanged = Callable[[Any], None]

_UNKNOWN_CAUSE = "The cause could not be determined because Lambda did not return an error type. Returned payload: "

# The names that AWS SDK integrations put before an error, e.g. "SageMaker.SageMakerException".
_ERROR_PREFIXES = {
    "cloudwatch": "CloudWatch",
    "eventbridge": "EventBridge",
    "lambda": "Lambda",
    "s3": "S3",
    "sagemaker": "SageMaker",
    "sagemakerruntime": "SageMakerRuntime",
    "sns": "Sns",
    "sqs": "Sqs",
    "ssm": "Ssm",
    "sts": "Sts",
}


def load() -> None:
    """Import the engine, which takes long."""
    importlib.import_module("moto.stepfunctions.parser.models")


def correct(make_client: MakeClient, status_changed: StatusChanged) -> None:
    """Put our ends into the engine and mend it."""
    from moto.core.config import default_user_config

    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)  # it warns of every caught error
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    _call_as_the_state_machines_role(make_client)
    _report_status_changes(status_changed)
    _name_errors()
    _name_unknown_function_errors()
    _read_and_write_timestamps()


def _call_as_the_state_machines_role(make_client: MakeClient) -> None:
    """Tasks call us, under the role of their state machine; moto has fixed keys and localhost:5000."""

    def client_for(region: str, service: str, state_credentials: Any = None) -> Any:  # noqa: ARG001
        return make_client(service, state_credentials.role_arn)

    for name, module in list(sys.modules.items()):
        if name.startswith("moto.stepfunctions") and hasattr(module, "boto_client_for"):
            module.boto_client_for = client_for  # type: ignore[attr-defined]


def _report_status_changes(status_changed: StatusChanged) -> None:
    """Report start and end. An execution that was stopped has been reported already and must keep its status."""
    from moto.stepfunctions.parser.api import ExecutionStatus
    from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution

    start = getattr(Execution, "_moto_start", Execution.start)

    def report_and_start(self: Any) -> None:
        self.exec_status = ExecutionStatus.RUNNING
        status_changed(self)  # before the start, or the end of a quick execution would be reported first
        start(self)

    def terminated(self: Any) -> None:
        if self.execution.exec_status != ExecutionStatus.ABORTED:
            self._reflect_execution_status()
            status_changed(self.execution)

    Execution._moto_start = start
    Execution.start = report_and_start
    BaseExecutionWorkerCommunication.terminated = terminated


def _name_errors() -> None:
    """Give exceptions their AWS names: some of moto's are answered with an empty code."""
    from moto.stepfunctions.parser import api
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
        state_task_service_aws_sdk as aws_sdk,
    )

    aws_sdk._SERVICE_ERROR_NAMES.update(_ERROR_PREFIXES)
    for error in api.ServiceException.__subclasses__():
        if error.TYPE is None:
            error.TYPE = error.__name__


def _name_unknown_function_errors() -> None:
    """A function's answer without an error type is Lambda.Unknown, as Step Functions has it; moto calls it Exception.

    https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html, "Handle transient Lambda service
    exceptions". The cause is worded as in public reports.
    """
    from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
    from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import state_task_service_lambda

    task = state_task_service_lambda.StateTaskServiceLambda
    from_error = getattr(task, "_moto_from_error", task._from_error)

    def named(self: Any, env: Any, ex: Any) -> Any:
        is_failure = isinstance(ex, lambda_eval_utils.LambdaFunctionErrorException)
        if is_failure and "errorType" not in json.loads(ex.payload):
            ex = lambda_eval_utils.LambdaFunctionErrorException(
                ex.function_error,
                json.dumps({"errorType": "Lambda.Unknown", "errorMessage": _UNKNOWN_CAUSE + ex.payload}),
            )
        return from_error(self, env, ex)

    task._moto_from_error = from_error
    task._from_error = named


def _read_and_write_timestamps() -> None:
    """Use AWS's format: moto cannot compare the timestamps that it puts into the context object itself."""
    from moto.stepfunctions.parser.asl.component.state import state
    from moto.stepfunctions.parser.asl.component.state.choice.comparison.operator.implementations import (
        is_operator,
    )
    from moto.stepfunctions.parser.asl.component.state.wait.wait_function.timestamp import Timestamp
    from moto.stepfunctions.parser.backend import execution_worker

    def state_data(EnteredTime: str, Name: str) -> dict[str, Any]:
        return {"EnteredTime": as_timestamp(datetime.fromisoformat(EnteredTime)), "Name": Name}

    def execution_data(StartTime: datetime, **others: Any) -> dict[str, Any]:
        return others | {"StartTime": as_timestamp(StartTime)}

    def local_time(timestamp: str) -> datetime | None:
        moment = parse_timestamp(timestamp)
        return None if moment is None else moment.astimezone().replace(tzinfo=None)

    state.StateData = state_data
    execution_worker.ExecutionData = execution_data
    is_operator.IsTimestamp.string_to_timestamp = staticmethod(parse_timestamp)
    Timestamp._from_timestamp_string = staticmethod(local_time)  # moto compares it with the local clock


def parse_timestamp(text: str) -> datetime | None:
    """An RFC 3339 timestamp with its zone; None for anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo and "T" in text else None


def as_timestamp(moment: datetime) -> str:
    """How Step Functions writes times into the context object."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
