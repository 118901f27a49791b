"""What one request leaves behind: samples, and the error its caller sees."""

import dataclasses
from collections.abc import Mapping
from types import SimpleNamespace
from typing import cast

import pytest

from localaws.context import Context
from localaws.services.sagemaker.containers.container import ContainerResponse, SlowError, UnreachableError
from localaws.services.sagemaker.runtime.invocation import Invocation, InvocationOutcome, error_of, record

WORLD = cast(Context, SimpleNamespace(region="us-east-1", account="123456789012"))
OK = ContainerResponse(200, b"3.8\n", {})


class Samples:
    """A metric sink that keeps the latest value of each metric."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.units: dict[str, str] = {}
        self.settings: set[tuple[str, tuple[tuple[str, str], ...], int]] = set()

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
        self.values[name] = value
        self.units[name] = unit
        self.settings.add((namespace, tuple(sorted(dimensions.items())), publish_every_seconds))


def invocation(outcome: InvocationOutcome, instances: int = 1) -> Invocation:
    return Invocation(
        endpoint="Spend",
        variant="v7",
        instances=instances,
        outcome=outcome,
        model_seconds=0.0125,
        overhead_seconds=0.0005,
    )


def samples_of(outcome: InvocationOutcome, instances: int = 1) -> dict[str, float]:
    sink = Samples()
    record(sink, invocation(outcome, instances), 10)
    return sink.values


def test_a_success_is_counted_with_its_latencies_in_microseconds() -> None:
    assert samples_of(OK, instances=4) == {
        "Invocations": 1.0,
        "InvocationsPerInstance": 0.25,
        "Invocation4XXErrors": 0.0,
        "Invocation5XXErrors": 0.0,
        "InvocationModelErrors": 0.0,
        "ModelLatency": pytest.approx(12_500),
        "OverheadLatency": pytest.approx(500),
    }


def test_a_serverless_endpoint_publishes_what_its_documentation_lists_and_nothing_else() -> None:
    listed = {"Invocations", "Invocation4XXErrors", "Invocation5XXErrors", "ModelLatency", "OverheadLatency"}
    assert samples_of(ContainerResponse(500, b"", {}), instances=0).keys() == listed


@pytest.mark.parametrize(
    ("outcome", "errors"),
    [
        pytest.param(ContainerResponse(415, b"", {}), (1, 0, 1), id="the container says 415"),
        pytest.param(ContainerResponse(500, b"", {}), (0, 1, 1), id="the container says 500"),
        pytest.param(SlowError(), (0, 1, 1), id="no answer in time"),
        pytest.param(UnreachableError(), (0, 1, 1), id="the container is gone"),
        pytest.param(ContainerResponse(204, b"", {}), (0, 0, 0), id="no content is a success"),
    ],
)
def test_errors_are_distinguished(outcome: InvocationOutcome, errors: tuple[int, int, int]) -> None:
    seen = samples_of(outcome)
    names = ("Invocation4XXErrors", "Invocation5XXErrors", "InvocationModelErrors")
    assert tuple(seen[name] for name in names) == errors


def test_samples_carry_endpoint_variant_and_period() -> None:
    sink = Samples()
    record(sink, invocation(OK), 10)
    assert sink.settings == {("AWS/SageMaker", (("EndpointName", "Spend"), ("VariantName", "v7")), 10)}
    assert {sink.units[name] for name in ("ModelLatency", "OverheadLatency")} == {"Microseconds"}


def test_a_fleet_that_is_being_deployed_appears_once_more_under_its_config() -> None:
    sink = Samples()
    record(sink, dataclasses.replace(invocation(OK), deploying_config="spend-8"), 60)
    usual = (("EndpointName", "Spend"), ("VariantName", "v7"))
    assert {dimensions for _, dimensions, _ in sink.settings} == {usual, (("EndpointConfigName", "spend-8"), *usual)}


def test_a_success_is_no_error() -> None:
    assert error_of(invocation(OK), WORLD) is None


@pytest.mark.parametrize(
    ("outcome", "begin", "status"),
    [
        pytest.param(
            ContainerResponse(500, b"boom", {}),
            'Received server error (500) from primary with message "boom". See https://us-east-1.console',
            500,
            id="500",
        ),
        pytest.param(
            ContainerResponse(415, b"no csv", {}),
            'Received client error (415) from primary with message "no csv". See https://us-east-1.console',
            415,
            id="415",
        ),
        pytest.param(
            SlowError(),
            'Received server error (0) from primary with message "Your invocation timed out while waiting',
            0,
            id="timeout",
        ),
    ],
)
def test_a_model_error_quotes_the_container(outcome: InvocationOutcome, begin: str, status: int) -> None:
    error = error_of(invocation(outcome), WORLD)
    assert error is not None
    assert (error.code, error.status) == ("ModelError", 424)
    assert error.message.startswith(begin)
    assert error.fields["OriginalStatusCode"] == status
    assert error.fields["LogStreamArn"].endswith("log-group:/aws/sagemaker/Endpoints/Spend")


def test_a_dead_container_is_unavailable_not_a_model_error() -> None:
    error = error_of(invocation(UnreachableError("refused")), WORLD)
    assert error is not None
    assert (error.code, error.status) == ("ServiceUnavailable", 503)
