"""Every failure is a sentence and an exit code, never a traceback."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import (
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
    TokenRetrievalError,
)
from sluice.errors import RetryableError

from cli.failures import BadInputError, NotFoundError
from cli.main import command_line, main, run_as_program
from cli.output import JsonOutput
from cli.rollouts import status
from cli.session import CliSession
from tests.builders.aws_clients import client_error, translating


@pytest.fixture(autouse=True)
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL", "SLUICE_STAGE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")


def fail_with(error: BaseException) -> Callable[..., int]:
    """A command whose call to AWS fails so."""

    def call() -> int:
        raise error

    return lambda _arguments, _session: int(translating(SimpleNamespace(call=call)).call())


@pytest.mark.parametrize(
    ("error", "exit_code", "sentence"),
    [
        (BadInputError("that is wrong"), 2, "that is wrong"),
        (NotFoundError("not there"), 1, "not there"),
        (RetryableError("later"), 1, "later"),
        (
            client_error("DescribeEndpoint", "AccessDenied", "not yours"),
            1,
            "AWS refused DescribeEndpoint: not yours (Acc",
        ),
        (NoRegionError(), 1, "AWS_DEFAULT_REGION"),
        (NoCredentialsError(), 1, "Run `aws configure` or `aws sso login`, or choose a profile with AWS_PROFILE"),
        (ProfileNotFound(profile="mine"), 1, "(mine) could not be found. `aws configure list-profiles` lists"),
        (TokenRetrievalError(provider="sso", error_msg="over"), 1, "Log in with `aws sso login`"),
        (EndpointConnectionError(endpoint_url="http://x"), 1, "AWS cannot be reached"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_failures_end_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    exit_code: int,
    sentence: str,
) -> None:
    monkeypatch.setattr(status, "run", fail_with(error))
    assert main(["status"]) == exit_code
    told = capsys.readouterr()
    assert sentence in told.err
    assert "Traceback" not in told.err
    assert told.out == ""


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"AWS_ENDPOINT_URL": "banana", "AWS_DEFAULT_REGION": "us-east-1"}, "Invalid endpoint: banana"),
        ({"AWS_DEFAULT_REGION": ""}, "No AWS region is set: set AWS_DEFAULT_REGION or AWS_REGION"),
        ({"AWS_DEFAULT_REGION": "", "AWS_REGION": ""}, "No AWS region is set"),
        ({"AWS_REGION": "eu-west-3", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "AWS cannot be reached"),
    ],
)
def test_where_aws_is_said_to_be_is_used_or_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variables: dict[str, str], told: str
) -> None:
    """AWS_REGION is what Lambda, ECS, the AWS CLI of version 2 and GitHub's action set."""
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert main(["status"]) == 1
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("error", [NoCredentialsError(), ProfileNotFound(profile="mine")])
def test_missing_credentials_are_not_said_to_be_a_network_that_is_down(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    monkeypatch.setattr(status, "run", fail_with(error))
    assert main(["status"]) == 1
    assert "cannot be reached" not in capsys.readouterr().err


@pytest.mark.parametrize("command", ["approve fraud/1", "reject fraud/1", "retry fraud/1", "abort fraud"])
def test_a_reason_of_several_lines_is_refused_before_anything_is_asked(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main([*command.split(), "--reason", "a\nb"]) == 2
    assert "--reason is 'a\\nb': character 2 is a line break" in capsys.readouterr().err


def test_an_error_of_aws_behind_ours_is_shown_with_its_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        status, "run", fail_with(client_error("UpdateEndpoint", "ThrottlingException", "Rate exceeded"))
    )
    assert main(["status"]) == 1
    assert capsys.readouterr().err == "AWS refused UpdateEndpoint: Rate exceeded (ThrottlingException)\n"


@pytest.mark.parametrize("imported", ["botocore", "yaml", "argparse"])
def test_an_interrupt_while_it_still_imports_is_130_without_a_traceback(tmp_path: Path, imported: str) -> None:
    """As Ctrl-C in the first second: here the signal comes as the first of what a command needs is imported."""
    (tmp_path / f"{imported}.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    root = Path(__file__).parents[3]
    path = os.pathsep.join(map(str, (tmp_path, root, root / "layers" / "sluice")))
    command = [sys.executable, "-m", "cli", "status"]
    ended = subprocess.run(command, env={"PYTHONPATH": path}, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


def test_once_a_command_is_over_an_interrupt_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.main.main", lambda: 1)
    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(SystemExit) as caught:
            run_as_program()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert caught.value.code == 1


def test_problems_of_a_spec_are_a_document_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("name: Bad\n")
    assert main(["apply", str(file), "--output", "json"]) == 2
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert {
        "file": str(file),
        "line": 1,
        "column": 7,
        "field": "name",
        "value": "Bad",
        "message": "'Bad' has the wrong form",
        "allowed": "lower-case letters, digits and inner hyphens, letter first, 1 to 24 characters",
    } in problems


def test_the_schema_is_printed_as_it_is_committed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    committed = Path(__file__).parents[3] / "models" / "model.schema.json"
    assert capsys.readouterr().out == committed.read_text()


@pytest.mark.parametrize("words", [["--stage", "prod", "status"], ["status", "--stage", "prod"]])
def test_common_options_stand_before_or_after_the_command(words: list[str]) -> None:
    assert command_line({}).parse_args(words).stage == "prod"


def test_the_stage_comes_from_the_environment_unless_it_is_given() -> None:
    assert command_line({"SLUICE_STAGE": "test"}).parse_args(["status"]).stage == "test"
    assert command_line({"SLUICE_STAGE": "test"}).parse_args(["status", "--stage", "prod"]).stage == "prod"
    assert command_line({}).parse_args(["status"]).stage == "dev"


@pytest.mark.parametrize(
    "words", [[], ["dance"], ["status", "--stage", "Prod"], ["status", "--stage", "far-too-long"], ["apply"]]
)
def test_a_wrong_command_line_exits_with_2(words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2


@pytest.mark.parametrize("error", [BrokenPipeError(), BadInputError("that is wrong")])
def test_a_reader_that_has_seen_enough_gets_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], error: Exception
) -> None:
    def gone(_self: object, _document: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(status, "run", fail_with(error))
    monkeypatch.setattr(JsonOutput, "result", gone)
    monkeypatch.setattr("cli.main.os.dup2", lambda _from, _to: None)
    assert main(["status", "--output", "json"]) == 141
    assert "Traceback" not in capfd.readouterr().err


class Unread(io.StringIO):
    """A pipe whose reader has left."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError

    def fileno(self) -> int:
        return 1


def test_a_reader_that_leaves_does_not_cut_the_work_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in ``sluice apply a.yaml b.yaml | head -1``; only waiting ends."""
    written: list[str] = []

    def work(_arguments: object, session: CliSession) -> int:
        for name in ("first", "second", "third"):
            session.out.text(name)
            written.append(name)
        session.sleep(0)
        raise AssertionError("nobody reads what comes now")

    monkeypatch.setattr(status, "run", work)
    monkeypatch.setattr("cli.main.os.dup2", lambda _from, _to: None)
    monkeypatch.setattr("sys.stdout", Unread())
    assert main(["status"]) == 141
    assert written == ["first", "second", "third"]
