"""Validates combinations of fields in an endpoint config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localaws.service_api import AwsError, invalid

SERVERLESS_MEMORY_MB = (1024, 2048, 3072, 4096, 5120, 6144)
METRICS_PERIODS_SECONDS = (10, 30, 60, 120, 180, 240, 300)

ConfigRequest = Mapping[str, Any]


def check_combinations(config: ConfigRequest) -> None:
    """Raise SageMaker's ValidationException for the first combination that it refuses."""
    for rule in (
        _names_are_unique,
        _each_variant_has_one_kind_of_capacity,
        _traffic_goes_somewhere,
        _shadow_needs_one_and_one,
        _serverless_is_alone,
        _cross_region_needs_instances,
        _metrics_period_is_listed,
    ):
        rule(config)


def refuse_what_is_unsupported(config: ConfigRequest) -> None:
    """Raise NotImplemented (501) for configs that are valid but cannot be served here."""
    asynchronous = bool(config.get("AsyncInferenceConfig"))
    for what, used in (
        ("asynchronous endpoints with several variants", asynchronous and len(_variants(config)) > 1),
        ("asynchronous endpoints without S3OutputPath", asynchronous and not _async_output(config)),
        ("data capture of asynchronous endpoints", asynchronous and bool(config.get("DataCaptureConfig"))),
        ("instance pools", any(variant.get("InstancePools") for variant in _variants(config))),
        ("inference components", any(not variant.get("ModelName") for variant in _variants(config))),
        ("explainers", bool(config.get("ExplainerConfig"))),
    ):
        if used:
            raise AwsError("NotImplemented", f"{what} are not supported by the local AWS", 501)


def _variants(config: ConfigRequest) -> list[Mapping[str, Any]]:
    return [*config["ProductionVariants"], *(config.get("ShadowProductionVariants") or ())]


def _async_output(config: ConfigRequest) -> str:
    return str(config["AsyncInferenceConfig"]["OutputConfig"].get("S3OutputPath") or "")


def _names_are_unique(config: ConfigRequest) -> None:
    names = [variant["VariantName"] for variant in _variants(config)]
    for name in names:
        if names.count(name) > 1:
            raise invalid(f"Duplicate production variant name: {name}")


def _each_variant_has_one_kind_of_capacity(config: ConfigRequest) -> None:
    for variant in _variants(config):
        name, serverless = variant["VariantName"], variant.get("ServerlessConfig")
        on_instances = bool(variant.get("InstanceType") or variant.get("InstancePools"))
        if bool(serverless) == on_instances:
            raise invalid(f"Variant {name} must have exactly one of InstanceType and ServerlessConfig.")
        if on_instances and not variant.get("InitialInstanceCount"):
            raise invalid(f"InitialInstanceCount is required for variant {name}.")
        if serverless:
            _check_serverless(name, serverless)


def _check_serverless(name: str, serverless: Mapping[str, Any]) -> None:
    if serverless["MemorySizeInMB"] not in SERVERLESS_MEMORY_MB:
        raise invalid(f"MemorySizeInMB of variant {name} must be one of {list(SERVERLESS_MEMORY_MB)}.")
    if serverless.get("ProvisionedConcurrency", 0) > serverless["MaxConcurrency"]:
        raise invalid(f"ProvisionedConcurrency of variant {name} must not exceed its MaxConcurrency.")


def _traffic_goes_somewhere(config: ConfigRequest) -> None:
    if not sum(variant.get("InitialVariantWeight", 1.0) for variant in config["ProductionVariants"]):
        raise invalid("At least one production variant must have a weight greater than 0.")


def _shadow_needs_one_and_one(config: ConfigRequest) -> None:
    shadows = config.get("ShadowProductionVariants") or ()
    if shadows and (len(shadows) != 1 or len(config["ProductionVariants"]) != 1):
        raise invalid("A shadow variant needs exactly one production variant and one shadow variant.")
    if shadows and config.get("AsyncInferenceConfig"):
        raise invalid("Shadow variants are not supported on asynchronous endpoints.")


def _serverless_is_alone(config: ConfigRequest) -> None:
    if not any(variant.get("ServerlessConfig") for variant in _variants(config)):
        return
    for what, is_used in (
        ("more than one variant", len(_variants(config)) > 1),
        ("data capture", (config.get("DataCaptureConfig") or {}).get("EnableCapture")),
        ("asynchronous inference", config.get("AsyncInferenceConfig")),
        ("a VPC", config.get("VpcConfig")),
        ("network isolation", config.get("EnableNetworkIsolation")),
    ):
        if is_used:
            raise invalid(f"Serverless endpoints do not support {what}.")


def _cross_region_needs_instances(config: ConfigRequest) -> None:
    if not config.get("CrossRegionTrafficConfig"):
        return
    if config.get("AsyncInferenceConfig") or any(v.get("ServerlessConfig") for v in _variants(config)):
        raise invalid("CrossRegionTrafficConfig is not supported on serverless or asynchronous endpoints.")


def _metrics_period_is_listed(config: ConfigRequest) -> None:
    period = (config.get("MetricsConfig") or {}).get("MetricPublishFrequencyInSeconds", 60)
    if period not in METRICS_PERIODS_SECONDS:
        raise invalid(f"MetricPublishFrequencyInSeconds must be one of {list(METRICS_PERIODS_SECONDS)}.")
