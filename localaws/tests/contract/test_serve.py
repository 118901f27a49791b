"""The command ``localaws serve``: answers, reports and leaves nothing behind."""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from urllib.request import urlopen

import boto3
import pytest
from botocore.exceptions import ClientError

from localaws.__main__ import command_line
from localaws.tests.interpreters import INTERPRETERS

REPO = Path(__file__).parents[3]
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "LOCALAWS_CONTAINER_PYTHON": str(INTERPRETERS.containers),
    "LOCALAWS_LAMBDA_PYTHON": str(INTERPRETERS.lambda_runtime),
}


@contextmanager
def serving(run_dir: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "localaws", "serve", "--run-dir", str(run_dir), *options]
    with subprocess.Popen(
        command, cwd=REPO, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        try:
            yield server
        finally:
            server.kill()


def printed_until_ready(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    printed = ""
    while not re.search("^ready ", printed, re.MULTILINE):
        line = server.stdout.readline()
        assert line, printed
        printed += line
    return printed


def refusal(run_dir: Path, *options: str) -> tuple[int, str]:
    """Exit status and last line of a server that does not start."""
    with serving(run_dir, *options) as server:
        printed, _ = server.communicate(timeout=60)
    return server.returncode, printed.strip().splitlines()[-1]


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def call_what_fails(session: boto3.Session, url: str) -> None:
    """A call that is refused, and a function that cannot be loaded."""
    with pytest.raises(ClientError):
        session.client("sqs", endpoint_url=url).get_queue_url(QueueName="nowhere")
    role = session.client("iam", endpoint_url=url).create_role(
        RoleName="failing",
        AssumeRolePolicyDocument=json.dumps(
            {
                "Statement": {
                    "Effect": "Allow",
                    "Principal": {"Service": "lambda.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            }
        ),
    )
    with io.BytesIO() as packed:
        with zipfile.ZipFile(packed, "w") as package:
            package.writestr("app.py", "import nothing_of_this_name")
        code = packed.getvalue()
    functions = session.client("lambda", endpoint_url=url)
    functions.create_function(
        FunctionName="failing",
        Runtime="python3.13",
        Role=role["Role"]["Arn"],
        Handler="app.run",
        Code={"ZipFile": code},
    )
    assert functions.invoke(FunctionName="failing")["FunctionError"] == "Unhandled"


ONE_ROLE = {
    "Resources": {
        "Reader": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": {
                        "Effect": "Allow",
                        "Principal": {"Service": "lambda.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    },
                },
                "Policies": [
                    {
                        "PolicyName": "read",
                        "PolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
                        },
                    }
                ],
            },
        }
    }
}


def test_it_reports_used_grants_of_each_stack_when_terminated(tmp_path: Path) -> None:
    """In a relative folder: what it starts runs in others, and must find the folder all the same."""
    run_dir = tmp_path / "run"
    with serving(Path(os.path.relpath(run_dir, REPO)), "--port", "0") as server:
        printed = printed_until_ready(server)
        environment = json.loads((run_dir / "ready.json").read_text())
        assert "All state is kept in memory and is gone when it ends." in printed
        assert f"\nready {environment['AWS_ENDPOINT_URL']}; " in printed
        assert refusal(run_dir, "--port", "0") == (
            1,
            f"--run-dir {run_dir} is in use by another local AWS; give this one its own",
        )
        assert f"export AWS_ENDPOINT_URL={environment['AWS_ENDPOINT_URL']}" in printed
        with urlopen(f"{environment['AWS_ENDPOINT_URL']}/_localaws/health", timeout=20) as answer:
            assert (answer.status, answer.read()) == (200, b"ok")
        session = boto3.Session(
            environment["AWS_ACCESS_KEY_ID"],
            environment["AWS_SECRET_ACCESS_KEY"],
            region_name=environment["AWS_DEFAULT_REGION"],
        )
        client = session.client("cloudformation", endpoint_url=environment["AWS_ENDPOINT_URL"])
        template = {"TemplateBody": json.dumps(ONE_ROLE), "Capabilities": ["CAPABILITY_IAM"]}
        client.create_stack(StackName="sample", **template)
        client.get_waiter("stack_create_complete").wait(StackName="sample", WaiterConfig={"Delay": 1})
        call_what_fails(session, environment["AWS_ENDPOINT_URL"])
        children = children_of(server.pid)
        assert children
        server.send_signal(signal.SIGTERM)
        said, _ = server.communicate(timeout=30)
        assert server.returncode == 0
        assert said.endswith("stopping ...\n")
        assert not any(Path(f"/proc/{child}").exists() for child in children)
    log = (run_dir / "server.log").read_text()
    assert "INFO localaws.requests: cloudformation CreateStack by developer: 200" in log
    assert "sqs GetQueueUrl by developer: 400 QueueDoesNotExist (" in log
    assert "function failing failed, request " in log
    assert "Runtime.ImportModuleError: " in log
    grants = json.loads((run_dir / "grants.json").read_text())
    (granted,) = grants["sample"]["Reader"]
    assert (granted["action"], granted["used"]) == ("s3:GetObject", False)


@pytest.mark.parametrize("port", ["70000", "many"])
def test_a_wrong_option_is_refused_before_it_starts(tmp_path: Path, port: str) -> None:
    with serving(tmp_path / "run", "--port", port) as server:
        printed, _ = server.communicate(timeout=30)
    assert server.returncode == 2
    assert f"argument --port: {port!r} is no port: give a number from 0 to 65535" in printed
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--container-python", "/nowhere/python"), "--container-python /nowhere/python: cannot be run: No such file"),
        (("--lambda-python", "/bin/true"), "--lambda-python /bin/true: it is no Python interpreter (exit status 0)"),
        (("--lambda-python", str(INTERPRETERS.containers)), "it has no package awslambdaric"),
    ],
    ids=["missing", "no-python", "lacks-package"],
)
def test_a_value_that_cannot_work_is_refused_in_a_sentence(
    tmp_path: Path, options: tuple[str, ...], problem: str
) -> None:
    status, said = refusal(tmp_path / "run", "--port", "0", *options)
    assert status == 1
    assert problem in said


def test_a_run_folder_that_cannot_be_made_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    run_dir = tmp_path / "file" / "run"
    assert refusal(run_dir, "--port", "0") == (1, f"cannot keep files in --run-dir {run_dir}: Not a directory")


def test_it_is_installed_as_a_command() -> None:
    scripts = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, function = scripts["localaws"].partition(":")
    assert callable(getattr(import_module(module), function))


def test_every_option_is_described_in_the_readme() -> None:
    readme = (REPO / "localaws" / "README.md").read_text()
    (commands,) = (each for each in command_line()._actions if isinstance(each, argparse._SubParsersAction))
    options = {
        option
        for command in commands.choices.values()
        for action in command._actions
        for option in action.option_strings
        if option.startswith("--")
    }
    assert {option for option in options - {"--help"} if f"`{option}" not in readme} == set()
