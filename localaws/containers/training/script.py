"""Script mode, as the SageMaker training toolkit does it: unpack the source, describe the job, run the program."""

import json
import os
import subprocess
import sys
import tarfile
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .hyperparameters import decoded

_STARTUP = Path(__file__).parents[1] / "startup"
_TAIL_LINES = 20
_MESSAGE_MAX = 600  # characters; SageMaker shows 1,024 in all


class ScriptError(Exception):
    """The user's program could not be run, or failed."""

    def __init__(self, text: str, exit_code: int = 1) -> None:
        super().__init__(text)
        self.exit_code = exit_code


def run_script(base: Path, given: Mapping[str, str], container: Mapping[str, str]) -> None:
    """Run the program that the hyperparameters name; raises ScriptError with the end of its stderr."""
    values = decoded(given)
    program = values["sagemaker_program"]
    code = unpacked_source(base, str(values.get("sagemaker_submit_directory", "")))
    if not (code / program).is_file():
        raise ScriptError(f"ClientError: {program} is not in the source directory")
    if (code / "requirements.txt").is_file():
        raise ScriptError("ClientError: requirements.txt needs a package index, which the local AWS does not have")
    user = {name: value for name, value in values.items() if not name.startswith("sagemaker_")}
    arguments = command_line(user)
    environment = {**container, **job_environment(base, user, program, arguments)}
    environment["PYTHONPATH"] = f"{_STARTUP}{os.pathsep}{code}"  # the script sees the latter only
    _run([sys.executable, program, *arguments], environment, code)


def unpacked_source(base: Path, submitted: str) -> Path:
    """The directory of the user's code.

    An archive in S3 was fetched by SageMaker's stand-in: importing an AWS SDK takes longer than many a training. One in
    a channel is unpacked where it is, as the toolkit does (download_and_extract in sagemaker-containers): for a job
    without a network, which could not fetch it.
    """
    is_local_archive = submitted.startswith("/opt/ml/") and submitted.endswith(".tar.gz")
    if not submitted.startswith("s3://") and not is_local_archive:
        return Path(submitted)
    code = base / "code"
    code.mkdir(exist_ok=True)
    found = base / Path(submitted).relative_to("/opt/ml") if is_local_archive else base / "input" / "sourcedir.tar.gz"
    if not found.is_file():
        raise ScriptError(f"ClientError: there is no {submitted}")
    with tarfile.open(found) as archive:
        archive.extractall(code, filter="data")
    return code


def command_line(user: Mapping[str, Any]) -> list[str]:
    """Hyperparameters as the toolkit passes them: sorted by name, ``--name value``, ``-n value`` for one letter."""
    arguments = []
    for name in sorted(user):
        arguments += [f"--{name}" if len(name) > 1 else f"-{name}", _argument(user[name])]
    return arguments


def job_environment(base: Path, user: Mapping[str, Any], program: str, arguments: list[str]) -> dict[str, str]:
    """The SM_… variables by which a script learns about its job."""
    config = base / "input" / "config"
    resources = json.loads((config / "resourceconfig.json").read_text())
    channels = json.loads((config / "inputdataconfig.json").read_text())
    values: dict[str, Any] = {
        "SM_MODEL_DIR": str(base / "model"),
        "SM_INPUT_DIR": str(base / "input"),
        "SM_INPUT_CONFIG_DIR": str(config),
        "SM_OUTPUT_DIR": str(base / "output"),
        "SM_OUTPUT_DATA_DIR": str(base / "output" / "data"),
        "SM_CHANNELS": sorted(channels),
        "SM_INPUT_DATA_CONFIG": channels,
        "SM_RESOURCE_CONFIG": resources,
        "SM_HOSTS": resources["hosts"],
        "SM_CURRENT_HOST": resources["current_host"],
        "SM_NUM_CPUS": os.cpu_count() or 1,
        "SM_NUM_GPUS": 0,
        "SM_HPS": user,
        "SM_USER_ARGS": arguments,
        "SM_USER_ENTRY_POINT": program,
        "SM_MODULE_NAME": Path(program).stem,
        "SM_MODULE_DIR": str(base / "code"),
    }
    values |= {f"SM_CHANNEL_{name.upper()}": str(base / "input" / "data" / name) for name in channels}
    values |= {f"SM_HP_{name.upper()}": value for name, value in user.items()}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}


def _argument(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{key}={value[key]}" for key in sorted(value))
    return str(value)


def _run(argv: list[str], environment: Mapping[str, str], code: Path) -> None:
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    process = subprocess.Popen(
        argv,
        cwd=code,
        env=dict(environment),
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    assert process.stderr is not None
    for line in process.stderr:
        print(line, end="", file=sys.stderr)
        tail.append(line)
    exit_code = process.wait()
    if exit_code != 0:
        command = " ".join(["python", *argv[1:]])
        message = "".join(tail)[-_MESSAGE_MAX:]
        raise ScriptError(
            f'ExecuteUserScriptError:\nExitCode {exit_code}\nErrorMessage "{message}"\nCommand "{command}"',
            1 if exit_code < 0 else exit_code,
        )
