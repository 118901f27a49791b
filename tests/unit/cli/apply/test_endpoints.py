"""``sluice apply`` and endpoints that exist: the wrong type is refused before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sluice.spec.model import ModelSpec

from cli.apply.endpoints import refuse_taken_endpoints
from cli.apply.moves import notes_on_a_move
from cli.apply.specfile import SpecFile
from cli.failures import CommandError, SpecFilesError
from cli.inference.invoke_async import _check_endpoint
from cli.session import read_stack
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


def notes(aws: FakeAws, **endpoint: Any) -> list[str]:
    session = aws.session()
    return list(notes_on_a_move(session, read_stack(session), file_of(**endpoint).spec))


def test_a_move_to_serverless_tells_what_clients_lose(aws: FakeAws) -> None:
    told = notes(aws, type="serverless", suffix="lean")
    assert told == [
        "clients use endpoint sluice-dev-fraud, which is real-time; the next version is at "
        "sluice-dev-fraud-lean: they have to move",
        "a request to sluice-dev-fraud-lean may have 4 MB, as it is serverless; to sluice-dev-fraud it may have 6 MB",
    ]


@pytest.mark.parametrize("endpoint", [{}, {"suffix": "eu"}, {"type": "batch", "instance_type": "ml.m5.large"}])
def test_nothing_is_told_where_clients_lose_nothing(aws: FakeAws, endpoint: dict[str, Any]) -> None:
    assert notes(aws, **endpoint) == []


def test_the_way_to_async_that_invoke_async_names_is_one_that_apply_takes(aws: FakeAws) -> None:
    live = file_of().spec
    with pytest.raises(CommandError) as caught:
        _check_endpoint(aws.session(), live, "sluice-dev-fraud")
    told = str(caught.value)
    assert "set endpoint.type to async and endpoint.suffix to a new name in models/fraud.yaml, and apply it" in told
    refuse_taken_endpoints(aws.session(), [file_of(type="async", suffix="queue")])


def test_two_models_cannot_share_an_endpoint(aws: FakeAws) -> None:
    taken = "endpoint sluice-dev-fraud-eu is that of the model"
    suffixed, plain = file_of(suffix="eu"), file_of("fraud-eu")
    assert f"endpoint.suffix: {taken} fraud-eu" in refusal(aws, suffixed, plain)
    aws.ssm.parameters["/sluice/dev/models/fraud"] = suffixed.spec.stored()
    assert f"name: {taken} fraud; value: fraud-eu" in refusal(aws, plain)
    aws.ssm.parameters["/sluice/dev/models/fraud"] = file_of().spec.stored()
    refuse_taken_endpoints(aws.session(), [plain])
