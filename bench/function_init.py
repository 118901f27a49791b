"""What a cold start of each function costs, as a share of a bare ``boto3.client("sagemaker")`` on the same machine.

    make build && .venv/bin/python bench/function_init.py --rounds 21

A sample is a fresh interpreter that imports the function's module as Lambda does, has Powertools' Logger and Metrics,
for a queue's functions BatchProcessor, too, and makes every client of boto3 that the function's role lets it use,
beside one that makes the bare client with the boto3 of the rehearsal; CPU time, exit not counted. The two alternate,
and the ratio is the median over the pairs: that holds on a noisy machine, where no absolute time does. Both sides are
compiled beforehand, as the layer is. ``--python`` takes another interpreter than this one, such as Lambda's
``python3.13``. Not a measurement of AWS Lambda.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import yaml

REPO = Path(__file__).parents[1]
BUILT = REPO / ".aws-sam" / "build"
SERVICES = REPO / "layers" / "sluice" / "botocore-services.txt"
BUDGET, BUDGET_OF_MANY, BUDGET_OF_A_QUEUE = 0.65, 0.70, 0.75
"""With up to three clients; with more; of a function that takes batches of messages."""
FEW = 3
BARE = 'import boto3; boto3.client("sagemaker"); '
BARE_PACKAGES = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3")
LEAVE = "import os; os._exit(0)"


class Template(yaml.SafeLoader):
    """CloudFormation's tags do not matter here."""


Template.add_multi_constructor("!", lambda _loader, _suffix, node: str(node.value))


@cache
def operations() -> Mapping[str, tuple[frozenset[str], frozenset[str]]]:
    """By service of the layer: the names that IAM may call it by, and its operations."""
    session = botocore.session.Session()
    found = {}
    for name in (line for line in SERVICES.read_text().splitlines() if not line.startswith("#")):
        model = session.get_service_model(name)
        names = frozenset({name, model.signing_name, model.endpoint_prefix})
        found[name] = (names, frozenset(model.operation_names))
    return found


def client_of(prefix: str, action: str) -> str | None:
    """The client that has the action of IAM, e.g. ``stepfunctions`` for ``states:StartExecution``.

    An action may be no operation, such as ``s3:ListBucket``; then its prefix alone has to tell. None for a service
    that our code makes no client of, such as ``iam``. Raises LookupError if it may be one of several.
    """
    named = {name: actions for name, (names, actions) in operations().items() if prefix in names}
    found = [name for name, actions in named.items() if action in actions] or list(named)
    if len(found) > 1:
        raise LookupError(f"{prefix}:{action} may be of {' or '.join(found)}")
    return found[0] if found else None


def clients_of(function: Mapping[str, Any]) -> list[str]:
    """The clients that a function's role lets it use."""
    actions = re.findall(r"'([a-z0-9-]+):([A-Z][A-Za-z0-9]+)'", str(function["Properties"].get("Policies", "")))
    return sorted({client for prefix, action in actions if (client := client_of(prefix, action))})


def takes_batches(function: Mapping[str, Any]) -> bool:
    return any(event["Type"] == "SQS" for event in function["Properties"].get("Events", {}).values())


def budget_of(function: Mapping[str, Any]) -> float:
    if takes_batches(function):
        return BUDGET_OF_A_QUEUE
    return BUDGET if len(clients_of(function)) <= FEW else BUDGET_OF_MANY


ONE_SESSION = """
import gc; gc.disable(); import boto3; gc.freeze(); gc.enable()
class Session:
    def __init__(self):
        self.session, self.made = boto3.Session(), {}
    def client(self, name, **settings):
        if name not in self.made:
            self.made[name] = self.session.client(name, **settings)
        return self.made[name]
session = Session()
boto3.Session = lambda: session
"""
"""What the function makes clients with during its init, and the sample afterwards: as one session makes each once."""


def code_of(function: Mapping[str, Any]) -> str:
    """What a function has done when its first event is through, without the event."""
    batch = "from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response; "
    made = "".join(f"session.client({name!r}, config=config); " for name in clients_of(function))
    return (
        f"{ONE_SESSION}import app; "
        "from aws_lambda_powertools import Logger, Metrics; Logger(); Metrics(); "
        f"{batch if takes_batches(function) else ''}"
        f"from botocore.config import Config; config = Config(retries={{'mode': 'standard'}}); {made}"
    )


def cpu_seconds(python: Path, paths: list[Path], code: str) -> float:
    """User and system time of a fresh interpreter that runs the code."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_LAMBDA_FUNCTION_NAME": "x",
        "POWERTOOLS_METRICS_NAMESPACE": "Sluice",
        "POWERTOOLS_SERVICE_NAME": "sluice",
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


def ratios(python: Path, bare: Path, paths: list[Path], code: str, rounds: int) -> Iterator[float]:
    for _ in range(rounds):
        yield cpu_seconds(python, paths, code) / cpu_seconds(python, [bare], BARE)


def compiled(python: Path, folder: Path) -> Path:
    """The folder, with bytecode for the interpreter that is taken without a look at the source, as on Lambda."""
    options = ["-q", "-f", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([python, "-m", "compileall", *options, folder], check=True)  # noqa: S603 - the one that is measured
    return folder


def bare_packages(target: Path) -> Path:
    """A copy of the installed boto3 and what it needs, without anything else that may be installed beside it."""
    target.mkdir()
    for name in BARE_PACKAGES:
        source = Path(boto3.__file__).parents[1] / name
        if source.is_dir():
            shutil.copytree(source, target / name)
        else:
            shutil.copy(source, target)
    return target


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("functions", nargs="*", help="logical ids; all when left out")
    options = parser.parse_args()
    template = yaml.load((REPO / "template.yaml").read_text(), Template)  # noqa: S506 - a SafeLoader of our own
    known = sorted(each.name for each in BUILT.iterdir() if each.name.endswith("Function"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        # A bare interpreter: what a site-packages folder runs at start would be counted on both sides.
        subprocess.run([options.python, "-m", "venv", "--without-pip", folder / "venv"], check=True)  # noqa: S603
        python = folder / "venv" / "bin" / "python"
        shutil.copytree(BUILT / "SluiceLayer" / "python", folder / "layer")
        layer, bare = compiled(python, folder / "layer"), compiled(python, bare_packages(folder / "bare"))
        print(f"{'function':28} {'clients':>7} {'of bare client':>15} {'budget':>7}")
        missed = False
        for name in options.functions or known:
            function = template["Resources"][name]
            shutil.copytree(BUILT / name, folder / name)
            paths = [compiled(python, folder / name), layer]
            found = statistics.median(ratios(python, bare, paths, code_of(function), options.rounds))
            budget, many = budget_of(function), len(clients_of(function))
            missed = missed or found > budget
            print(f"{name:28} {many:7} {found:15.2f} {budget:7.2f}{'  over' if found > budget else ''}", flush=True)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
