"""What the candidate's SageMaker model is made with."""

from __future__ import annotations

import pytest
from sluice.rollout.tasks.provision_candidate import provision_candidate
from sluice.rollout_id import RolloutId
from sluice.spec.model import ModelSpec

from tests.fakes.sluice_world import SPEC, sluice_world


def spec_of(kind: str, **settings: object) -> ModelSpec:
    raw = SPEC.to_json()
    raw["endpoint"] |= {"type": kind, **settings}
    raw["rollout"] = {"strategy": "auto"}
    return ModelSpec.parse(raw)


@pytest.mark.parametrize(
    ("spec", "environment"),
    [
        pytest.param(
            spec_of("async", **{"async": {"invocation_timeout": "1h"}}),
            {"SAGEMAKER_MODEL_SERVER_TIMEOUT": "3600"},
            id="an hour for an asynchronous request",
        ),
        pytest.param(spec_of("async"), {"SAGEMAKER_MODEL_SERVER_TIMEOUT": "900"}, id="its default"),
        pytest.param(
            spec_of("batch", batch={"invocation_timeout": "1h"}),
            {"SAGEMAKER_MODEL_SERVER_TIMEOUT": "3600"},
            id="an hour for a mini-batch",
        ),
        pytest.param(
            spec_of("async", **{"async": {"invocation_timeout": "30s"}}), {}, id="the server allows a minute anyway"
        ),
        pytest.param(spec_of("real-time"), {}, id="SageMaker itself stops after a minute"),
        pytest.param(spec_of("serverless"), {}, id="serverless, too"),
    ],
)
def test_the_container_is_told_how_long_a_request_may_take(spec: ModelSpec, environment: dict[str, str]) -> None:
    world = sluice_world(spec)
    world.play(world.approve(1))
    assert provision_candidate(RolloutId(model="fraud", version=1, attempt=1), world.ports)["status"] == "ROLL_BACK"
    assert world.hosting.environments == {"sluice-dev-fraud-1-1-model": environment}


@pytest.mark.parametrize("wanted", [False, True])
def test_detailed_observability_is_stated_whichever_way_it_is(wanted: bool) -> None:
    world = sluice_world(spec_of("real-time", detailed_observability=wanted))
    world.play(world.approve(1))
    (config,) = world.hosting.configs.values()
    assert config.request()["MetricsConfig"] == {"EnableDetailedObservability": wanted}


@pytest.mark.parametrize(
    ("kind", "wanted", "isolated"),
    [
        ("real-time", True, True),
        ("async", True, True),
        ("batch", True, True),
        ("serverless", True, False),  # SageMaker has no isolation for it
        ("real-time", False, False),
    ],
)
def test_a_models_code_has_neither_a_network_nor_credentials(kind: str, wanted: bool, isolated: bool) -> None:
    """So a candidate writes no evidence about itself, no other model's artifact, and no results for others."""
    world = sluice_world(spec_of(kind, network_isolation=wanted))
    world.play(world.approve(1))
    assert world.hosting.isolated == ({"sluice-dev-fraud-1-1-model"} if isolated else set())
    (role,) = world.hosting.roles.values()
    assert role.endswith("role/serverless-model" if kind == "serverless" else "role/model")
