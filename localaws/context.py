"""The context that every service of the local AWS is given, as narrow interfaces."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Protocol

from localaws.choices import Choices
from localaws.quotas import Quotas


class Bus(Protocol):
    """The default event bus, for events that AWS services emit."""

    def put(
        self, *, source: str, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str] = ()
    ) -> None: ...


class MetricSink(Protocol):
    """Where services publish metrics; a sample becomes visible when its publishing period has closed."""

    def record(
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        value: float,
        *,
        unit: str = "None",
        publish_every_seconds: int = 60,
    ) -> None: ...


class Child(Protocol):
    """A running child process."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout_seconds: float | None = None) -> int: ...
    def stop(self, grace_seconds: float = 2.0) -> None:
        """Terminate the whole process group, kill it after the grace; returns when it is gone."""


class Processes(Protocol):
    """Starts child processes that cannot outlive the server."""

    def start(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        log: Path | IO[bytes],
        mounts: Mapping[str, Path] | None = None,
    ) -> Child:
        """``mounts``: private bind mounts seen by this child only, e.g. ``{"/opt/ml": run_dir / "job-1"}``.

        ``env`` is the complete environment of the child. stdout and stderr go to ``log``.
        """


@dataclass(frozen=True, slots=True)
class Interpreters:
    """The Python interpreters that run what is not part of the local AWS."""

    containers: Path  # SageMaker's XGBoost image: has xgboost and what it needs
    lambda_runtime: Path  # the Lambda runtime: AWS's runtime client and nothing else


@dataclass(slots=True, kw_only=True)
class Context:
    """Handed to each service when it is made; ``bus`` and ``metrics`` are set once all services exist."""

    account: str
    region: str
    endpoint_url: str  # of the local AWS, http://127.0.0.1:PORT
    run_dir: Path
    interpreters: Interpreters
    stopping: threading.Event
    processes: Processes
    now: Callable[[], datetime]  # aware, UTC
    choices: Choices = field(default_factory=Choices)
    client: Callable[[str, str | None], Any]  # (service, role ARN or None) -> botocore client
    credentials: Callable[[str], Mapping[str, str]]  # role ARN -> AWS_ACCESS_KEY_ID, …SECRET…, …SESSION_TOKEN
    refuse_role: Callable[[str, str], None]
    """(role ARN, ARN of what for) -> raises AwsError if SageMaker cannot assume the role now, as it was deleted."""
    bus: Bus
    metrics: MetricSink
    quotas: Quotas = field(default_factory=Quotas)

    def queue_url(self, name: str) -> str:
        """The URL of a queue of the account, whether it is there or not: what is asked of it will tell."""
        return f"{self.endpoint_url}/{self.account}/{name}"

    def background(self, name: str, target: Callable[[], None]) -> threading.Thread:
        """Start a daemon thread that ends when ``stopping`` is set."""
        thread = threading.Thread(target=target, name=name, daemon=True)
        thread.start()
        return thread
