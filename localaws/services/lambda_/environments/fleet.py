"""The pool of execution environments: reuses warm ones and limits their number."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping

from localaws.context import Context
from localaws.service_api import AwsError
from localaws.services.lambda_.environments.environment import Environment
from localaws.services.lambda_.environments.outcome import Finished
from localaws.services.lambda_.functions.functions import Function

# An environment takes 30-50 MB. AWS's own limit is 1,000 concurrent executions per account.
MOST_ENVIRONMENTS = 32


class EnvironmentPool:
    """Finds an environment for each invocation and keeps it for the next. Safe for use by many threads."""

    def __init__(self, context: Context, most: int = MOST_ENVIRONMENTS) -> None:
        self._context = context
        self._most = most
        self._idle: list[Environment] = []  # least recently used first
        self._busy: set[Environment] = set()
        self._starting: Counter[str] = Counter()
        self._current: dict[str, str] = {}  # function name → revision
        self._reserved: dict[str, int] = {}
        self._lock = threading.Lock()

    def invoke(self, function: Function, event: bytes, request_id: str) -> tuple[Environment, Finished]:
        """Run ``function`` on ``event``; raises TooManyRequestsException when no environment may be used."""
        environment = self._acquire(function)
        try:
            return environment, environment.invoke(event, request_id)
        finally:
            self._release(environment)

    def reserve(self, name: str, executions: int | None) -> None:
        """Limit the concurrent executions of one function; None lifts the limit."""
        with self._lock:
            self._reserved.pop(name, None)
            if executions is not None:
                self._reserved[name] = executions

    def reserved(self) -> Mapping[str, int]:
        with self._lock:
            return dict(self._reserved)

    def retire(self, name: str, revision: str | None) -> None:
        """From now on only environments of ``revision`` serve the function; None: none at all."""
        with self._lock:
            self._current[name] = revision or ""
            old = [e for e in self._idle if e.function.name == name and e.function.revision != revision]
            self._idle = [e for e in self._idle if e not in old]
        for environment in old:
            environment.close()

    def close(self) -> None:
        """End all environments; invocations in progress see their function crash."""
        with self._lock:
            idle, self._idle = self._idle, []
            busy = list(self._busy)
            self._most = 0
        for environment in busy:
            environment.stop()
        for environment in idle:
            environment.close()

    def _acquire(self, function: Function) -> Environment:
        while True:
            with self._lock:
                self._check_limits(function)
                warm = next((e for e in reversed(self._idle) if e.function is function), None)
                surplus = None
                if warm is not None:
                    self._idle.remove(warm)
                    self._busy.add(warm)
                else:
                    self._starting[function.name] += 1
                    if self._total() > self._most:
                        surplus = self._idle.pop(0)
            if surplus is not None:
                surplus.close()
            if warm is None:
                return self._start(function)
            if warm.is_alive():
                return warm
            self._drop(warm)

    def _start(self, function: Function) -> Environment:
        environment = None
        try:
            environment = Environment(self._context, function)
        finally:
            with self._lock:
                self._starting[function.name] -= 1
                if environment is not None:
                    self._busy.add(environment)
        return environment

    def _check_limits(self, function: Function) -> None:
        in_use = sum(e.function.name == function.name for e in self._busy) + self._starting[function.name]
        if in_use >= self._reserved.get(function.name, in_use + 1):
            raise _throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
        if len(self._busy) + self._starting.total() >= self._most:
            raise _throttled("ConcurrentInvocationLimitExceeded")

    def _total(self) -> int:
        return len(self._busy) + len(self._idle) + self._starting.total()

    def _release(self, environment: Environment) -> None:
        function = environment.function
        with self._lock:
            self._busy.discard(environment)
            is_current = self._current.get(function.name, function.revision) == function.revision
            keep = is_current and self._most > 0 and environment.is_alive()
            if keep:
                self._idle.append(environment)
        if not keep:
            environment.close()

    def _drop(self, environment: Environment) -> None:
        with self._lock:
            self._busy.discard(environment)
        environment.close()


def _throttled(reason: str) -> AwsError:
    return AwsError("TooManyRequestsException", "Rate Exceeded.", 429, {"Reason": reason, "retryAfterSeconds": "1"})
