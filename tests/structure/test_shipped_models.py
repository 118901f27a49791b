"""Each file of models/ is a valid spec, fits the pipeline it names, and gives its scripts a contract they can read."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from contract import DataContract
from sluice.spec.model import ModelSpec
from sluice.training.upload_validation import contract_document

from cli.apply.definition import parameter_problems, read_definition

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=sorted((ROOT / "models").glob("*.yaml")), ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def test_the_file_is_named_like_its_model(path: Path) -> None:
    assert ModelSpec.parse(yaml.safe_load(path.read_text())).name == path.stem


def test_the_pipeline_knows_its_parameters(path: Path) -> None:
    spec = ModelSpec.parse(yaml.safe_load(path.read_text()))
    definition = read_definition(ROOT / "pipelines", spec.pipeline.definition)
    assert not list(parameter_problems(definition, spec.pipeline.parameters))


def test_the_scripts_read_the_data_contract_that_apply_uploads(path: Path) -> None:
    spec = ModelSpec.parse(yaml.safe_load(path.read_text()))
    contract = DataContract.parse(contract_document(spec))
    assert [column.name for column in contract.columns] == [column.name for column in spec.data.columns]
    assert [column.is_number for column in contract.columns] == [c.type == "number" for c in spec.data.columns]
    assert [column.categories or () for column in contract.columns] == [c.categories for c in spec.data.columns]
    assert contract.out_of_range == spec.inference.out_of_range
