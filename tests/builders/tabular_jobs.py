"""Runs the tabular pipeline's scripts as SageMaker would, each in a process of the container's Python."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sluice.spec.model import ModelSpec
from sluice.training.upload_validation import contract_document

from localaws.containers import STARTUP

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "pipelines" / "tabular"
PYTHON = ROOT / ".venvs" / "xgboost" / "bin" / "python"

# Answers each request as the program that plays the image does with the model's serving code, or with the error that
# it raises; then tells the log.
SERVER = """
import base64, contextlib, io, json, sys
from pathlib import Path
containers, directory, requests = sys.argv[1], Path(sys.argv[2]), json.load(sys.stdin)
sys.path.insert(0, containers)
from serving.contract import InferenceRequest
from serving.script import ScriptMode
from serving.source import SubmittedCode
served = ScriptMode(
    program="inference.py",
    source=SubmittedCode(str(directory / "code"), unpack_into=directory),
    model_dir=directory,
    default_accept="text/csv",
)
served.load()
assert Path(sys.modules["inference"].__file__).parent == directory / "code"
def answer(body, content_type, accept):
    try:
        reply = served.invoke(InferenceRequest(base64.b64decode(body), content_type, accept))
        kind = reply.content_type.partition(";")[0]
        assert kind == ("application/json" if accept == "application/json" else "text/csv")
        return reply.body.decode()
    except ValueError as error:
        return {"error": str(error)}
with contextlib.redirect_stdout(io.StringIO()) as log:
    answers = [answer(*request) for request in requests]
json.dump({"answers": answers, "log": log.getvalue()}, sys.stdout)
"""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a job ended: its exit code, what it printed, and the reason it left for SageMaker."""

    code: int
    printed: str
    message: str | None


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the pipeline's jobs below ``root``, which stands for each job's /opt/ml in turn."""

    root: Path

    @property
    def output(self) -> Path:
        """Where preprocessing leaves its splits."""
        return self.root / "preprocess" / "processing" / "output"

    @property
    def model(self) -> Path:
        return self.root / "model"

    def preprocess(self, files: Mapping[str, bytes], contract: Mapping[str, Any]) -> Finished:
        inputs = self.root / "preprocess" / "processing" / "input"
        (inputs / "contract").mkdir(parents=True, exist_ok=True)
        (inputs / "contract" / "contract.json").write_text(json.dumps(contract))
        for name, content in files.items():
            path = inputs / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return _job("preprocess.py", self.root / "preprocess")

    def train(self, *hyperparameters: str) -> Finished:
        channels = {
            f"SM_CHANNEL_{name.upper()}": str(self.output / name) for name in ("train", "validation", "preprocessing")
        }
        return _finish(
            [PYTHON, SCRIPTS / "train.py", *hyperparameters],
            self.root / "train",
            {"SM_MODEL_DIR": str(self.model), **channels},
        )

    def evaluate(self, *arguments: str) -> Finished:
        inputs = self.root / "evaluate" / "processing" / "input"
        (inputs / "model").mkdir(parents=True, exist_ok=True)
        with tarfile.open(inputs / "model" / "model.tar.gz", "w:gz") as archive:
            archive.add(self.model.resolve(), arcname=".")
        shutil.copytree(self.output / "test", inputs / "test", dirs_exist_ok=True)
        return _job("evaluate.py", self.root / "evaluate", *arguments)

    def report(self) -> dict[str, Any]:
        path = self.root / "evaluate" / "processing" / "output" / "evaluation" / "evaluation.json"
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def metrics(self) -> dict[str, Any]:
        found: dict[str, Any] = self.report()["regression_metrics"]
        return found

    def serve(self, requests: Sequence[tuple[str | bytes, str, str]]) -> list[Any]:
        """The answers to (body, content type, accept), or ``{"error": text}`` for those refused."""
        return self.serve_with_log(requests)[0]

    def serve_with_log(self, requests: Sequence[tuple[str | bytes, str, str]]) -> tuple[list[Any], list[str]]:
        """The same, and the lines that went to the container's log."""
        sent = [
            (base64.b64encode(body if isinstance(body, bytes) else body.encode()).decode(), *rest)
            for body, *rest in requests
        ]
        command: list[str | Path] = [PYTHON, "-c", SERVER, ROOT / "localaws" / "containers", self.model]
        done = subprocess.run(command, input=json.dumps(sent), capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        return found["answers"], found["log"].splitlines()


def data_contract(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The data contract of a spec as ``sluice apply`` uploads it."""
    return contract_document(ModelSpec.parse(spec))


def _job(script: str, root: Path, *arguments: str) -> Finished:
    return _finish([PYTHON, SCRIPTS / script, "--root", root, *arguments], root, {})


def _finish(command: Sequence[str | Path], root: Path, environment: Mapping[str, str]) -> Finished:
    # As in jobs of the local AWS: xgboost without pandas, whose import takes longer than all that a script does.
    env = {**os.environ, "PYTHONPATH": str(STARTUP), **environment}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    message = root / "output" / "message"
    sys.stderr.write(done.stderr)  # pytest shows it when a test fails
    return Finished(done.returncode, done.stdout, message.read_text() if message.exists() else None)
