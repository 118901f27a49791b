"""One execution environment: a process with AWS's runtime client, its variables, its log, one event at a time."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from localaws.context import Context
from localaws.services.lambda_.environments.log_file import LogFile
from localaws.services.lambda_.environments.outcome import (
    Finished,
    FunctionOutcome,
    answered,
    crashed,
    failed_to_start,
    raised,
    timed_out,
)
from localaws.services.lambda_.environments.reports import Report, report_lines, start_lines
from localaws.services.lambda_.environments.runtime_api import RuntimeApi, RuntimeGone, RuntimeRequest
from localaws.services.lambda_.environments.variables import environment_variables
from localaws.services.lambda_.functions.functions import Function

LOG = logging.getLogger(__name__)

# AWS allows 10 s for initialisation and then starts it anew within the first invocation. Many environments that
# start at once on two cores take longer than on AWS, where each has its own, so the limit here is wider.
INIT_LIMIT_SECONDS = 60.0


class Environment:
    """Runs one function's code. Its process starts at once; one thread at a time may invoke it."""

    def __init__(self, context: Context, function: Function) -> None:
        self.function = function
        self.log_stream = f"{context.now():%Y/%m/%d}/[$LATEST]{uuid.uuid4().hex}"
        self.used_at = time.monotonic()
        self._context = context
        self._api = RuntimeApi()
        self._init_began = time.monotonic()
        self._init_ms: float | None = None
        directory = context.run_dir / "lambda" / "environments" / f"{function.name}-{self.log_stream[-8:]}"
        (directory / "tmp").mkdir(parents=True)
        self._log = LogFile(context.run_dir / "logs" / "lambda" / f"{directory.name}.log")
        variables = environment_variables(
            function,
            region=context.region,
            endpoint_url=context.endpoint_url,
            credentials=context.credentials(function.role),
        )
        own = {
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "AWS_LAMBDA_LOG_STREAM_NAME": self.log_stream,
            "TMPDIR": str(directory / "tmp"),
        }
        self._child = context.processes.start(
            [str(context.interpreters.lambda_runtime), "-m", "awslambdaric", function.settings["Handler"]],
            env=variables | own,
            cwd=function.code.path,
            log=self._log.file,
        )

    def invoke(self, event: bytes, request_id: str) -> Finished:
        """Have the function handle one event and wait for what comes of it."""
        is_first = self._init_ms is None
        request = self._await_readiness(request_id)
        init_ms = self._init_ms if is_first else None
        began = time.monotonic()
        self._log.write(start_lines(self.function, request_id, self._timestamp()))
        outcome = request if isinstance(request, FunctionOutcome) else self._handle(request, event, request_id)
        duration_ms = (time.monotonic() - began) * 1000
        report = Report(request_id, outcome, duration_ms, init_ms, self._peak_mb())
        if not outcome.environment_survives:
            self.stop()
        self._log.write(report_lines(self.function, report, self._timestamp()))
        if outcome.error_type is not None:
            LOG.warning("function %s failed, request %s: %s", self.function.name, request_id, outcome.error_text())
        self.used_at = time.monotonic()
        return Finished(outcome=outcome, duration_ms=duration_ms, log=self._log.read_new())

    def is_alive(self) -> bool:
        return self._child.poll() is None

    def stop(self) -> None:
        """Kill the process group; what an invocation in progress then sees is a crash."""
        self._child.stop(grace_seconds=0.0)

    def close(self) -> None:
        """Stop, and give back what the environment holds."""
        self.stop()
        self._api.close()
        self._log.close()

    def _await_readiness(self, request_id: str) -> RuntimeRequest | FunctionOutcome:
        """The runtime's request for an event, or what became of the invocation if there never will be one."""
        limit_began = self._init_began if self._init_ms is None else time.monotonic()
        try:
            request = self._api.receive(limit_began + INIT_LIMIT_SECONDS, self.is_alive)
        except TimeoutError:
            return timed_out(request_id, INIT_LIMIT_SECONDS)
        except RuntimeGone:
            return crashed(request_id, self._child.wait())
        if request.path.endswith("/init/error"):
            request.answer(202)
            return failed_to_start(request.body)
        if self._init_ms is None:
            self._init_ms = (time.monotonic() - self._init_began) * 1000
        return request

    def _handle(self, request: RuntimeRequest, event: bytes, request_id: str) -> FunctionOutcome:
        """Answer the runtime's request with the event, and take what it posts before it asks for the next one."""
        request.answer(200, event, self._event_headers(request_id))
        try:
            answer = self._api.receive(time.monotonic() + self.function.timeout_seconds, self.is_alive)
        except TimeoutError:
            return timed_out(request_id, self.function.timeout_seconds)
        except RuntimeGone:
            return crashed(request_id, self._child.wait())
        answer.answer(202)
        return answered(answer.body) if answer.path.endswith("/response") else raised(answer.body)

    def _event_headers(self, request_id: str) -> Mapping[str, str]:
        deadline_ms = int((time.time() + self.function.timeout_seconds) * 1000)
        return {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": self.function.arn,
        }

    def _peak_mb(self) -> int:
        try:
            status = Path(f"/proc/{self._child.pid}/status").read_text()
        except OSError:  # it has ended: before it was opened, or between that and the read
            return 0
        peak_kb = next((line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")), "0")
        return int(peak_kb) // 1024

    def _timestamp(self) -> str:
        return self._context.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
