"""The stock AWS CLI against ``python -m rehearsal serve``: exactly the commands that it prints, typed in a shell."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.material.fraud import fraud_uploads

REPO = Path(__file__).parents[2]
DEADLINE_SECONDS = 150

pytestmark = pytest.mark.timeout(400)


class Terminal:
    """A second terminal: a checkout to type in, and the environment that the server said to export."""

    def __init__(self, folder: Path, printed: str) -> None:
        for name in (".venv", "models", "pipelines"):
            (folder / name).symlink_to(REPO / name)
        self.folder = folder
        self._exports = dict(re.findall(r"^  export (\w+)=(\S+)$", printed, re.MULTILINE))
        said = printed.replace("\\\n", " ")
        self.commands = re.findall(r"^  ((?:aws|echo|\.venv/bin/sluice) .+)$", said, re.MULTILINE)
        self._assignments = re.findall(r"^  (\w+=\$\(.+\))$", said, re.MULTILINE)  # a shell keeps them
        self.typed: list[str] = []

    def command(self, beginning: str) -> str:
        """The printed command that begins like this."""
        found: str
        (found,) = (each for each in self.commands if each.startswith(beginning))
        return found

    def run(self, beginning: str, **blanks: str) -> str:
        """Type a printed command, its ``<blanks>`` filled in; its output."""
        command = self.command(beginning)
        self.typed.append(command)
        for blank, value in blanks.items():
            command = command.replace(f"<{blank.replace('_', ' ')}>", value)
        path = f"{REPO / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", "\n".join([*self._assignments, command])],
            cwd=self.folder,
            env={"PATH": path, "HOME": str(self.folder), "AWS_PAGER": "", **self._exports},
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE_SECONDS,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def run_until(self, beginning: str, reached: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """Type it again and again until its JSON says so."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not reached(found := json.loads(self.run(beginning))):
            assert time.monotonic() < deadline, f"{beginning}: still {found}"
            time.sleep(4)  # the command itself takes seconds of a busy machine
        return dict(found)


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    folder = tmp_path_factory.mktemp("serve")
    command = [sys.executable, "-m", "rehearsal", "serve", "--port", "0", "--run-dir", str(folder)]
    with subprocess.Popen(command, cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        assert server.stdout is not None
        try:
            printed = ""
            while "Ctrl-C" not in printed:
                line = server.stdout.readline()
                assert line, f"it ended: {printed}"
                printed += line
            yield Terminal(tmp_path_factory.mktemp("checkout"), printed)
        finally:
            server.terminate()


def test_upload_approve_describe_and_invoke(terminal: Terminal) -> None:
    terminal.run(".venv/bin/sluice apply")
    upload = terminal.command("aws s3 cp").split()[3]
    assert upload == "my-data.csv"
    (terminal.folder / upload).write_bytes(fraud_uploads(7).first.to_csv())
    assert "upload: ./my-data.csv to s3://" in terminal.run("aws s3 cp")

    listed = terminal.run_until("aws sagemaker list-model-packages", lambda found: found["ModelPackageSummaryList"])
    (package,) = listed["ModelPackageSummaryList"]
    assert (package["ModelPackageVersion"], package["ModelApprovalStatus"]) == (1, "PendingManualApproval")

    arn = package["ModelPackageArn"]
    assert json.loads(terminal.run("aws sagemaker update-model-package", its_ARN=arn)) == {"ModelPackageArn": arn}
    (listed,) = json.loads(terminal.run("aws sagemaker list-model-packages"))["ModelPackageSummaryList"]
    assert listed["ModelApprovalStatus"] == "Approved"

    described = "aws sagemaker describe-endpoint"
    terminal.run_until("aws sagemaker list-endpoints", lambda found: found["Endpoints"])
    endpoint = terminal.run_until(described, lambda found: found["EndpointStatus"] == "InService")
    assert [each["VariantName"] for each in endpoint["ProductionVariants"]] == ["v1"]

    terminal.run("echo")
    said = terminal.run("aws sagemaker-runtime invoke-endpoint")
    score, answer = re.split(r"(?=\{)", said, maxsplit=1)
    assert 0 <= float(score) <= 100
    assert json.loads(answer)["InvokedProductionVariant"] == "v1"

    assert set(terminal.typed) == set(terminal.commands), "every command that is printed has been typed"
