"""A local AWS with hosting in it, models made once per session, and what hosting told the bus and the metrics."""

import io
import json
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rehearsal.local_aws import LocalAws
from rehearsal.sagemaker.hosting import Hosting
from rehearsal.sagemaker.provisioning import Pace
from rehearsal.sagemaker.registry import Registry
from rehearsal.sagemaker.runtime import Runtime
from rehearsal.sagemaker.tags import Tags
from rehearsal.wire import Service
from rehearsal.world import World

REPO = Path(__file__).parents[3]
CONTAINER_PYTHON = REPO / ".venvs" / "xgboost" / "bin" / "python"
BUCKET = "models"
ROLE = "arn:aws:iam::123456789012:role/model"
ROLE_WITHOUT_RIGHTS = "arn:aws:iam::123456789012:role/powerless"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
RIGHTS = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"},
        {"Effect": "Allow", "Action": "logs:*", "Resource": "arn:aws:logs:*:*:log-group:/aws/sagemaker/*"},
    ],
}
DEADLINE_SECONDS = 60.0

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


@dataclass
class Told:
    """Stands for the bus and the metrics; keeps what hosting told them."""

    events: list[dict[str, Any]] = field(default_factory=list)
    samples: list[tuple[str, Mapping[str, str], float, int]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, *, source: str, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str] = ()) -> None:
        with self.lock:
            self.events.append(
                {"source": source, "detail-type": detail_type, "detail": detail, "resources": list(resources)}
            )

    def record(
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        value: float,
        *,
        unit: str = "None",
        publish_every_seconds: int = 60,
    ) -> None:
        with self.lock:
            self.samples.append((name, dict(dimensions), value, publish_every_seconds))

    def statuses(self, endpoint: str) -> list[tuple[str, str]]:
        """``(EndpointStatus, EndpointConfigName)`` of an endpoint's events in order."""
        with self.lock:
            details = [event["detail"] for event in self.events]
        return [
            (detail["EndpointStatus"], detail["EndpointConfigName"])
            for detail in details
            if detail["EndpointName"] == endpoint
        ]

    def total(self, endpoint: str, variant: str, metric: str) -> float:
        """The sum of a metric's samples."""
        dimensions = {"EndpointName": endpoint, "VariantName": variant}
        with self.lock:
            return sum(value for name, at, value, _ in self.samples if (name, at) == (metric, dimensions))


@dataclass
class Stage:
    """One local AWS and short ways to say what a test wants of it."""

    aws: LocalAws
    told: Told

    def __post_init__(self) -> None:
        self.sagemaker = self.aws.client("sagemaker")
        self.runtime = self.aws.client("sagemaker-runtime")

    def model(self, name: str, artifact: str, role: str = ROLE) -> str:
        """Create a model from one of the artifacts; ``script…`` artifacts are served in script mode."""
        script = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
        self.sagemaker.create_model(
            ModelName=name,
            PrimaryContainer={
                "Image": "xgboost:3.0-5",
                "ModelDataUrl": f"s3://{BUCKET}/{artifact}.tar.gz",
                "Environment": script if artifact.startswith("script") else {},
            },
            ExecutionRoleArn=role,
        )
        return name

    def config(self, name: str, variants: Mapping[str, tuple[str, float]], **more: Any) -> str:
        """Create a config: variant → (model, weight), one instance each."""
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[
                {
                    "VariantName": variant,
                    "ModelName": model,
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": 1,
                    "InitialVariantWeight": weight,
                }
                for variant, (model, weight) in variants.items()
            ],
            **more,
        )
        return name

    def settled(self, endpoint: str) -> dict[str, Any]:
        """The endpoint's description once it is settled."""
        shown: dict[str, Any] = eventually(
            lambda: self.sagemaker.describe_endpoint(EndpointName=endpoint),
            lambda shown: shown["EndpointStatus"] in ("InService", "Failed"),
        )
        return shown

    def create(self, endpoint: str, config: str) -> dict[str, Any]:
        self.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        return self.settled(endpoint)

    def invoke(self, endpoint: str, row: str = "0.1,0.2,0.3", **more: Any) -> tuple[str, str]:
        """``(answer, variant that gave it)``."""
        answer = self.runtime.invoke_endpoint(EndpointName=endpoint, Body=row.encode(), ContentType="text/csv", **more)
        return answer["Body"].read().decode(), answer["InvokedProductionVariant"]


def eventually(look: Callable[[], Any], is_so: Callable[[Any], bool]) -> Any:
    """What ``look`` returns once ``is_so``; fails after the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_so(seen := look()):
        assert time.monotonic() < deadline, f"still {seen}"
        threading.Event().wait(0.05)
    return seen


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Packed models by name: two that differ by a factor of 100, each plain and with code, and broken ones."""
    directory = tmp_path_factory.mktemp("models")
    plain = {name: directory / f"{name}.ubj" for name in ("low", "high")}
    subprocess.run([CONTAINER_PYTHON, "-c", TRAIN, *map(str, plain.values())], check=True)
    low, high = (path.read_bytes() for path in plain.values())
    return {
        "low": packed({"xgboost-model": low}),
        "high": packed({"xgboost-model": high}),
        "script-low": packed({"xgboost-model": low, "code/inference.py": INFERENCE.encode()}),
        "script-high": packed({"xgboost-model": high, "code/inference.py": INFERENCE.encode()}),
        "script-broken": packed({"xgboost-model": low, "code/inference.py": b"import no_such_module"}),
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


def staged(run_dir: Path, artifacts: Mapping[str, bytes], pace: Pace) -> Iterator[Stage]:
    """A running local AWS with hosting at ``pace`` and the artifacts in a bucket."""
    told = Told()

    def services(world: World) -> list[Service]:
        world.bus, world.metrics = told, told
        hosting = Hosting(world, pace)
        return [hosting, Runtime(hosting), Registry(world), Tags(world)]

    with LocalAws(run_dir, REPO, services=services) as aws:
        iam, s3 = aws.client("iam"), aws.client("s3")
        for role in (ROLE, ROLE_WITHOUT_RIGHTS):
            name = role.rpartition("/")[2]
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.put_role_policy(RoleName="model", PolicyName="model", PolicyDocument=json.dumps(RIGHTS))
        s3.create_bucket(Bucket=BUCKET)
        for name, artifact in artifacts.items():
            s3.put_object(Bucket=BUCKET, Key=f"{name}.tar.gz", Body=artifact)
        yield Stage(aws, told)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, artifacts: dict[str, bytes]) -> Iterator[Stage]:
    """Hosting at a quick pace, patient with containers because the machine may be busy."""
    pace = Pace(
        settle_seconds=0.5,
        health_check_seconds=DEADLINE_SECONDS,
        healing_every_seconds=0.1,
        log_shipping_every_seconds=0.1,
    )
    yield from staged(tmp_path_factory.mktemp("aws"), artifacts, pace)


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory, artifacts: dict[str, bytes]) -> Iterator[Stage]:
    """Hosting that gives containers little time, for those that never get healthy."""
    pace = Pace(settle_seconds=0.1, health_check_seconds=1.0)
    yield from staged(tmp_path_factory.mktemp("aws"), artifacts, pace)
