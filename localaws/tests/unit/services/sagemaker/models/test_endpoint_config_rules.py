"""Combinations in an endpoint config that SageMaker refuses, and those that only the local AWS lacks."""

from datetime import UTC, datetime
from typing import Any

import pytest

from localaws.service_api import AwsError
from localaws.services.sagemaker.models.config_rules import check_combinations, refuse_what_is_unsupported
from localaws.services.sagemaker.models.endpoint_configs import EndpointConfig

V1: dict[str, Any] = {
    "VariantName": "v1",
    "ModelName": "m1",
    "InstanceType": "ml.m5.large",
    "InitialInstanceCount": 1,
}
V2 = {**V1, "VariantName": "v2"}
SERVERLESS = {
    "VariantName": "v1",
    "ModelName": "m1",
    "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5},
}
ASYNC = {"OutputConfig": {"S3OutputPath": "s3://bucket/out"}}


def config(*variants: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"EndpointConfigName": "c", "ProductionVariants": list(variants), **more}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        pytest.param(config(V1, V1), "Duplicate", id="two variants of one name"),
        pytest.param(config({**V1, **SERVERLESS}), "exactly one", id="instances and serverless"),
        pytest.param(config({"VariantName": "v1", "ModelName": "m1"}), "exactly one", id="no capacity"),
        pytest.param(config({**V1, "InitialInstanceCount": None}), "InitialInstanceCount", id="no count"),
        pytest.param(config({**V1, "InitialVariantWeight": 0.0}), "greater than 0", id="no traffic at all"),
        pytest.param(config(SERVERLESS, V2), "more than one variant", id="serverless and another"),
        pytest.param(config(SERVERLESS, DataCaptureConfig={"EnableCapture": True}), "data capture", id="captured"),
        pytest.param(
            config({**SERVERLESS, "ServerlessConfig": {"MemorySizeInMB": 1500, "MaxConcurrency": 5}}),
            "MemorySizeInMB",
            id="odd memory",
        ),
        pytest.param(
            config(
                {
                    **SERVERLESS,
                    "ServerlessConfig": {
                        "MemorySizeInMB": 1024,
                        "MaxConcurrency": 5,
                        "ProvisionedConcurrency": 6,
                    },
                }
            ),
            "ProvisionedConcurrency",
            id="more provisioned than allowed",
        ),
        pytest.param(
            config(V1, V2, ShadowProductionVariants=[{**V1, "VariantName": "s"}]),
            "exactly one production variant",
            id="a shadow of two",
        ),
        pytest.param(
            config(V1, AsyncInferenceConfig=ASYNC, CrossRegionTrafficConfig={"x": 1}),
            "CrossRegion",
            id="cross-region and async",
        ),
        pytest.param(
            config(V1, MetricsConfig={"MetricPublishFrequencyInSeconds": 20}),
            "MetricPublishFrequencyInSeconds",
            id="a period between the allowed ones",
        ),
    ],
)
def test_refused(given: dict[str, Any], text: str) -> None:
    with pytest.raises(AwsError, match=text) as refusal:
        check_combinations(given)
    assert refusal.value.code == "ValidationException"


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(config(V1, V2), id="two variants"),
        pytest.param(config(V1, {**V2, "InitialVariantWeight": 0.0}), id="one without traffic"),
        pytest.param(config(SERVERLESS), id="serverless"),
        pytest.param(config(V1, AsyncInferenceConfig=ASYNC), id="async"),
        pytest.param(config(V1, ShadowProductionVariants=[V2]), id="a shadow"),
        pytest.param(config(V1, MetricsConfig={"MetricPublishFrequencyInSeconds": 10}), id="10 s"),
    ],
)
def test_accepted(given: dict[str, Any]) -> None:
    check_combinations(given)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(config(V1, V2, AsyncInferenceConfig=ASYNC), id="async with two variants"),
        pytest.param(config(V1, AsyncInferenceConfig={"OutputConfig": {}}), id="async without an output path"),
    ],
)
def test_what_is_valid_but_unsupported_says_so(given: dict[str, Any]) -> None:
    with pytest.raises(AwsError, match="not supported by the local AWS") as refusal:
        refuse_what_is_unsupported(given)
    assert (refusal.value.code, refusal.value.status) == ("NotImplemented", 501)


@pytest.mark.parametrize(
    ("metrics", "seconds"),
    [
        pytest.param(None, 60, id="by default"),
        pytest.param({"EnableEnhancedMetrics": True}, 60, id="enhanced without a frequency"),
        pytest.param({"EnableEnhancedMetrics": True, "MetricPublishFrequencyInSeconds": 10}, 10, id="10 s"),
        pytest.param({"MetricPublishFrequencyInSeconds": 10}, 60, id="a frequency without enhanced metrics"),
    ],
)
def test_the_metrics_period(metrics: dict[str, Any] | None, seconds: int) -> None:
    made = EndpointConfig(
        name="c", arn="arn", created=datetime(2026, 1, 1, tzinfo=UTC), request=config(V1, MetricsConfig=metrics)
    )
    assert made.metrics_period_seconds == seconds


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(config(V1, AsyncInferenceConfig=ASYNC), id="async"),
        pytest.param(config(SERVERLESS), id="serverless"),
    ],
)
def test_enhanced_metrics_exist_for_real_time_endpoints_only(given: dict[str, Any]) -> None:
    enhanced = {"EnableEnhancedMetrics": True, "MetricPublishFrequencyInSeconds": 10}
    request = given | {"MetricsConfig": enhanced}
    made = EndpointConfig(name="c", arn="arn", created=datetime(2026, 1, 1, tzinfo=UTC), request=request)
    assert made.metrics_period_seconds == 60
