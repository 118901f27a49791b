"""The capacity of an endpoint's variant, read and set as Application Auto Scaling does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from localaws.context import Context
from localaws.services.autoscaling.target import INSTANCES, Key


@dataclass(frozen=True, slots=True)
class Capacity:
    """``is_settled``: nothing is changing, and it may be changed."""

    desired: int
    is_settled: bool


class VariantMissingError(Exception):
    """The endpoint or its variant does not exist."""


class Variants:
    """Reads and sets capacities through the API, as the service itself."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @property
    def _sagemaker(self) -> Any:
        return self._context.client("sagemaker", None)

    def read(self, key: Key) -> Capacity:
        """Raises VariantMissingError."""
        try:
            endpoint = self._sagemaker.describe_endpoint(EndpointName=key.endpoint)
        except ClientError as error:
            raise VariantMissingError(f"Could not find endpoint {key.endpoint}") from error
        status = endpoint["EndpointStatus"]
        shown = endpoint.get("ProductionVariants") or (endpoint.get("PendingDeploymentSummary") or {}).get(
            "ProductionVariants", []
        )
        variant = next((found for found in shown if found["VariantName"] == key.variant), None)
        if variant is None or status == "Deleting":
            raise VariantMissingError(f"Could not find variant {key.variant} of endpoint {key.endpoint}")
        return Capacity(_desired(variant, key), status == "InService")

    def write(self, key: Key, capacity: int) -> None:
        """Begin to set it; raises ClientError when the endpoint does not take it now."""
        if key.dimension == INSTANCES:
            desired: dict[str, Any] = {"DesiredInstanceCount": capacity}
        else:
            endpoint = self._sagemaker.describe_endpoint(EndpointName=key.endpoint)
            present = next(v for v in endpoint["ProductionVariants"] if v["VariantName"] == key.variant)
            most = present["DesiredServerlessConfig"]["MaxConcurrency"]
            desired = {"ServerlessUpdateConfig": {"MaxConcurrency": most, "ProvisionedConcurrency": capacity}}
        self._sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=key.endpoint, DesiredWeightsAndCapacities=[{"VariantName": key.variant, **desired}]
        )


def _desired(variant: dict[str, Any], key: Key) -> int:
    if key.dimension == INSTANCES:
        return int(variant.get("DesiredInstanceCount", 0))
    return int((variant.get("DesiredServerlessConfig") or {}).get("ProvisionedConcurrency", 0))
