"""Runs ``sam build`` when the sources have changed since the last build: the rehearsal deploys what it leaves.

``sam build`` refuses to build without the Python of Lambda, whose bytecode halves cold starts. A rehearsal runs on the
Python of this machine and needs none, so what is built here may lack it, and says so. It does not go into the SAM CLI's
cache, from which a ``sam build`` for AWS would take it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from rehearsal.commands import run_to_end

PYTHON = "python3.13"
WITHOUT_BYTECODE = (
    f"no {PYTHON} here: built without bytecode, for rehearsals. Deployed, cold starts would take twice as long."
)

# What a build reads. The lock file stands for the version of the SAM CLI.
_SOURCES = ("template.yaml", "samconfig.toml", "functions", "layers", "statemachines", "requirements/sam.txt")


class BuildError(Exception):
    """``sam build`` failed; carries what it printed."""


def ensure_built(repo: Path) -> Path:
    """The folder with the built template and artifacts of the sources as they are; builds only if needed.

    Processes that ask at the same time wait for one build. Raises BuildError.
    """
    built = repo / ".aws-sam" / "build"
    stamp = repo / ".aws-sam" / "sources.sha256"
    stamp.parent.mkdir(exist_ok=True)
    with (stamp.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with_bytecode = has_lambda_python()
        wanted = f"{fingerprint(repo)} {'with' if with_bytecode else 'without'} bytecode"
        if not (built / "template.yaml").exists() or not stamp.exists() or stamp.read_text() != wanted:
            stamp.unlink(missing_ok=True)
            _run_sam_build(repo, with_bytecode)
            stamp.write_text(wanted)
    return built


def fingerprint(repo: Path) -> str:
    """Changes when the name or content of anything a build reads changes."""
    digest = hashlib.sha256()
    for path in _source_files(repo):
        digest.update(f"{path.relative_to(repo)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _source_files(repo: Path) -> Iterator[Path]:
    for source in (repo / name for name in _SOURCES):
        files = [source] if source.is_file() else sorted(source.rglob("*"))
        yield from (path for path in files if path.is_file() and "__pycache__" not in path.parts)


def has_lambda_python() -> bool:
    """Whether the Makefiles will find it; a name on the path may be a version manager's that has nothing behind it."""
    python = os.environ.get("LAMBDA_PYTHON", PYTHON)
    try:
        return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _run_sam_build(repo: Path, with_bytecode: bool) -> None:
    # The layer's Makefile asks for a python3 with pip; this environment's has one on every machine.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "SAM_CLI_TELEMETRY": "0"}
    environment.pop("PYTHONPATH", None)  # the SAM CLI has modules of its own
    command = [str(repo / ".venvs" / "sam" / "bin" / "sam"), "build"]
    if not with_bytecode:
        print(WITHOUT_BYTECODE, file=sys.stderr)
        environment["BYTECODE"] = "optional"
        command += ["--cache-dir", ".aws-sam/cache-without-bytecode"]
    done = run_to_end(command, cwd=repo, env=environment)
    if done.returncode != 0:
        raise BuildError(f"sam build failed with exit code {done.returncode}:\n{done.stdout}")


if __name__ == "__main__":
    try:
        print(ensure_built(Path.cwd()))
    except BuildError as error:
        sys.exit(str(error))
