"""Fixtures for everything that hosts."""

from collections.abc import Iterator

import pytest

from localaws.services.sagemaker.fleets.provisioning import HostingTiming
from localaws.tests.contract.services.sagemaker.endpoints.artifacts import make_artifacts
from localaws.tests.contract.services.sagemaker.endpoints.stage import DEADLINE_SECONDS, Stage, staged


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Packed models by name."""
    return make_artifacts(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, artifacts: dict[str, bytes]) -> Iterator[Stage]:
    """Hosting with short timings, patient with containers because the machine may be busy."""
    timing = HostingTiming(
        settle_seconds=0.5,
        health_check_seconds=DEADLINE_SECONDS,
        healing_every_seconds=0.1,
        log_shipping_every_seconds=0.1,
    )
    yield from staged(tmp_path_factory.mktemp("aws"), artifacts, timing)


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory, artifacts: dict[str, bytes]) -> Iterator[Stage]:
    """Hosting that gives containers little time, for those that never get healthy."""
    timing = HostingTiming(settle_seconds=0.1, health_check_seconds=1.0)
    yield from staged(tmp_path_factory.mktemp("aws"), artifacts, timing)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, artifacts: dict[str, bytes]) -> Iterator[Stage]:
    """Hosting whose deployments bake a hundred times quicker than their configs say."""
    timing = HostingTiming(
        settle_seconds=0.1,
        health_check_seconds=DEADLINE_SECONDS,
        healing_every_seconds=0.1,
        wait_scale=0.01,
        alarms_every_seconds=0.05,
        capture_flush_every_seconds=0.2,
        shadow_timeout_seconds=1.0,
        shadow_drain_seconds=0.1,
    )
    yield from staged(tmp_path_factory.mktemp("aws"), artifacts, timing)
