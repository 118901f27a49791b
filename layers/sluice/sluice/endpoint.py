"""SageMaker hosting: models, endpoint configs, endpoints and their weights. Every write may be repeated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from sluice.aws import says, understood
from sluice.errors import RetryableError

CHANGING = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantState:
    """One production variant as it is now."""

    name: str
    weight: float
    desired_count: int
    instance_type: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointState:
    """An endpoint as DescribeEndpoint and its config tell it."""

    name: str
    status: str
    config: str
    variants: tuple[VariantState, ...]
    failure_reason: str = ""

    @property
    def is_settled(self) -> bool:
        """In service with nothing in progress: the only state in which a change is accepted."""
        return self.status == "InService"

    def variant(self, name: str) -> VariantState | None:
        return next((each for each in self.variants if each.name == name), None)

    def share(self, name: str) -> float:
        """The variant's part of the traffic, 0..1; 0.0 if it is not there or all weights are zero."""
        total = sum(each.weight for each in self.variants)
        found = self.variant(name)
        return found.weight / total if found and total > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVariant:
    """A production variant of an endpoint config to be made."""

    name: str
    model: str
    instance_type: str
    instance_count: int
    weight: float


class Hosting:
    """What Sluice asks of SageMaker hosting."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def describe(self, endpoint: str) -> EndpointState | None:
        """The endpoint as it is now, None if there is none.

        Instance types and models stand only in the config, so that is read too.
        """
        try:
            found = self._client.describe_endpoint(EndpointName=endpoint)
        except ClientError as error:
            if says(error, "Could not find endpoint") and not says(error, "endpoint configuration"):
                return None
            raise understood(error) from error
        return EndpointState(
            name=found["EndpointName"],
            status=found["EndpointStatus"],
            config=found["EndpointConfigName"],
            variants=self._variants(found),
            failure_reason=found.get("FailureReason", ""),
        )

    def _variants(self, endpoint: Mapping[str, Any]) -> tuple[VariantState, ...]:
        configured = {
            each["VariantName"]: each
            for each in self._describe_config(endpoint["EndpointConfigName"]).get("ProductionVariants", [])
        }
        return tuple(
            VariantState(
                name=each["VariantName"],
                weight=float(each.get("DesiredWeight", each.get("CurrentWeight", 0.0))),
                desired_count=int(each.get("DesiredInstanceCount", each.get("CurrentInstanceCount", 0))),
                instance_type=configured.get(each["VariantName"], {}).get("InstanceType", ""),
                model=configured.get(each["VariantName"], {}).get("ModelName", ""),
            )
            for each in endpoint.get("ProductionVariants", [])
        )

    def _describe_config(self, name: str) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = self._client.describe_endpoint_config(EndpointConfigName=name)
        except ClientError as error:
            if says(error, "Could not find endpoint configuration"):
                return {}
            raise understood(error) from error
        return found

    def create_model(self, name: str, package_arn: str, role_arn: str) -> None:
        """Make a SageMaker model of an approved package."""
        self._create(
            "already existing model",
            self._client.create_model,
            ModelName=name,
            PrimaryContainer={"ModelPackageName": package_arn},
            ExecutionRoleArn=role_arn,
        )

    def create_config(self, name: str, variants: Sequence[NewVariant], period_seconds: int) -> None:
        """Make an endpoint config; metrics below a minute need SageMaker's enhanced metrics."""
        request: dict[str, Any] = {
            "EndpointConfigName": name,
            "ProductionVariants": [
                {
                    "VariantName": each.name,
                    "ModelName": each.model,
                    "InstanceType": each.instance_type,
                    "InitialInstanceCount": each.instance_count,
                    "InitialVariantWeight": each.weight,
                }
                for each in variants
            ],
        }
        if period_seconds < 60:
            request["MetricsConfig"] = {
                "EnableEnhancedMetrics": True,
                "MetricPublishFrequencyInSeconds": period_seconds,
            }
        self._create("already existing endpoint configuration", self._client.create_endpoint_config, **request)

    def create_endpoint(self, endpoint: str, config: str) -> None:
        self._create(
            "already existing endpoint",
            self._client.create_endpoint,
            EndpointName=endpoint,
            EndpointConfigName=config,
        )

    def use_config(self, endpoint: str, config: str) -> None:
        """Move the endpoint to another config; variants of the same name keep their weight and count."""
        self._change(
            self._client.update_endpoint,
            EndpointName=endpoint,
            EndpointConfigName=config,
            RetainAllVariantProperties=True,
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
        """The caller makes sure that no endpoint uses it: SageMaker does not."""
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
        except ClientError as error:
            if says(error, exists):
                return
            raise _settling(error) from error

    def _change(self, call: Any, **request: Any) -> None:
        try:
            call(**request)
        except ClientError as error:
            raise _settling(error) from error

    def _delete(self, missing: str, call: Any, **request: Any) -> None:
        try:
            call(**request)
        except ClientError as error:
            if says(error, missing):
                return
            raise understood(error) from error


def _settling(error: ClientError) -> Exception:
    """A model or config just made may not be visible to the next call yet (CreateEndpointConfig reference)."""
    if says(error, "Could not find endpoint configuration") or says(error, "Could not find model"):
        return RetryableError(str(error))
    return understood(error)
