"""What is asked of SageMaker for each kind of endpoint and deployment, held to botocore's model of its requests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore.stub import Stubber
from sluice.aws.cloudwatch import CloudWatch
from sluice.endpoint.deployment_config import Deployment
from sluice.endpoint.hosting import Endpoints
from sluice.endpoint.state import NewConfig, NewVariant, ServerlessSize
from sluice.names import Names
from sluice.rollout.analysis.alarms import stop_alarm
from sluice.spec.strategies import BlueGreen, steps_of

from tests.builders.aws_clients import translating

T0 = datetime(2026, 3, 4, tzinfo=UTC)
ARN = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/e"
ALARMS = ("sluice-dev-fraud-7-1-errors", "sluice-dev-fraud-7-1-stop")


def stubbed(service: str) -> tuple[Any, Stubber]:
    session = botocore.session.Session()
    client = session.create_client(service, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    stub = Stubber(client)
    stub.activate()
    return translating(client), stub


PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/sluice-dev-fraud/7"
OWN = {"SAGEMAKER_PROGRAM": "inference.py"}


@pytest.mark.parametrize(
    ("environment", "container"),
    [
        pytest.param({}, {"ModelPackageName": PACKAGE}, id="the package's own"),
        pytest.param(
            {"SAGEMAKER_MODEL_SERVER_TIMEOUT": "900"},
            {"ModelPackageName": PACKAGE, "Environment": {**OWN, "SAGEMAKER_MODEL_SERVER_TIMEOUT": "900"}},
            id="and more",
        ),
    ],
)
def test_a_model_is_made_of_a_package_and_an_environment(
    sagemaker: tuple[Endpoints, Stubber], environment: dict[str, str], container: dict[str, Any]
) -> None:
    hosting, stub = sagemaker
    role = "arn:aws:iam::123456789012:role/model"
    expected = {"ModelName": "m", "PrimaryContainer": container, "ExecutionRoleArn": role}
    if environment:
        described = {
            "ModelPackageName": "fraud",
            "ModelPackageArn": PACKAGE,
            "CreationTime": T0,
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
            "InferenceSpecification": {"Containers": [{"Image": "image", "Environment": OWN}]},
        }
        stub.add_response("describe_model_package", described, {"ModelPackageName": PACKAGE})
    stub.add_response("create_model", {"ModelArn": "arn:aws:sagemaker:us-east-1:123456789012:model/m"}, expected)
    hosting.create_model("m", PACKAGE, role, environment)


@pytest.fixture
def sagemaker() -> Iterator[tuple[Endpoints, Stubber]]:
    client, stub = stubbed("sagemaker")
    yield Endpoints(client), stub
    stub.assert_no_pending_responses()


def test_an_isolated_model_is_asked_for() -> None:
    client, stub = stubbed("sagemaker")
    role = "arn:aws:iam::123456789012:role/model"
    expected = {
        "ModelName": "m",
        "PrimaryContainer": {"ModelPackageName": PACKAGE},
        "ExecutionRoleArn": role,
        "EnableNetworkIsolation": True,
    }
    stub.add_response("create_model", {"ModelArn": "arn:aws:sagemaker:us-east-1:123456789012:model/m"}, expected)
    Endpoints(client).create_model("m", PACKAGE, role, network_isolation=True)
    stub.assert_no_pending_responses()


def on_instances(name: str, weight: float = 100.0) -> NewVariant:
    return NewVariant(name=name, model=f"m-{name}", instance_type="ml.m5.large", instance_count=2, weight=weight)


def asked(name: str, weight: float = 100.0) -> dict[str, Any]:
    return {
        "VariantName": name,
        "ModelName": f"m-{name}",
        "InitialVariantWeight": weight,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 2,
    }


WARM = ServerlessSize(memory_mb=2048, max_concurrency=20, provisioned_concurrency=2)
ASYNC = {"OutputConfig": {"S3OutputPath": "s3://b/out"}}
UNOBSERVED = {"EnableDetailedObservability": False}  # stated, as the default of new configs is on
CONFIGS: dict[str, tuple[NewConfig, dict[str, Any]]] = {
    "canary": (
        NewConfig(name="c", variants=(on_instances("v6"), on_instances("v7", 0.0))),
        {"ProductionVariants": [asked("v6"), asked("v7", 0.0)], "MetricsConfig": UNOBSERVED},
    ),
    "metrics every ten seconds": (
        NewConfig(name="c", variants=(on_instances("v6"),), period_seconds=10),
        {
            "ProductionVariants": [asked("v6")],
            "MetricsConfig": {**UNOBSERVED, "EnableEnhancedMetrics": True, "MetricPublishFrequencyInSeconds": 10},
        },
    ),
    "shadow": (
        NewConfig(name="c", variants=(on_instances("v6"),), shadow=on_instances("v7", 50.0), capture_uri="s3://b/cap/"),
        {
            "ProductionVariants": [asked("v6")],
            "ShadowProductionVariants": [asked("v7", 50.0)],
            "MetricsConfig": UNOBSERVED,
            "DataCaptureConfig": {
                "EnableCapture": True,
                "InitialSamplingPercentage": 100,
                "DestinationS3Uri": "s3://b/cap/",
                "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
                "CaptureContentTypeHeader": {
                    "CsvContentTypes": ["text/csv"],
                    "JsonContentTypes": ["application/json"],
                },
            },
        },
    ),
    "serverless": (
        NewConfig(
            name="c",
            variants=(
                NewVariant(name="v7", model="m", instance_type="", instance_count=1, weight=100.0, serverless=WARM),
            ),
        ),
        {
            "ProductionVariants": [
                {
                    "VariantName": "v7",
                    "ModelName": "m",
                    "InitialVariantWeight": 100.0,
                    "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 20, "ProvisionedConcurrency": 2},
                }
            ]
        },
    ),
    "async": (
        NewConfig(name="c", variants=(on_instances("v6"),), async_config=ASYNC),
        {"ProductionVariants": [asked("v6")], "AsyncInferenceConfig": ASYNC, "MetricsConfig": UNOBSERVED},
    ),
}


@pytest.mark.parametrize(("config", "request_body"), CONFIGS.values(), ids=CONFIGS)
def test_a_config_is_what_sagemaker_takes(
    sagemaker: tuple[Endpoints, Stubber], config: NewConfig, request_body: dict[str, Any]
) -> None:
    hosting, stub = sagemaker
    stub.add_response("create_endpoint_config", {"EndpointConfigArn": ARN}, {"EndpointConfigName": "c", **request_body})
    hosting.create_config(config)


def blue_green(traffic: dict[str, Any]) -> dict[str, Any]:
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"WaitIntervalInSeconds": 600, **traffic},
            "TerminationWaitInSeconds": 300,
            "MaximumExecutionTimeoutInSeconds": 7200,
        }
    }


QUARTER = {"Type": "CAPACITY_PERCENT", "Value": 25}
POLICIES = {
    "all_at_once": blue_green({"Type": "ALL_AT_ONCE"}),
    "canary": blue_green({"Type": "CANARY", "CanarySize": QUARTER}),
    "linear": blue_green({"Type": "LINEAR", "LinearStepSize": QUARTER}),
    "rolling": {
        "RollingUpdatePolicy": {
            "MaximumBatchSize": QUARTER,
            "WaitIntervalInSeconds": 600,
            "MaximumExecutionTimeoutInSeconds": 7200,
        }
    },
}


@pytest.mark.parametrize("resizes", [False, True], ids=["size kept", "resized"])
@pytest.mark.parametrize(("routing", "policy"), POLICIES.items(), ids=POLICIES)
def test_a_deployment_is_what_sagemaker_takes(
    sagemaker: tuple[Endpoints, Stubber], routing: str, policy: dict[str, Any], resizes: bool
) -> None:
    hosting, stub = sagemaker
    body: dict[str, Any] = {
        "EndpointName": "e",
        "EndpointConfigName": "c",
        "RetainAllVariantProperties": True,
        "DeploymentConfig": {
            **policy,
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in ALARMS]},
        },
    }
    if resizes:
        body["ExcludeRetainedVariantProperties"] = [{"VariantPropertyType": "DesiredInstanceCount"}]
    stub.add_response("update_endpoint", {"EndpointArn": ARN}, body)
    hosting.update_endpoint("e", "c", Deployment(how=BlueGreen(routing=routing), alarms=ALARMS, resizes=resizes))


@pytest.mark.parametrize(
    ("routing", "percent", "instances", "steps"),
    [
        ("all_at_once", 25, 8, 1),
        ("canary", 25, 8, 2),
        ("canary", 50, 1, 1),
        ("linear", 25, 8, 4),
        ("linear", 10, 4, 4),
        ("rolling", 5, 100, 20),
        ("rolling", 50, 3, 3),
    ],
)
def test_traffic_moves_in_whole_instances(routing: str, percent: int, instances: int, steps: int) -> None:
    assert steps_of(BlueGreen(routing=routing, size_percent=percent), instances) == steps


def described(**more: Any) -> dict[str, Any]:
    return {
        "EndpointName": "e",
        "EndpointArn": ARN,
        "EndpointConfigName": "c",
        "EndpointStatus": "InService",
        "CreationTime": T0,
        "LastModifiedTime": T0,
        "ProductionVariants": [{"VariantName": "v6", "DesiredWeight": 1.0, "DesiredInstanceCount": 2}],
        **more,
    }


def configured(**more: Any) -> dict[str, Any]:
    variants = [{"VariantName": "v6", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}]
    return {
        "EndpointConfigName": "c",
        "EndpointConfigArn": ARN,
        "CreationTime": T0,
        "ProductionVariants": variants,
        **more,
    }


def test_an_endpoint_tells_what_is_being_deployed_and_who_is_its_shadow(sagemaker: tuple[Endpoints, Stubber]) -> None:
    hosting, stub = sagemaker
    shadow = {"VariantName": "v7", "DesiredWeight": 0.5, "DesiredInstanceCount": 1}
    pending = {"EndpointConfigName": "next"}
    stub.add_response(
        "describe_endpoint", described(PendingDeploymentSummary=pending, ShadowProductionVariants=[shadow])
    )
    stub.add_response("describe_endpoint_config", configured(ShadowProductionVariants=[{"VariantName": "v7"}]))
    found = hosting.describe("e")
    assert found
    assert (found.deploying, [each.name for each in found.shadows], found.kind) == ("next", ["v7"], "real-time")
    assert (found.share_of_model("m"), found.share_of_model("other")) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("endpoint", "config", "kind"),
    [
        pytest.param({"AsyncInferenceConfig": ASYNC}, {"AsyncInferenceConfig": ASYNC}, "async", id="async"),
        pytest.param(
            {"ProductionVariants": [{"VariantName": "v6", "CurrentWeight": 1.0}]},
            {
                "ProductionVariants": [
                    {
                        "VariantName": "v6",
                        "ModelName": "m",
                        "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 20},
                    }
                ]
            },
            "serverless",
            id="serverless",
        ),
    ],
)
def test_an_endpoint_tells_how_it_answers(
    sagemaker: tuple[Endpoints, Stubber], endpoint: dict[str, Any], config: dict[str, Any], kind: str
) -> None:
    hosting, stub = sagemaker
    stub.add_response("describe_endpoint", described(**endpoint))
    stub.add_response("describe_endpoint_config", configured(**config))
    found = hosting.describe("e")
    assert found
    assert found.kind == kind


def test_the_stop_alarm_is_made_and_set_and_may_be_gone() -> None:
    client, stub = stubbed("cloudwatch")
    made = stop_alarm(Names("dev"), "fraud-7-1")
    assert made["TreatMissingData"] == "ignore", "it keeps the state it is set to"
    stub.add_response("put_metric_alarm", {}, made)
    metrics = CloudWatch(client)
    metrics.put_alarms([made])
    state = {"AlarmName": ALARMS[1], "StateValue": "ALARM", "StateReason": "aborted"}
    stub.add_response("set_alarm_state", {}, state)
    assert metrics.set_alarm(ALARMS[1], "aborted")
    stub.add_client_error("set_alarm_state", "ResourceNotFound")
    assert not metrics.set_alarm(ALARMS[1], "aborted")
    stub.assert_no_pending_responses()


def test_a_model_tells_since_when_it_is_there(sagemaker: tuple[Endpoints, Stubber]) -> None:
    endpoints, stub = sagemaker
    found = {"ModelName": "m", "CreationTime": T0, "ModelArn": "arn:aws:sagemaker:us-east-1:123456789012:model/m"}
    stub.add_response("describe_model", found, {"ModelName": "m"})
    stub.add_client_error("describe_model", "ValidationException", 'Could not find model "arn:model/gone".')
    assert endpoints.model_created_at("m") == T0
    assert endpoints.model_created_at("gone") is None
