"""Routes to fleets in service, and to those that are being deployed."""

from datetime import UTC, datetime
from typing import Any, cast

from localaws.services.sagemaker.endpoint_state.variant import Blueprint, Variant, wanted_variants
from localaws.services.sagemaker.fleets.fleet import Fleet
from localaws.services.sagemaker.fleets.live_fleets import deploying_route, settled_route
from localaws.services.sagemaker.models.endpoint_configs import EndpointConfig
from localaws.services.sagemaker.models.models import ContainerSpec, Model

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CONTAINER = ContainerSpec(image="i", model_data_url="s3://b/m.tar.gz", environment={}, role_arn="arn")
V1: dict[str, Any] = {"VariantName": "v1", "ModelName": "m", "InitialVariantWeight": 1.0, "InitialInstanceCount": 1}
ENHANCED = EndpointConfig(
    name="spend-8",
    arn="arn",
    created=NOW,
    request={
        "ProductionVariants": [V1],
        "MetricsConfig": {"EnableEnhancedMetrics": True, "MetricPublishFrequencyInSeconds": 10},
    },
)


def variant() -> Variant:
    models = {"m": Model(name="m", arn="arn", created=NOW, request={}, container=CONTAINER)}
    return wanted_variants([V1 | {"InstanceType": "ml.m5.large"}], models, NOW)[0]


def fleet() -> Fleet:
    return Fleet(blueprint=cast(Blueprint, None), containers=())


def test_enhanced_metrics_appear_once_the_deployment_has_completed() -> None:
    deploying = deploying_route(ENHANCED, variant(), fleet(), 0.5, 60)
    assert (deploying.metrics_period_seconds, deploying.deploying_config, deploying.share) == (60, "spend-8", 0.5)
    settled = settled_route(ENHANCED, variant(), fleet())
    assert (settled.metrics_period_seconds, settled.deploying_config) == (10, None)
