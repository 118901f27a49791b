"""The state of an endpoint as SageMaker describes it, and the parts of a new endpoint config: data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CHANGING = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerlessSize:
    """The size of a serverless variant, which has no instances."""

    memory_mb: int
    max_concurrency: int
    provisioned_concurrency: int | None = None  # containers kept warm


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantState:
    """One variant as it is now, on instances or serverless."""

    name: str
    weight: float
    desired_count: int
    instance_type: str
    model: str
    serverless: ServerlessSize | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointState:
    """An endpoint as DescribeEndpoint and DescribeEndpointConfig report it."""

    name: str
    status: str
    config: str
    variants: tuple[VariantState, ...]
    shadows: tuple[VariantState, ...] = ()
    failure_reason: str = ""
    deploying: str = ""  # the config of the deployment under way
    is_async: bool = False

    @property
    def is_settled(self) -> bool:
        """InService, with no update in progress: the only status in which SageMaker accepts a change."""
        return self.status == "InService"

    @property
    def is_maintained(self) -> bool:
        """Whether SageMaker updates the endpoint's hosts by itself: it serves, on instances that come and go."""
        return self.status == "SystemUpdating"

    @property
    def kind(self) -> str:
        """``real-time``, ``serverless`` or ``async``. SageMaker converts no endpoint into another kind."""
        if self.is_async:
            return "async"
        return "serverless" if any(each.serverless for each in self.variants) else "real-time"

    def variant(self, name: str) -> VariantState | None:
        return next((each for each in self.variants if each.name == name), None)

    def share(self, name: str) -> float:
        """The variant's part of the traffic, 0..1; 0.0 if it is not there or all weights are zero."""
        total = sum(each.weight for each in self.variants)
        found = self.variant(name)
        return found.weight / total if found and total > 0 else 0.0

    def share_of_model(self, model: str) -> float:
        """The part of the traffic, 0..1, that variants with this SageMaker model have."""
        return sum(self.share(each.name) for each in self.variants if each.model == model)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVariant:
    """A variant of an endpoint config to be made; ``serverless`` replaces the instances."""

    name: str
    model: str
    instance_type: str
    instance_count: int
    weight: float
    serverless: ServerlessSize | None = None

    def request(self) -> dict[str, object]:
        """The variant in the form of a CreateEndpointConfig request."""
        named: dict[str, object] = {
            "VariantName": self.name,
            "ModelName": self.model,
            "InitialVariantWeight": self.weight,
        }
        if self.serverless is None:
            return named | {"InstanceType": self.instance_type, "InitialInstanceCount": self.instance_count}
        size: dict[str, int] = {
            "MemorySizeInMB": self.serverless.memory_mb,
            "MaxConcurrency": self.serverless.max_concurrency,
        }
        if self.serverless.provisioned_concurrency:
            size["ProvisionedConcurrency"] = self.serverless.provisioned_concurrency
        return named | {"ServerlessConfig": size}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewConfig:
    """An endpoint config to be made: one to many variants, at most one ``shadow`` beside a single one.

    ``capture_uri``: where SageMaker writes every request and answer; empty for no capture. ``async_config``: the
    AsyncInferenceConfig of an endpoint that answers through files. ``detailed_observability``: whether SageMaker
    collects metrics of hosts, GPUs and containers, which are paid for.
    """

    name: str
    variants: tuple[NewVariant, ...]
    period_seconds: int = 60
    shadow: NewVariant | None = None
    capture_uri: str = ""
    async_config: Mapping[str, object] | None = None
    detailed_observability: bool = False

    def request(self, *, states_defaults: bool = True) -> dict[str, object]:
        """The CreateEndpointConfig request; metrics below a minute need SageMaker's enhanced metrics.

        Without ``states_defaults`` it has a MetricsConfig only if the spec asked for something that is in it.
        """
        made: dict[str, object] = {
            "EndpointConfigName": self.name,
            "ProductionVariants": [each.request() for each in self.variants],
        }
        if self.shadow:
            made["ShadowProductionVariants"] = [self.shadow.request()]
        if self.capture_uri:
            made["DataCaptureConfig"] = _capture(self.capture_uri)
        if self.async_config:
            made["AsyncInferenceConfig"] = self.async_config
        if metrics := self._metrics(states_defaults=states_defaults):
            made["MetricsConfig"] = metrics
        return made

    def _metrics(self, *, states_defaults: bool) -> dict[str, object]:
        """The MetricsConfig; none for a serverless endpoint, which has no hosts.

        Detailed observability is stated also when it is off: SageMaker's default for new configs is on. Enhanced
        metrics exist "for real-time endpoints" (SageMaker developer guide), so an asynchronous one asks for none.
        """
        if any(each.serverless for each in self.variants):
            return {}
        stated: dict[str, object] = {}
        if self.detailed_observability or states_defaults:
            stated["EnableDetailedObservability"] = self.detailed_observability
        if self.period_seconds < 60 and not self.async_config:
            stated |= {"EnableEnhancedMetrics": True, "MetricPublishFrequencyInSeconds": self.period_seconds}
        return stated


def _capture(uri: str) -> dict[str, object]:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": uri,
        "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
    }
