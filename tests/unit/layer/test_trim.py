"""The layer's botocore: what is left of a service behaves as in the whole one, and the rest is gone."""

from __future__ import annotations

import gzip
import json
import marshal
import shutil
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape, StructureShape
from layer_build.botocore_data import MARSHAL_FORMAT, pack, trim
from layer_build.called_operations import called_operations
from layer_build.lists import lines_of

LAYER = Path(__file__).parents[3] / "layers" / "sluice"
WHOLE = Path(botocore.__file__).parent / "data"
SERVICES = sorted(lines_of((LAYER / "botocore-services.txt").read_text()))


@pytest.fixture(scope="module")
def trimmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("data")
    for name in (*SERVICES, "ec2"):
        shutil.copytree(WHOLE / name, data / name)
    for file in WHOLE.glob("*.json"):
        shutil.copy(file, data)
    sources = [path.read_text() for path in (LAYER / "sluice").rglob("*.py")]
    trim(data, frozenset(SERVICES), called_operations(sources))
    return data


def model(data: Path, service: str) -> ServiceModel:
    loader = Loader(extra_search_paths=[str(data)], include_default_search_paths=False)
    return ServiceModel(loader.load_service_model(service, "service-2"), service)


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_left_is_as_it_was(trimmed: Path, service: str) -> None:
    left, whole = model(trimmed, service), model(WHOLE, service)
    assert left.metadata == whole.metadata
    settings = [each.name for each in whole.client_context_parameters]
    assert [each.name for each in left.client_context_parameters] == settings
    assert left.operation_names, f"{service} is listed and no operation of it is called"
    for name in left.operation_names:
        assert described(left.operation_model(name)) == described(whole.operation_model(name))


def test_only_what_is_called_is_left(trimmed: Path) -> None:
    assert not (trimmed / "ec2").exists()
    names = {xform_name(name) for name in model(trimmed, "sagemaker").operation_names}
    assert {"create_endpoint_config", "update_endpoint_weights_and_capacities", "describe_model_package"} <= names
    assert len(names) < 60
    assert "create_auto_ml_job" not in names
    assert "search" not in names, "as large as all the rest"


def test_a_service_has_one_version_left_the_newest(trimmed: Path) -> None:
    left = {name: [version.name for version in (trimmed / name).iterdir()] for name in SERVICES}
    newest = {name: [max(version.name for version in (WHOLE / name).iterdir())] for name in SERVICES}
    assert left == newest
    assert any(len(list((WHOLE / name).iterdir())) > 1 for name in SERVICES), "this test sees nothing"


def test_a_service_that_botocore_lacks_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "s3").mkdir()
    with pytest.raises(LookupError, match="botocore has no service sagemeker"):
        trim(tmp_path, frozenset({"s3", "sagemeker"}), frozenset())


def test_packed_data_hold_what_their_json_held(trimmed: Path, tmp_path: Path) -> None:
    packed = tmp_path / "data"
    shutil.copytree(trimmed, packed)
    pack(packed)
    texts = {file.relative_to(trimmed): read(file) for file in trimmed.rglob("*.json*")}
    left = {file.relative_to(packed) for file in packed.rglob("*") if file.is_file()}
    assert left == {packed_name(name) for name in texts}
    for name, text in texts.items():
        assert marshal.loads((packed / packed_name(name)).read_bytes()) == json.loads(text)


def read(file: Path) -> bytes:
    return gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()


def packed_name(name: Path) -> Path:
    return name.with_name(name.name.removesuffix(".gz").removesuffix(".json") + ".marshal")


def test_data_are_packed_in_a_format_that_every_python_reads() -> None:
    """A build on one Python is read by Lambda's, and by a rehearsal's: formats up to 4 are those of Python 3.4."""
    assert MARSHAL_FORMAT == 4


def described(operation: OperationModel) -> dict[str, Any]:
    return {
        "http": operation.http,
        "auth": (operation.auth_type, operation.resolved_auth_type, operation.unsigned_payload),
        "endpoint": operation.endpoint,
        "context": operation.static_context_parameters,
        "idempotent": sorted(operation.idempotent_members),
        "input": shape_of(operation.input_shape, ()),
        "output": shape_of(operation.output_shape, ()),
        "errors": [(shape.name, shape_of(shape, ())) for shape in operation.error_shapes],
    }


def shape_of(shape: Shape | None, above: tuple[str, ...]) -> object:
    if shape is None or shape.name in above:
        return shape and shape.name
    inner = {}
    if isinstance(shape, StructureShape):
        inner = {name: shape_of(member, (*above, shape.name)) for name, member in shape.members.items()}
    for part in ("member", "key", "value"):
        if shape.type_name in ("list", "map") and hasattr(shape, part):
            inner[part] = shape_of(getattr(shape, part), (*above, shape.name))
    return shape.name, shape.type_name, shape.serialization, shape.metadata, inner
