"""What a cold start of each function costs, as a share of a bare ``boto3.client("sagemaker")`` on the same machine.

    make build && .venv/bin/python bench/function_init.py --rounds 21

A sample is a fresh interpreter that imports the function's module and makes every client that its role lets it use,
beside one that makes the bare client with the boto3 of the rehearsal; CPU time, exit not counted. The two alternate,
and the ratio is the median over the pairs: that holds on a noisy machine, where no absolute time does. Python 3.11,
compiled beforehand as the package is; not a measurement of AWS Lambda.
"""

from __future__ import annotations

import argparse
import compileall
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path

import boto3
import yaml

REPO = Path(__file__).parents[1]
BUILT = REPO / ".aws-sam" / "build"
BUDGET, BUDGET_OF_MANY = 0.60, 0.70  # with up to three clients, and with more
BARE = 'import boto3; boto3.client("sagemaker"); '
CLIENTS = {"states": "stepfunctions", "sagemaker": "sagemaker"}  # by IAM prefix, where the client is called otherwise
LEAVE = "import os; os._exit(0)"


class Template(yaml.SafeLoader):
    """CloudFormation's tags do not matter here."""


Template.add_multi_constructor("!", lambda _loader, _suffix, node: str(node.value))


def services(template: Mapping[str, object], function: str) -> list[str]:
    """The clients that the function's role lets it use."""
    resource = template["Resources"][function]  # type: ignore[index]
    actions = re.findall(r"'([a-z-]+):[A-Z][A-Za-z]+'", str(resource["Properties"].get("Policies", "")))
    prefixes = sorted({each for each in actions if each not in ("iam", "logs", "kms")})
    return [CLIENTS.get(each, each) for each in prefixes]


def code_of(clients: list[str]) -> str:
    made = "".join(f"clients({name!r}); " for name in clients)
    return f"import app; from sluice.aws.clients import Boto3Clients; clients = Boto3Clients(); {made}"


def cpu_seconds(python: Path, paths: list[Path], code: str) -> float:
    """User and system time of a fresh interpreter that runs the code."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "SLUICE_STAGE": "dev",
        "SLUICE_TABLE": "t",
    }
    child = subprocess.Popen(  # noqa: S603 - our own code in our own interpreter
        [python, "-c", code + LEAVE], env=environment, cwd=tempfile.gettempdir()
    )
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"failed: {code}")
    return usage.ru_utime + usage.ru_stime


def ratios(python: Path, bare: list[Path], paths: list[Path], code: str, rounds: int) -> Iterator[float]:
    for _ in range(rounds):
        yield cpu_seconds(python, paths, code) / cpu_seconds(python, bare, BARE)


def compiled(source: Path, target: Path) -> Path:
    """A copy with bytecode for this interpreter."""
    shutil.copytree(source, target)
    compileall.compile_dir(target, quiet=2, force=True)
    return target


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("functions", nargs="*", help="logical ids; all when left out")
    options = parser.parse_args()
    template = yaml.load((REPO / "template.yaml").read_text(), Template)  # noqa: S506 - a SafeLoader of our own
    known = sorted(each.name for each in BUILT.iterdir() if each.name.endswith("Function"))
    with tempfile.TemporaryDirectory() as folder:
        # A bare interpreter: what a site-packages folder runs at start would be counted on both sides.
        venv.create(Path(folder) / "venv", with_pip=False)
        python = Path(folder) / "venv" / "bin" / "python"
        layer = compiled(BUILT / "SluiceLayer" / "python", Path(folder) / "layer")
        bare = [Path(boto3.__file__).parents[1]]
        print(f"{'function':28} {'clients':>7} {'of bare client':>15} {'budget':>7}")
        missed = False
        for function in options.functions or known:
            clients = services(template, function)
            own = compiled(BUILT / function, Path(folder) / function)
            budget = BUDGET if len(clients) <= 3 else BUDGET_OF_MANY
            found = statistics.median(ratios(python, bare, [own, layer], code_of(clients), options.rounds))
            missed = missed or found > budget
            print(f"{function:28} {len(clients):7} {found:15.2f} {budget:7.2f}{'  over' if found > budget else ''}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
