"""Model artifacts for tests: made once by the containers' own interpreter, plain, with code, and broken."""

import io
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

from localaws.tests.interpreters import INTERPRETERS

CONTAINER_PYTHON = INTERPRETERS.containers
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
OTHER_IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312-ubuntu22.04-sagemaker"

TRAIN = """
import sys, numpy as np, xgboost as xgb
rows = np.random.default_rng(7).random((200, 3))
for path, slope in zip(sys.argv[1:], (1.0, 100.0)):
    data = xgb.DMatrix(rows, rows @ np.array([slope, slope, slope]), nthread=1)
    xgb.train({"max_depth": 3, "nthread": 1}, data, 10).save_model(path)
"""
# Raw rows in; a row that begins with "die" takes the whole container down, a negative number is not understood.
INFERENCE = """
import os
import numpy as np, xgboost as xgb

def model_fn(model_dir):
    booster = xgb.Booster()
    booster.load_model(os.path.join(model_dir, "xgboost-model"))
    return booster

def input_fn(body, content_type):
    assert content_type == "text/csv", content_type
    if body.startswith("die"):
        os._exit(9)
    rows = np.array([[float(cell) for cell in line.split(",")] for line in body.splitlines()])
    if (rows < 0).any():
        raise ValueError("negative value in a row")
    return xgb.DMatrix(rows)

def output_fn(prediction, accept):
    return "".join(f"{os.getpid()} {score:.1f}\\n" for score in prediction), "text/plain"
"""

HANGS = (
    INFERENCE
    + """
def predict_fn(data, model):
    import time
    time.sleep(3600)
"""
)

ONE_BY_ONE_SECONDS = 0.05
# All requests take the same time, and no two are worked on at once: a queue that can be foreseen.
ONE_BY_ONE = (
    INFERENCE
    + f"""
import threading, time
turn = threading.Lock()

def predict_fn(data, model):
    with turn:
        time.sleep({ONE_BY_ONE_SECONDS})
        return model.predict(data)
"""
)


def make_artifacts(directory: Path) -> dict[str, bytes]:
    """Packed models by name: two that differ by a factor of 100, each plain and with code, and broken ones."""
    plain = {name: directory / f"{name}.ubj" for name in ("low", "high")}
    subprocess.run([CONTAINER_PYTHON, "-c", TRAIN, *map(str, plain.values())], check=True)
    low, high = (path.read_bytes() for path in plain.values())
    return {
        "low": packed({"xgboost-model": low}),
        "high": packed({"xgboost-model": high}),
        "script-low": packed({"xgboost-model": low, "code/inference.py": INFERENCE.encode()}),
        "script-high": packed({"xgboost-model": high, "code/inference.py": INFERENCE.encode()}),
        "script-broken": packed({"xgboost-model": low, "code/inference.py": b"import no_such_module"}),
        "script-one-by-one": packed({"xgboost-model": low, "code/inference.py": ONE_BY_ONE.encode()}),
        "script-hangs": packed({"xgboost-model": low, "code/inference.py": HANGS.encode()}),
        "script-exits": packed({"code/inference.py": b"import os; os._exit(3)"}),
        "not-a-model": packed({"xgboost-model": b"no model"}),
        "not-a-tar": b"not a tar",
    }


def packed(files: Mapping[str, bytes]) -> bytes:
    """A tar.gz."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def unpacked(artifact: bytes, directory: Path) -> None:
    """The contents of a tar.gz in ``directory``."""
    with tarfile.open(fileobj=io.BytesIO(artifact), mode="r:gz") as archive:
        archive.extractall(directory, filter="data")
