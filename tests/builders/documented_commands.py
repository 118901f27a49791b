"""The command lines of the documents, typed as people type them, with the stock SAM CLI whose AWS is the local one."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from localaws.local_aws import LocalAws
from localaws.serve import client_environment

ROOT = Path(__file__).parents[2]


def documented(words: str) -> list[str]:
    """The README's command lines with these words, without the remarks behind them."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines() if words in line]
    return [re.split(r"\s+#", line)[0] for line in lines]


def documented_removals() -> list[str]:
    """The ``sam delete`` commands of docs/operations.md."""
    return re.findall(r"`(sam delete[^`]*)`", (ROOT / "docs" / "operations.md").read_text())


def stage_of(command: str) -> str:
    """The environment of samconfig.toml that a command line names."""
    found = re.search(r"--config-env[ =](\S+)", command)
    assert found is not None, f"{command} names no environment"
    return found[1]


def typed(command: str, checkout: Path, aws: LocalAws, answers: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command line in the checkout."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_"))}
    inherited.pop("PYTHONPATH", None)
    # The layer's Makefile asks for a python3 with pip, which the SAM CLI's own environment has not.
    path = [str(ROOT / ".venv" / "bin"), str(ROOT / ".venvs" / "sam" / "bin"), os.environ["PATH"]]
    environment = {
        **inherited,
        **client_environment(aws.endpoint_url, aws.region),
        "PATH": os.pathsep.join(path),
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.1",
        "BYTECODE": "optional",  # what is tested needs no Python of Lambda's version
    }
    return subprocess.run(
        command, shell=True, cwd=checkout, env=environment, input=answers, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
