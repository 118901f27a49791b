"""A local AWS for each module of serving tests: each pushes the clock of its own."""

from collections.abc import Iterator

import pytest

from localaws.services.sagemaker.fleets.provisioning import HostingTiming
from localaws.tests.contract.services.sagemaker.endpoints.artifacts import make_artifacts
from localaws.tests.contract.services.sagemaker.serving.account import DEADLINE_SECONDS, Account, opened


@pytest.fixture(scope="package")
def packed_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Packed models by name."""
    return make_artifacts(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory, packed_models: dict[str, bytes]) -> Iterator[Account]:
    """With short timings, patient with containers because the machine may be busy."""
    timing = HostingTiming(
        settle_seconds=0.2,
        health_check_seconds=DEADLINE_SECONDS,
        healing_every_seconds=0.2,
        serverless_idle_seconds=5.0,
    )
    yield from opened(tmp_path_factory.mktemp("serving"), packed_models, timing)
