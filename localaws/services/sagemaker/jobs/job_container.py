"""One instance of a job: its own /opt/ml, its environment, its program."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from localaws.containers import STARTUP
from localaws.context import Child, Context
from localaws.services.sagemaker.containers.s3_storage import TransferError

ML = PurePosixPath("/opt/ml")
FAILURE_REASON_MAX = 1024
_TAIL_LINES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class JobContainer:
    """A container that is prepared through its directories and then started once."""

    context: Context
    directory: Path
    host: str  # "algo-1"
    role_arn: str
    is_isolated: bool = False  # its program has no network and no credentials

    @property
    def log(self) -> Path:
        """Its stdout and stderr."""
        return self.directory / "container.log"

    def path(self, path_inside: str) -> Path:
        """Where ``/opt/ml/…`` of the container lies on the host."""
        inside = PurePosixPath(path_inside)
        if ".." in inside.parts or not inside.is_relative_to(ML):
            raise TransferError(f"ClientError: {path_inside!r} is not below {ML}")
        return self.directory / "ml" / inside.relative_to(ML)

    def make_directory(self, path_inside: str) -> Path:
        """Make a directory below ``/opt/ml`` and return where it lies on the host."""
        directory = self.path(path_inside)
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def write_json(self, path_inside: str, content: Any) -> None:
        """Write a configuration file that SageMaker puts into the container."""
        path = self.path(path_inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, default=str))

    def start(self, argv: Sequence[str], environment: Mapping[str, str]) -> Child:
        """Run ``argv`` with ``/opt/ml`` bound to this container's directory."""
        self.make_directory("/opt/ml/output")
        env = self._environment() | dict(environment)
        program = shutil.which(argv[0], path=env["PATH"]) or argv[0]
        if Path(program).name.startswith("python"):
            env["PYTHONPATH"] = os.pathsep.join([str(STARTUP), *filter(None, [env.get("PYTHONPATH")])])
        return self.context.processes.start(
            [program, *argv[1:]],
            env=env,
            cwd=Path("/"),
            log=self.log,
            mounts={str(ML): self.directory / "ml"},
        )

    def read_output(self, name: str) -> str | None:
        """What the program left in ``/opt/ml/output/<name>`` for SageMaker to show, None if nothing."""
        path = self.path(f"/opt/ml/output/{name}")
        return path.read_text(errors="replace") if path.is_file() else None

    def log_tail(self) -> str:
        """The last lines it printed, where the error is."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.is_file() else []
        return "\n".join(lines[-_TAIL_LINES:])

    def discard_data(self) -> None:
        """Delete its ``/opt/ml``; the log stays."""
        shutil.rmtree(self.directory / "ml", ignore_errors=True)

    def _environment(self) -> dict[str, str]:
        """What the image and SageMaker set; nothing of the host's own environment."""
        return {
            "PATH": f"{self.context.interpreters.containers.parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "PYTHONUNBUFFERED": "TRUE",
            "PYTHONDONTWRITEBYTECODE": "TRUE",
            "AWS_REGION": self.context.region,
            "AWS_DEFAULT_REGION": self.context.region,
            **self._credentials(),
        }

    def _credentials(self) -> dict[str, str]:
        """How its program reaches AWS under the job's role; with network isolation it cannot.

        https://docs.aws.amazon.com/sagemaker/latest/dg/mkt-algo-model-internet-free.html
        """
        if self.is_isolated:
            return {}
        return {"AWS_ENDPOINT_URL": self.context.endpoint_url, **self.context.credentials(self.role_arn)}


def algorithm_error(text: str, exit_code: int) -> str:
    """The failure reason of a program that failed, cut at its front, as the cause is at the end."""
    ending = f", exit code: {exit_code}"
    room = FAILURE_REASON_MAX - len("AlgorithmError: ") - len(ending)
    return f"AlgorithmError: {text.strip()[-room:]}{ending}"
