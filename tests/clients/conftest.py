"""The labs: for each SDK a program in its own environment, side by side on one local AWS."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localaws.local_aws import LocalAws
from localaws.serve import client_environment
from localaws.tests.interpreters import INTERPRETERS
from tests.clients import account

REPO = Path(__file__).parents[2]
_ENVIRONMENTS = REPO / ".venvs"
PYTHONS = {
    "sdk_v2": _ENVIRONMENTS / "sdk-v2" / "bin" / "python",
    "sdk_v3": _ENVIRONMENTS / "authoring" / "bin" / "python",
}
DEADLINE_SECONDS = 280
# What the SDKs send home otherwise: nothing of a test leaves the machine.
OPTED_OUT = """SchemaVersion: "1.0"
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
"""


class Lab:
    """The labs in one SDK, a program that runs; many may ask for what it has seen."""

    def __init__(self, sdk: str, environment: Mapping[str, str], folder: Path) -> None:
        self._log = folder / f"{sdk}.log"
        self._deadline = time.monotonic() + DEADLINE_SECONDS
        arguments = {
            "sdk": sdk,
            "bucket": account.BUCKET,
            "role": account.ROLE,
            "success-topic": account.topic("async-success"),
            "error-topic": account.topic("async-error"),
        }
        given = [f"--{name}={value}" for name, value in arguments.items()]
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                [PYTHONS[sdk], "-m", "clients.labs", *given],
                env=environment,
                cwd=REPO / "tests",
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def seen(self) -> dict[str, Any]:
        """The JSON object in its last line, once it has ended."""
        try:
            exit_code = self._process.wait(max(0.0, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            pytest.fail(f"it has not ended after {DEADLINE_SECONDS} s:\n{self._log.read_text()[-4000:]}")
        printed = self._log.read_text()
        assert exit_code == 0, printed[-8000:]
        found: dict[str, Any] = json.loads(printed.splitlines()[-1])
        return found

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


@dataclass(frozen=True)
class Labs:
    """The labs of both SDKs, and the local AWS on which they are played."""

    aws: LocalAws
    running: Mapping[str, Lab]

    def seen(self, sdk: str, name: str) -> dict[str, Any]:
        """``name`` is ``endpoints`` or ``pipeline``."""
        found: dict[str, Any] = self.running[sdk].seen()[name]
        return found

    def client(self, service: str) -> Any:
        return self.aws.client(service)


@pytest.fixture(scope="package")
def labs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Labs]:
    """Both programs, begun at once; they mostly wait."""
    folder = tmp_path_factory.mktemp("labs")
    (folder / "sdk.yaml").write_text(OPTED_OUT)
    with LocalAws(folder / "aws", INTERPRETERS) as aws:
        account.prepare(aws.client)
        environment = {
            "PATH": os.defpath,
            "HOME": str(folder),
            "SAGEMAKER_USER_CONFIG_OVERRIDE": str(folder / "sdk.yaml"),
            **client_environment(aws.endpoint_url, aws.region),
        }
        running: dict[str, Lab] = {}
        try:
            for sdk in PYTHONS:
                running[sdk] = Lab(sdk, environment, folder)
            yield Labs(aws, running)
        finally:
            for lab in running.values():
                lab.end()
