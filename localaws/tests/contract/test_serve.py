"""The command ``localaws serve``: answers, reports and leaves nothing behind."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from urllib.request import urlopen

import boto3

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
    while "Ctrl-C" not in printed:
        line = server.stdout.readline()
        assert line, printed
        printed += line
    return printed


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


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
    with serving(tmp_path, "--port", "0") as server:
        printed = printed_until_ready(server)
        environment = json.loads((tmp_path / "ready.json").read_text())
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
        children = children_of(server.pid)
        assert children
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=30) == 0
        assert not any(Path(f"/proc/{child}").exists() for child in children)
    grants = json.loads((tmp_path / "grants.json").read_text())
    (granted,) = grants["sample"]["Reader"]
    assert (granted["action"], granted["used"]) == ("s3:GetObject", False)


def test_a_wrong_option_is_refused_before_it_starts(tmp_path: Path) -> None:
    with serving(tmp_path / "run", "--port", "many") as server:
        printed, _ = server.communicate(timeout=30)
    assert server.returncode == 2
    assert "argument --port: invalid int value: 'many'" in printed
    assert not (tmp_path / "run").exists()


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
