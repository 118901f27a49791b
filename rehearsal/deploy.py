"""Deploys what ``sam build`` left with the stock SAM CLI and the command of the README, onto whatever AWS is named."""

from __future__ import annotations

import os
import shutil
import tomllib
from collections.abc import Mapping
from pathlib import Path

from rehearsal.commands import run_to_end

BUILT = ".aws-sam/build"
POLL_SECONDS = "0.2"  # between the looks of ``sam deploy`` at the stack's events


class DeployFailedError(Exception):
    """``sam deploy`` failed; carries what it printed."""


def stages(repo: Path) -> list[str]:
    """The stages that ``samconfig.toml`` knows, as ``sam deploy --config-env`` takes them."""
    sections = tomllib.loads((repo / "samconfig.toml").read_text())
    return [name for name, section in sections.items() if name not in ("version", "default") and "deploy" in section]


def copy_build(repo: Path, folder: Path) -> Path:
    """Copy what ``sam deploy`` reads; returns the folder with the built code, a subfolder for each function."""
    for name in (BUILT, "statemachines"):
        shutil.copytree(repo / name, folder / name)
    shutil.copy(repo / "samconfig.toml", folder)
    return folder / BUILT


def sam_deploy(repo: Path, stage: str, environment: Mapping[str, str], checkout: Path | None = None) -> str:
    """Run ``sam deploy`` with the standard AWS variables in ``environment``; what it printed.

    ``checkout`` holds what was built and ``samconfig.toml``, if not the repository itself. A question is answered with
    yes: the change set of prod is confirmed. Raises DeployFailedError.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_"))}
    inherited.pop("PYTHONPATH", None)  # the SAM CLI has modules of its own
    done = run_to_end(
        [str(repo / ".venvs" / "sam" / "bin" / "sam"), "deploy", "--config-env", stage],
        cwd=checkout or repo,
        env={**inherited, **environment, "SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": POLL_SECONDS},
        answers="y\n",
    )
    if done.returncode != 0:
        raise DeployFailedError(f"sam deploy failed with exit code {done.returncode}:\n{done.stdout}")
    return done.stdout
