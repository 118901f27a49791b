"""``sluice apply`` and endpoints that exist: the wrong type is refused before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sluice.spec.model import ModelSpec

from cli.apply.endpoints import refuse_taken_endpoints
from cli.apply.specfile import SpecFile
from cli.failures import SpecFilesError
from tests.builders.fake_aws import FakeAws
from tests.builders.spec_examples import spec_with


def file_of(name: str = "fraud", **endpoint: Any) -> SpecFile:
    spec = ModelSpec.parse(spec_with(("name", name), ("endpoint", endpoint)))
    return SpecFile(Path(f"models/{name}.yaml"), spec, {"endpoint.type": (17, 9), "endpoint.suffix": (18, 11)})


@pytest.fixture
def aws() -> FakeAws:
    """The endpoint of the model fraud answers real-time requests."""
    made = FakeAws()
    made.sagemaker.endpoints["sluice-dev-fraud"] = {
        "EndpointName": "sluice-dev-fraud",
        "EndpointStatus": "InService",
        "EndpointConfigName": "sluice-dev-fraud-1-1-live",
        "ProductionVariants": [{"VariantName": "v1", "DesiredWeight": 100.0, "DesiredInstanceCount": 1}],
    }
    return made


def refusal(aws: FakeAws, *files: SpecFile) -> str:
    with pytest.raises(SpecFilesError) as caught:
        refuse_taken_endpoints(aws.session(), files)
    return str(caught.value)


def test_a_real_time_endpoint_cannot_become_serverless(aws: FakeAws) -> None:
    text = refusal(aws, file_of(type="serverless"))
    assert text.startswith(
        "models/fraud.yaml:17:9: endpoint.type: endpoint sluice-dev-fraud answers real-time requests"
    )
    assert "cannot become serverless; set endpoint.suffix to make a new one" in text


@pytest.mark.parametrize("endpoint", [{}, {"type": "serverless", "suffix": "lean"}])
def test_the_same_type_and_a_new_name_are_fine(aws: FakeAws, endpoint: dict[str, Any]) -> None:
    refuse_taken_endpoints(aws.session(), [file_of(**endpoint)])


def test_two_models_cannot_share_an_endpoint(aws: FakeAws) -> None:
    taken = "endpoint sluice-dev-fraud-eu is that of the model"
    suffixed, plain = file_of(suffix="eu"), file_of("fraud-eu")
    assert f"endpoint.suffix: {taken} fraud-eu" in refusal(aws, suffixed, plain)
    aws.ssm.parameters["/sluice/dev/models/fraud"] = suffixed.spec.stored()
    assert f"name: {taken} fraud; value: fraud-eu" in refusal(aws, plain)
    aws.ssm.parameters["/sluice/dev/models/fraud"] = file_of().spec.stored()
    refuse_taken_endpoints(aws.session(), [plain])
