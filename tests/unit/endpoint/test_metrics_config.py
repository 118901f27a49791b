"""A config is made whether or not SageMaker takes its MetricsConfig; what the spec asked for is never left out."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sluice.endpoint.hosting import Endpoints
from sluice.endpoint.state import NewConfig, NewVariant
from sluice.errors import AwsRefusedError

from localaws.choices import Choices
from localaws.service_api import AwsError
from localaws.services.sagemaker.models.endpoint_configs import EndpointConfigs
from tests.builders.aws_clients import client_error, translating

ASYNC = {"OutputConfig": {"S3OutputPath": "s3://b/out"}}
OFF = {"EnableDetailedObservability": False}
ENHANCED = {"EnableEnhancedMetrics": True, "MetricPublishFrequencyInSeconds": 10}


def variant(name: str) -> NewVariant:
    return NewVariant(name=name, model="m", instance_type="ml.m5.large", instance_count=1, weight=1.0)


KINDS: dict[str, dict[str, Any]] = {"async": {"async_config": ASYNC}, "shadow": {"shadow": variant("v2")}}


class SageMaker:
    """CreateEndpointConfig of the local AWS; ``asked`` are the MetricsConfigs of its calls."""

    def __init__(self, *, everywhere: bool) -> None:
        context: Any = SimpleNamespace(
            region="us-east-1",
            account="123456789012",
            now=lambda: datetime(2026, 11, 30, tzinfo=UTC),
            choices=Choices(metrics_config_everywhere=everywhere),
        )
        models: Any = SimpleNamespace(store=SimpleNamespace(get=lambda _name: None))
        self._configs = EndpointConfigs(context, models)
        self.asked: list[Any] = []

    def create_endpoint_config(self, **params: Any) -> Any:
        self.asked.append(params.get("MetricsConfig"))
        try:
            return self._configs.create(params, cast(Any, None))
        except AwsError as error:
            raise client_error("CreateEndpointConfig", error.code, error.message) from error


def asked(*, everywhere: bool, **config: Any) -> list[Any]:
    sagemaker = SageMaker(everywhere=everywhere)
    Endpoints(translating(sagemaker)).create_config(NewConfig(name="c", variants=(variant("v1"),), **config))
    return sagemaker.asked


@pytest.mark.parametrize("kind", KINDS)
def test_detailed_observability_is_off_where_that_can_be_said(kind: str) -> None:
    assert asked(everywhere=True, **KINDS[kind]) == [OFF]
    assert asked(everywhere=False, **KINDS[kind]) == [OFF, None]


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_spec_asked_for_is_not_left_out(kind: str) -> None:
    with pytest.raises(AwsRefusedError, match="MetricsConfig is not supported"):
        asked(everywhere=False, detailed_observability=True, **KINDS[kind])


def test_metrics_every_ten_seconds_are_kept_without_the_rest() -> None:
    with pytest.raises(AwsRefusedError, match="MetricsConfig is not supported"):
        asked(everywhere=False, period_seconds=10, **KINDS["shadow"])
    assert asked(everywhere=True, period_seconds=10, **KINDS["shadow"]) == [OFF | ENHANCED]
    assert asked(everywhere=True, period_seconds=10, **KINDS["async"]) == [OFF], "enhanced metrics are for real-time"


def test_another_refusal_is_told() -> None:
    with pytest.raises(AwsRefusedError, match="Duplicate"):
        Endpoints(translating(SageMaker(everywhere=True))).create_config(
            NewConfig(name="c", variants=(variant("v1"), variant("v1")))
        )
