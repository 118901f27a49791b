"""Nobody who types what the documents say reaches the real AWS by mistake: no command leaves the machine."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from localaws.local_aws import LocalAws
from localaws.serve import client_environment
from localaws.tests.interpreters import INTERPRETERS
from localaws.tests.loopback_only import Ran, run_here
from rehearsal.serve import examples

ROOT = Path(__file__).parents[3]
TOOLS = {"aws": "localaws.aws_cli:main", "sluice": "cli.main:main"}
LINE = re.compile(r"^\s*(?:\.venv/bin/)?((?:aws|sluice) (?!-->).+)$", re.MULTILINE)
INLINE = re.compile(r"`((?:aws|sluice) [^`\n]+)`")
SUBSTITUTED = re.compile(r"\$\((aws [^)]+)\)")

COMPUTES_ONLY = "sluice simulate "  # for half a minute, and asks AWS nothing


def documented() -> list[str]:
    """The commands of the README, of the docs and of what ``make serve`` prints; of each subcommand the first."""
    pages = [ROOT / "README.md", ROOT / "localaws" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    texts = [page.read_text() for page in pages] + [examples("dev", "us-east-1")]
    found = []
    for text in texts:
        whole = text.replace("\\\n", " ")
        found += LINE.findall(whole) + INLINE.findall(whole) + SUBSTITUTED.findall(whole)
    first: dict[tuple[str, ...], str] = {}
    for command in (command for line in found for command in re.split(r" && | \| ", line)):
        words = command.split()
        first.setdefault(tuple(words[: 3 if words[0] == "aws" or words[1] == "data" else 2]), command)
    return [command for command in first.values() if not command.startswith(COMPUTES_ONLY)]


def words_of(command: str) -> list[str]:
    """As a shell reads it, blanks filled in and comments left out."""
    filled = re.sub(r"<[^>]+>", "x", command)
    return shlex.split(filled.replace("…", "x"), comments=True)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ran]]:
    """Each command, against a local AWS on which nothing is deployed: most end with an error, which is well."""
    commands = documented()
    assert len(commands) > 25, "the documents have changed their form: this test sees nothing"
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("models", "pipelines"):
        (folder / name).symlink_to(ROOT / name)
    for name in ("may.csv", "june.csv", "my-data.csv", "new.csv", "more.csv", "fixed.csv", "row.csv"):
        (folder / name).write_text("a,b\n1,2\n")
    with LocalAws(tmp_path_factory.mktemp("run"), INTERPRETERS) as aws:
        environment = client_environment(aws.endpoint_url, aws.region)
        told: dict[str, Ran] = {}
        for tool, function in TOOLS.items():
            typed = [command for command in commands if command.startswith(f"{tool} ")]
            lines = [words_of(command)[1:] for command in typed]
            told |= dict(zip(typed, run_here(function, lines, environment, folder), strict=True))
        yield told


def test_no_documented_command_leaves_the_machine(ran: dict[str, Ran]) -> None:
    assert {command: told.left_for for command, told in ran.items() if told.left_for} == {}


def test_the_commands_were_really_run(ran: dict[str, Ran]) -> None:
    """Each tool has asked the local AWS something."""
    for beginning, answer in (("aws s3 cp ", "NoSuchBucket"), ("sluice status ", "no SSM parameter /sluice/dev/stack")):
        (told,) = (told for command, told in ran.items() if command.startswith(beginning))
        assert answer in told.printed


def test_the_aws_command_of_the_environment_is_the_shipped_one() -> None:
    """``make setup`` puts it there; the stock one goes to the real AWS for SQS."""
    installed = Path(os.environ.get("VIRTUAL_ENV") or ROOT / ".venv") / "bin" / "aws"
    assert "localaws.aws_cli" in installed.read_text(), "run `make setup`"
