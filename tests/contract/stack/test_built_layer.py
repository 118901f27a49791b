"""What the build cuts, moves and rewrites in the layer's packages is never missed by whoever uses them."""

from __future__ import annotations

import compileall
import json
import os
import shutil
import subprocess
import zipfile
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import boto3
import pytest

from rehearsal.build import ensure_built, has_lambda_python

ROOT = Path(__file__).parents[3]
BARE = ROOT / ".venvs" / "lambda-runtime" / "bin" / "python"
ZIP_BYTES = 5_000_000

# Modules that need what is on no Lambda: native libraries of AWS, other packages, Windows.
ELSEWHERE = {
    "boto3.crt",
    "botocore.crt.auth",
    "dateutil.tz.win",
    "dateutil.tzwin",
    "s3transfer.crt",
    "urllib3.contrib.pyopenssl",
    "urllib3.contrib.socks",
    "urllib3.http2.connection",
}


@pytest.fixture(scope="module")
def packages() -> Path:
    return ensure_built(ROOT) / "SluiceLayer" / "python"


def run(packages: Path, code: str, **variables: str) -> Any:
    """Run as on Lambda: a bare interpreter with nothing but the layer on its path. What it prints is JSON."""
    environment = {
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "HOME": str(packages),  # no ~/.aws
        "PYTHONPYCACHEPREFIX": str(packages.parents[2] / "bytecode-of-tests"),
        "PYTHONPATH": str(packages),
        **variables,
    }
    done = subprocess.run([BARE, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


IMPORT_ALL = """
import importlib, json, pkgutil, sys, warnings
warnings.simplefilter("ignore")
failed, found = {}, 0
for top in %r:
    package = importlib.import_module(top)
    walked = pkgutil.walk_packages(package.__path__, top + ".", onerror=lambda name: None)
    for name in (top, *(each.name for each in walked)):
        try:
            importlib.import_module(name)
            found += 1
        except ImportError as error:
            failed[name] = str(error)
print(json.dumps([failed, found]))
"""


def test_every_module_that_is_left_can_be_imported(packages: Path) -> None:
    names = [path.parent.name for path in packages.glob("*/__init__.py")]
    on_lambda = {"LAMBDA_TASK_ROOT": "/var/task"}  # elsewhere X-Ray's recorder asks its service what to sample
    failed, found = run(packages, IMPORT_ALL % sorted(names), **on_lambda)
    assert found > 480
    assert {name: error for name, error in failed.items() if name not in ELSEWHERE} == {}


def test_all_of_powertools_that_we_mean_to_use_is_there(packages: Path) -> None:
    code = """
import json
from aws_lambda_powertools import Logger, Metrics, Tracer, single_metric
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.event_source import event_source as same
from aws_lambda_powertools.utilities.data_classes import event_source
from aws_lambda_powertools.utilities import data_classes
assert event_source is same, "not the module of that name"
names = [name for name in data_classes.__all__ if name != "event_source"]
print(json.dumps([(name, getattr(data_classes, name).__name__) for name in names]))
"""
    names = run(packages, code)
    assert len(names) > 40
    assert [name for name, real in names if name != real] == []


def test_a_batch_is_processed_record_by_record(packages: Path) -> None:
    code = """
import json
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
def handle(record):
    if record.body == "bad":
        raise ValueError
event = {"Records": [{"messageId": each, "body": each, "eventSource": "aws:sqs"} for each in ("good", "bad")]}
print(json.dumps(process_partial_response(event, handle, BatchProcessor(EventType.SQS), None)))
"""
    assert run(packages, code) == {"batchItemFailures": [{"itemIdentifier": "bad"}]}


def test_tracing_is_loaded_only_where_it_is_asked_for_and_then_works(packages: Path) -> None:
    code = """
import json, sys
import aws_lambda_powertools
before = [name for name in ("aws_xray_sdk", "wrapt", "aws_lambda_powertools.tracing") if name in sys.modules]
tracer = aws_lambda_powertools.Tracer(service="sluice")
import botocore.client
wrapped = hasattr(botocore.client.BaseClient._make_api_call, "__wrapped__")
print(json.dumps([before, tracer.disabled, wrapped]))
"""
    on_lambda = {"LAMBDA_TASK_ROOT": "/var/task", "AWS_LAMBDA_FUNCTION_NAME": "look"}
    assert run(packages, code, **on_lambda) == [[], False, True]


SERVICES = [
    line for line in (ROOT / "layers/sluice/botocore-services.txt").read_text().split("\n") if line[:1].isalpha()
]
COLD_START = f"""
import json, sys
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.utilities.batch import BatchProcessor
import boto3
Logger(service="sluice"); Metrics(namespace="Sluice", service="sluice")
session = boto3.Session()
for service in {SERVICES!r}:
    session.client(service)
print(json.dumps(sorted(sys.modules)))
"""


def test_a_cold_start_imports_nothing_that_no_function_needs(packages: Path) -> None:
    loaded = set(run(packages, COLD_START))
    assert {"botocore.client", "aws_lambda_powertools.utilities.batch.base"} <= loaded
    idle = {
        "asyncio",
        "aws_lambda_powertools.tracing",
        "aws_lambda_powertools.utilities.data_classes.alb_event",
        "aws_lambda_powertools.utilities.jmespath_utils",
        "aws_xray_sdk",
        "boto3.resources",
        "boto3.s3.transfer",
        "botocore.docs.service",
        "configparser",
        "html",
        "importlib.metadata",
        "multiprocessing",
        "pydantic",
        "s3transfer",
    }
    assert idle & loaded == set()


def test_clients_of_boto3_are_whole(packages: Path) -> None:
    code = """
import json
import boto3, boto3.compat, boto3.exceptions, s3transfer.manager
client = boto3.client("s3")
try:
    boto3.resource("s3")
except boto3.exceptions.ResourceNotExistsError as error:
    refused = str(error)
print(json.dumps({
    "methods": [hasattr(client, name) for name in ("get_object", "upload_file", "download_fileobj", "copy")],
    "knows crt": boto3.compat.TRANSFER_CONFIG_SUPPORTS_CRT
    is hasattr(s3transfer.manager.TransferConfig, "UNSET_DEFAULT"),
    "no resources": "Consider using a boto3.client('s3')" in refused,
}))
"""
    assert run(packages, code) == {
        "methods": [True, True, True, True],
        "knows crt": True,
        "no resources": True,
    }


def test_a_file_of_settings_is_read_where_there_is_one(packages: Path, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\nregion = eu-north-1\n")
    code = "import json, botocore.session; print(json.dumps(botocore.session.get_session().full_config['profiles']))"
    assert run(packages, code, AWS_CONFIG_FILE=str(tmp_path / "config")) == {"default": {"region": "eu-north-1"}}


def test_handlers_of_events_are_distinguished_as_before(packages: Path) -> None:
    code = """
import functools, inspect, json
from botocore.compat import accepts_kwargs
class Callable:
    def __call__(self, **kwargs): pass
    def plain(self, a): pass
    def open(self, a, **kwargs): pass
def with_rest(a, *rest): pass
@functools.wraps(with_rest)
def wrapped(*args, **kwargs): pass
given = [
    Callable(), Callable().plain, Callable().open, Callable.open, Callable, with_rest, wrapped, lambda **kwargs: 0,
    lambda a: 0, functools.partial(Callable().open, 1), functools.partial(with_rest, 1),
]
print(json.dumps([[bool(accepts_kwargs(each)), bool(inspect.getfullargspec(each)[2])] for each in given]))
"""
    found = run(packages, code)
    assert len(found) == 11
    assert [pair for pair in found if pair[0] != pair[1]] == []


def test_names_of_events_have_the_aliases_they_had(packages: Path) -> None:
    """Each name that a session and its clients register, as the installed botocore translates it."""
    code = """
import json, botocore.hooks
names = [f"{kind}.{old}.{rest}" for old in botocore.hooks.EVENT_ALIASES
         for kind, rest in (("before-call", "Op"), ("provide-client-params", "Op.More"), ("docs.*", "Op"), (old, "x"))]
aliaser = botocore.hooks.EventAliaser(botocore.hooks.HierarchicalEmitter())
print(json.dumps({name: aliaser._alias_event_name(name) for name in names}))
"""
    whole = Path(boto3.__file__).parents[1]
    assert run(packages, code) == run(packages, code, PYTHONPATH=str(whole))


def test_every_source_has_bytecode_where_lambdas_python_builds(packages: Path) -> None:
    sources = [*packages.rglob("*.py"), *packages.parents[1].glob("*Function/*.py")]
    compiled = [
        source for source in sources if (source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc").exists()
    ]
    assert compiled == (sources if has_lambda_python() else [])
    for source in compiled:
        flags = (source.parent / "__pycache__" / f"{source.stem}.cpython-313.pyc").read_bytes()[4:8]
        assert flags == b"\x01\0\0\0", "a hash that is not checked: neither times nor contents are compared"


def test_the_layers_zip_is_small(packages: Path, tmp_path: Path) -> None:
    """With bytecode: of this Python, where Lambda's is missing."""
    layer = tmp_path / "layer"
    shutil.copytree(packages, layer / "python")
    if not has_lambda_python():
        compileall.compile_dir(layer, quiet=1)
        assert Path(cache_from_source(str(layer / "python" / "boto3" / "session.py"))).exists()
    with zipfile.ZipFile(tmp_path / "layer.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path for path in layer.rglob("*") if path.is_file()):
            archive.write(file, os.path.relpath(file, layer))
    assert (tmp_path / "layer.zip").stat().st_size <= ZIP_BYTES
