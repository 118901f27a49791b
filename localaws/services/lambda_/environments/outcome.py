"""The outcome of one invocation, and the shapes in which Lambda reports a function's failure."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

MAX_RESPONSE_BYTES = 6 * 1024 * 1024 + 100  # the limit Lambda names in its own error


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionOutcome:
    """The answer of one invocation. ``error_type`` is None when the function succeeded."""

    payload: bytes
    error_type: str | None = None
    environment_survives: bool = True
    final_line: str | None = None  # what Lambda itself adds to the function's log

    def error_text(self) -> str:
        """Type and message of the error, for the server's log."""
        try:
            message = json.loads(self.payload).get("errorMessage")
        except (ValueError, AttributeError):
            message = None
        return f"{self.error_type}: {message}" if message else str(self.error_type)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """An outcome with what it took: milliseconds, and the log from START to REPORT."""

    outcome: FunctionOutcome
    duration_ms: float
    log: str

    @property
    def failed(self) -> bool:
        return self.outcome.error_type is not None


def answered(payload: bytes) -> FunctionOutcome:
    """The function returned ``payload``, which may be more than Lambda passes on."""
    if len(payload) <= MAX_RESPONSE_BYTES:
        return FunctionOutcome(payload=payload)
    return _lambda_error(
        "Function.ResponseSizeTooLarge",
        f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes).",
        environment_survives=True,
    )


def raised(payload: bytes) -> FunctionOutcome:
    """The runtime reported an exception; its payload is passed on as it is."""
    return FunctionOutcome(payload=payload, error_type=_error_type(payload))


def failed_to_start(payload: bytes) -> FunctionOutcome:
    """The runtime could not load the handler, and has ended."""
    return FunctionOutcome(payload=payload, error_type=_error_type(payload), environment_survives=False)


def timed_out(request_id: str, seconds: float) -> FunctionOutcome:
    message = f"RequestId: {request_id} Error: Task timed out after {seconds:.2f} seconds"
    line = f"{request_id} Task timed out after {seconds:.2f} seconds"
    return _lambda_error("Sandbox.Timedout", message, environment_survives=False, final_line=line)


def crashed(request_id: str, exit_status: int) -> FunctionOutcome:
    """The process ended within the invocation; a negative status is the signal that killed it.

    Both shapes of the answer are reported of AWS, so both are met here. With the error type Runtime.ExitError, even
    for "signal: killed" (awslabs/amazon-s3-find-and-forget, pull request 283); and without one, which Step Functions
    calls Lambda.Unknown (its guide, "Handle transient Lambda service exceptions": out-of-memory errors). Here a process
    that exits has the first, and one that is killed the second.
    """
    if exit_status == 0:
        reason = "Runtime exited without providing a reason"
    elif exit_status > 0:
        reason = f"Runtime exited with error: exit status {exit_status}"
    else:
        reason = f"Runtime exited with error: signal: {_SIGNALS.get(-exit_status, str(-exit_status))}"
    message = f"RequestId: {request_id} Error: {reason}"
    outcome = _lambda_error("Runtime.ExitError", message, environment_survives=False, final_line=message)
    return outcome if exit_status >= 0 else replace(outcome, payload=json.dumps({"errorMessage": message}).encode())


_SIGNALS = {6: "aborted", 9: "killed", 11: "segmentation fault", 15: "terminated"}


def _lambda_error(
    error_type: str, message: str, *, environment_survives: bool, final_line: str | None = None
) -> FunctionOutcome:
    return FunctionOutcome(
        payload=json.dumps({"errorType": error_type, "errorMessage": message}).encode(),
        error_type=error_type,
        environment_survives=environment_survives,
        final_line=final_line,
    )


def _error_type(payload: bytes) -> str:
    try:
        return str(json.loads(payload).get("errorType") or "Unhandled")
    except (json.JSONDecodeError, AttributeError):
        return "Unhandled"
