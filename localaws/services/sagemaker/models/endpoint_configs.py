"""Endpoint configs: models, weights and instance counts. Immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from localaws.context import Context
from localaws.service_api import Call, Operation, invalid
from localaws.services.sagemaker.models.config_rules import check_combinations
from localaws.services.sagemaker.models.models import Models
from localaws.services.sagemaker.resources.constraints import check
from localaws.services.sagemaker.resources.listing import Order, in_time, sorted_page
from localaws.services.sagemaker.resources.store import RecordStore
from localaws.services.sagemaker.resources.tags import forget_tags, tag_on_create

_ORDER = Order(
    keys={"Name": lambda config: config.name, "CreationTime": lambda config: config.created},
    default="CreationTime",
    descending=True,
)
_USUAL_METRICS_PERIOD_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointConfig:
    """One endpoint config; ``request`` is what CreateEndpointConfig was given, defaults filled in."""

    name: str
    arn: str
    created: datetime
    request: Mapping[str, Any]

    @property
    def variants(self) -> list[Mapping[str, Any]]:
        """The production variants, as given."""
        return list(self.request["ProductionVariants"])

    @property
    def shadows(self) -> list[Mapping[str, Any]]:
        """The shadow variants, as given: none or one."""
        return list(self.request.get("ShadowProductionVariants") or ())

    @property
    def metrics_period_seconds(self) -> int:
        """How often invocation metrics appear; the frequency counts only with enhanced metrics on.

        Enhanced metrics exist "for real-time endpoints" (SageMaker developer guide, enhanced metrics): on asynchronous
        and serverless endpoints the setting has no effect.
        """
        metrics = self.request.get("MetricsConfig") or {}
        is_real_time = not self.request.get("AsyncInferenceConfig") and not any(
            variant.get("ServerlessConfig") for variant in self.variants
        )
        if not is_real_time or not metrics.get("EnableEnhancedMetrics"):
            return _USUAL_METRICS_PERIOD_SECONDS
        return int(metrics.get("MetricPublishFrequencyInSeconds", _USUAL_METRICS_PERIOD_SECONDS))


class EndpointConfigs:
    """CreateEndpointConfig and its kin."""

    def __init__(self, context: Context, models: Models) -> None:
        self._context = context
        self._models = models
        self.store: RecordStore[EndpointConfig] = RecordStore(
            context, kind="endpoint configuration", arn_type="endpoint-config"
        )

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreateEndpointConfig": self.create,
            "DescribeEndpointConfig": self.describe,
            "DeleteEndpointConfig": self.delete,
            "ListEndpointConfigs": self.list,
        }

    def create(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("CreateEndpointConfig", params)
        check_combinations(params)
        is_special = params.get("AsyncInferenceConfig") or params.get("ShadowProductionVariants")
        if is_special and params.get("MetricsConfig") and not self._context.choices.metrics_config_everywhere:
            raise invalid("MetricsConfig is not supported for asynchronous endpoints and shadow variants.")
        name = params["EndpointConfigName"]
        self.store.refuse_taken(name)
        for variant in (*params["ProductionVariants"], *params.get("ShadowProductionVariants", ())):
            if variant.get("ModelName"):
                self._models.store.get(variant["ModelName"])
        arn = self.store.arn(name)
        tag_on_create(self._context, arn, params.get("Tags"))
        request = _with_defaults(params)
        self.store.add(EndpointConfig(name=name, arn=arn, created=self._context.now(), request=request))
        return {"EndpointConfigArn": arn}

    def describe(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        config = self.store.get(params["EndpointConfigName"])
        given = {key: value for key, value in config.request.items() if key != "Tags"}
        return given | {"EndpointConfigArn": config.arn, "CreationTime": config.created}

    def delete(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        """Forget the config, even one that is in use: AWS does not prevent it either."""
        forget_tags(self._context, self.store.remove(params["EndpointConfigName"]).arn)
        return {}

    def list(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("ListEndpointConfigs", params)
        found = [
            config
            for config in self.store.all()
            if params.get("NameContains", "").lower() in config.name.lower()
            and in_time({"CreationTime": config.created}, "CreationTime", params, "CreationTime")
        ]
        page, token = sorted_page(found, params, _ORDER)
        return {
            "EndpointConfigs": [
                {
                    "EndpointConfigName": config.name,
                    "EndpointConfigArn": config.arn,
                    "CreationTime": config.created,
                }
                for config in page
            ],
            **token,
        }


def _with_defaults(params: Mapping[str, Any]) -> dict[str, Any]:
    """Weights, and detailed observability: "for endpoint configurations created after June 17, 2026,
    EnableDetailedObservability defaults to true" (SageMaker developer guide, getting started with detailed
    observability). Nothing is said of serverless endpoints, which have no hosts to observe: none here.
    """
    filled = {
        field: [{"InitialVariantWeight": 1.0, **variant} for variant in params[field]]
        for field in ("ProductionVariants", "ShadowProductionVariants")
        if params.get(field)
    }
    if any(variant.get("ServerlessConfig") for variant in params["ProductionVariants"]):
        return {**params, **filled}
    metrics = {"EnableDetailedObservability": True, **(params.get("MetricsConfig") or {})}
    return {**params, **filled, "MetricsConfig": metrics}
