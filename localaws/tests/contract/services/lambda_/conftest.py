"""A local AWS with Lambda and EventBridge, shared by all tests of this folder."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from localaws.context import Context
from localaws.local_aws import LocalAws
from localaws.service_api import Service
from localaws.services.events.service import EventBridge
from localaws.services.lambda_.service import Lambda
from localaws.tests.contract.services.lambda_.account import Account, Sums, zipped
from localaws.tests.interpreters import INTERPRETERS

BOTOCORE_DATA = (
    "endpoints.json",
    "partitions.json",
    "sdk-default-configuration.json",
    "_retry.json",
    "s3/2006-03-01/service-2.json.gz",
    "s3/2006-03-01/endpoint-rule-set-1.json.gz",
)


def botocore_layer() -> bytes:
    """botocore with no more services than the functions of these tests call."""
    files: dict[str, str | bytes] = {"python/six.py": origin_of("six").read_bytes()}
    for package in ("botocore", "dateutil", "jmespath", "urllib3"):
        root = origin_of(package).parent
        for path in [*root.rglob("*.py"), *root.glob("cacert.pem")]:
            files[f"python/{package}/{path.relative_to(root)}"] = path.read_bytes()
    data = origin_of("botocore").parent / "data"
    for name in BOTOCORE_DATA:
        files[f"python/botocore/data/{name}"] = (data / name).read_bytes()
    return zipped(files)


def origin_of(module: str) -> Path:
    """The file that importing ``module`` would read."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin)


@pytest.fixture(scope="package")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    made: list[EventBridge] = []
    metrics = Sums()

    def services(context: Context) -> Sequence[Service]:
        bus = EventBridge(context, time_scale=0.01)
        context.metrics, context.bus = metrics, bus
        made.append(bus)
        return [bus, Lambda(context, time_scale=0.002)]

    with LocalAws(tmp_path_factory.mktemp("aws"), INTERPRETERS, services=services) as aws:
        yield Account(aws, made[0], metrics)


@pytest.fixture(scope="package")
def botocore_layer_arn(account: Account) -> str:
    published = account.client("lambda").publish_layer_version(
        LayerName="botocore", Content={"ZipFile": botocore_layer()}
    )
    return str(published["LayerVersionArn"])
