"""The layer's botocore: what is left of a service behaves as in the whole one, and the rest is gone."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import botocore
import pytest
from botocore import xform_name
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

LAYER = Path(__file__).parents[3] / "layers" / "sluice"
WHOLE = Path(botocore.__file__).parent / "data"


def module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("trim", LAYER / "trim.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture(scope="module")
def trimmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    trim = module()
    services = trim.services_in((LAYER / "botocore-services.txt").read_text())
    data = tmp_path_factory.mktemp("data")
    for name in (*services, "ec2"):
        shutil.copytree(WHOLE / name, data / name)
    for file in WHOLE.glob("*.json"):
        shutil.copy(file, data)
    sources = [path.read_text() for path in (LAYER / "sluice").rglob("*.py")]
    trim.trim_botocore(data, services, trim.names_in(sources))
    return data


def model(data: Path, service: str) -> ServiceModel:
    loader = Loader(extra_search_paths=[str(data)], include_default_search_paths=False)
    return ServiceModel(loader.load_service_model(service, "service-2"), service)


SERVICES = sorted(module().services_in((LAYER / "botocore-services.txt").read_text()))


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
