"""SageMaker hosting: models, endpoint configs, endpoints and their weights. Every write is idempotent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sluice.aws.model_environment import environment_of_package
from sluice.endpoint.deployment_config import Deployment
from sluice.endpoint.state import EndpointState, NewConfig, ServerlessSize, VariantState
from sluice.errors import AwsRefusedError, NotVisibleYetError


class Endpoints:
    """Reads and changes endpoints, and the models and configs that they are made of."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def describe(self, endpoint: str) -> EndpointState | None:
        """The endpoint as it is now, None if there is none.

        Instance types and models are only in the config, so the config is read, too.
        """
        try:
            found = self._client.describe_endpoint(EndpointName=endpoint)
        except AwsRefusedError as error:
            is_config = error.message_contains("endpoint configuration")
            if error.message_contains("Could not find endpoint") and not is_config:
                return None
            raise
        config = self._describe_config(found["EndpointConfigName"])
        return EndpointState(
            name=found["EndpointName"],
            status=found["EndpointStatus"],
            config=found["EndpointConfigName"],
            variants=_variants(found.get("ProductionVariants", []), config.get("ProductionVariants", [])),
            shadows=_variants(found.get("ShadowProductionVariants", []), config.get("ShadowProductionVariants", [])),
            failure_reason=found.get("FailureReason", ""),
            deploying=found.get("PendingDeploymentSummary", {}).get("EndpointConfigName", ""),
            is_async="AsyncInferenceConfig" in found or "AsyncInferenceConfig" in config,
        )

    def _describe_config(self, name: str) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = self._client.describe_endpoint_config(EndpointConfigName=name)
        except AwsRefusedError as error:
            if error.message_contains("Could not find endpoint configuration"):
                return {}
            raise
        return found

    def create_model(
        self,
        name: str,
        package_arn: str,
        role_arn: str,
        environment: Mapping[str, str] | None = None,
        *,
        network_isolation: bool = False,
    ) -> None:
        """Create a SageMaker model of an approved model package; ``environment`` is added to the package's own.

        With ``network_isolation`` the model's code has no network "and no AWS credentials are made available to the
        container" (https://docs.aws.amazon.com/sagemaker/latest/dg/mkt-algo-model-internet-free.html): SageMaker itself
        reads the artifact and writes captures and results under the role.

        What SageMaker does with an environment beside that of the package is not documented, so the whole is sent.
        Until 2023 it refused both (aws/sagemaker-python-sdk#3301, #3397); then the package's own has to do.
        """
        package = {"ModelPackageName": package_arn}
        isolation = {"EnableNetworkIsolation": True} if network_isolation else {}
        if environment:
            whole = {**environment_of_package(self._client, package_arn), **environment}
            try:
                self._create_model(name, {**package, "Environment": whole}, role_arn, isolation)
            except AwsRefusedError as error:
                if not error.message_contains("Environment variable map cannot be specified"):
                    raise
            else:
                return
        self._create_model(name, package, role_arn, isolation)

    def _create_model(
        self, name: str, container: Mapping[str, Any], role_arn: str, isolation: Mapping[str, bool]
    ) -> None:
        self._create(
            "already existing model",
            self._client.create_model,
            ModelName=name,
            PrimaryContainer=container,
            ExecutionRoleArn=role_arn,
            **isolation,
        )

    def model_created_at(self, name: str) -> datetime | None:
        """When the SageMaker model of this name was created; None if there is none."""
        try:
            created: datetime = self._client.describe_model(ModelName=name)["CreationTime"]
        except AwsRefusedError as error:
            if error.message_contains("Could not find model"):
                return None
            raise
        return created

    def create_config(self, config: NewConfig) -> None:
        """Create an endpoint config.

        Whether SageMaker takes a MetricsConfig of an asynchronous endpoint, or beside a shadow, is not documented. If
        it refuses one, the config is made with what the spec asked for.
        """
        exists, call = "already existing endpoint configuration", self._client.create_endpoint_config
        stated, asked = config.request(), config.request(states_defaults=False)
        try:
            self._create(exists, call, **stated)
        except AwsRefusedError as error:
            if asked == stated or not _is_about_metrics(error):
                raise
            self._create(exists, call, **asked)

    def create_endpoint(self, endpoint: str, config: str) -> None:
        self._create(
            "already existing endpoint",
            self._client.create_endpoint,
            EndpointName=endpoint,
            EndpointConfigName=config,
        )

    def update_endpoint(self, endpoint: str, config: str, deployment: Deployment | None = None) -> None:
        """Update the endpoint to another config, all at once or as ``deployment`` says.

        Variants of the same name keep their weight and count, unless the deployment resizes them.
        """
        self._change(
            self._client.update_endpoint,
            EndpointName=endpoint,
            EndpointConfigName=config,
            RetainAllVariantProperties=True,
            **(deployment.request() if deployment else {}),
        )

    def set_weights(self, endpoint: str, weights: Mapping[str, float]) -> None:
        if not sum(weights.values()) > 0:
            raise ValueError(f"weights of {endpoint} must not all be zero: {dict(weights)}")
        self._change(
            self._client.update_endpoint_weights_and_capacities,
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[
                {"VariantName": name, "DesiredWeight": weight} for name, weight in weights.items()
            ],
        )

    def set_capacity(self, endpoint: str, variant: str, count: int) -> None:
        self._change(
            self._client.update_endpoint_weights_and_capacities,
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[{"VariantName": variant, "DesiredInstanceCount": count}],
        )

    def delete_endpoint(self, endpoint: str) -> None:
        self._delete("Could not find endpoint", self._client.delete_endpoint, EndpointName=endpoint)

    def delete_config(self, name: str) -> None:
        """Delete an endpoint config. The caller makes sure that no endpoint uses it: SageMaker does not."""
        self._delete(
            "Could not find endpoint configuration",
            self._client.delete_endpoint_config,
            EndpointConfigName=name,
        )

    def delete_model(self, name: str) -> None:
        self._delete("Could not find model", self._client.delete_model, ModelName=name)

    def _create(self, exists: str, call: Any, **request: Any) -> None:
        try:
            call(**request)
        except AwsRefusedError as error:
            if error.message_contains(exists):
                return
            if _is_not_visible(error):
                raise NotVisibleYetError(str(error)) from error
            raise

    def _change(self, call: Any, **request: Any) -> None:
        try:
            call(**request)
        except AwsRefusedError as error:
            if _is_not_visible(error):
                raise NotVisibleYetError(str(error)) from error
            raise

    def _delete(self, missing: str, call: Any, **request: Any) -> None:
        try:
            call(**request)
        except AwsRefusedError as error:
            if error.message_contains(missing):
                return
            raise


def _variants(
    described: Iterable[Mapping[str, Any]], configured: Iterable[Mapping[str, Any]]
) -> tuple[VariantState, ...]:
    known = {each["VariantName"]: each for each in configured}
    return tuple(
        VariantState(
            name=each["VariantName"],
            weight=float(each.get("DesiredWeight", each.get("CurrentWeight", 0.0))),
            desired_count=int(each.get("DesiredInstanceCount", each.get("CurrentInstanceCount", 0))),
            instance_type=known.get(each["VariantName"], {}).get("InstanceType", ""),
            model=known.get(each["VariantName"], {}).get("ModelName", ""),
            serverless=_serverless(known.get(each["VariantName"], {}).get("ServerlessConfig")),
        )
        for each in described
    )


def _serverless(size: Mapping[str, Any] | None) -> ServerlessSize | None:
    if size is None:
        return None
    return ServerlessSize(
        memory_mb=size["MemorySizeInMB"],
        max_concurrency=size["MaxConcurrency"],
        provisioned_concurrency=size.get("ProvisionedConcurrency"),
    )


def _is_about_metrics(error: AwsRefusedError) -> bool:
    words = ("MetricsConfig", "DetailedObservability", "detailed observability", "EnhancedMetrics", "enhanced metrics")
    return error.code == "ValidationException" and any(map(error.message_contains, words))


def _is_not_visible(error: AwsRefusedError) -> bool:
    """A model or config just made may not be visible to the next call yet (CreateEndpointConfig reference)."""
    return any(error.message_contains(f"Could not find {missing}") for missing in ("endpoint configuration", "model"))
