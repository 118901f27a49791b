"""The endpoint operations: each validates, changes the record, and hands the work to the deployer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from localaws.context import Context
from localaws.service_api import Call, Operation
from localaws.services.sagemaker.endpoint_state import endpoint as changes
from localaws.services.sagemaker.endpoint_state.endpoint import Endpoint, Pending
from localaws.services.sagemaker.endpoint_state.guardrails import check_fits, parse_policy
from localaws.services.sagemaker.endpoint_state.serverless_rules import check_update
from localaws.services.sagemaker.endpoint_state.status import Happening
from localaws.services.sagemaker.endpoint_state.usage import (
    beside,
    more_instances,
    refuse_beyond_quotas,
    refuse_instances,
)
from localaws.services.sagemaker.endpoint_state.variant import Variant, retained, wanted_variants
from localaws.services.sagemaker.endpoint_state.view import description, summary
from localaws.services.sagemaker.endpoints.alarm_watch import AlarmWatch
from localaws.services.sagemaker.endpoints.deployer import Deployer
from localaws.services.sagemaker.endpoints.guarded_deployment import execution_role
from localaws.services.sagemaker.endpoints.scaled_variants import refuse_to_lose_scaled_variants
from localaws.services.sagemaker.models.config_rules import refuse_what_is_unsupported
from localaws.services.sagemaker.models.endpoint_configs import EndpointConfig, EndpointConfigs
from localaws.services.sagemaker.models.models import Models
from localaws.services.sagemaker.resources.constraints import check
from localaws.services.sagemaker.resources.listing import Order, in_time, sorted_page
from localaws.services.sagemaker.resources.store import RecordStore
from localaws.services.sagemaker.resources.tags import tag_on_create

_ORDER = Order(
    keys={
        "Name": lambda endpoint: endpoint.name,
        "CreationTime": lambda endpoint: endpoint.created,
        "Status": lambda endpoint: endpoint.status,
    },
    default="CreationTime",
    descending=True,
)


class Endpoints:
    """CreateEndpoint and its kin."""

    def __init__(
        self,
        context: Context,
        *,
        store: RecordStore[Endpoint],
        configs: EndpointConfigs,
        models: Models,
        deployer: Deployer,
    ) -> None:
        self._context = context
        self._store = store
        self._configs = configs
        self._models = models
        self._deployer = deployer

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreateEndpoint": self.create,
            "DescribeEndpoint": self.describe,
            "UpdateEndpoint": self.update,
            "UpdateEndpointWeightsAndCapacities": self.rescale,
            "DeleteEndpoint": self.delete,
            "ListEndpoints": self.list,
        }

    def create(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("CreateEndpoint", params)
        if params.get("DeploymentConfig"):
            parse_policy(params["DeploymentConfig"])  # a first deployment has no old fleet to guard: only checked
        name = params["EndpointName"]
        self._store.refuse_taken(name)
        pending = self._pending(params["EndpointConfigName"])
        refuse_beyond_quotas(self._context.quotas, self._store.all(), [*pending.variants, *pending.shadows])
        arn = self._store.arn(name)
        tag_on_create(self._context, arn, params.get("Tags"))
        endpoint = changes.new_endpoint(name, arn, pending, params.get("DeploymentConfig"))
        self._store.add(endpoint)
        self._deployer.begin(endpoint)
        return {"EndpointArn": arn}

    def describe(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        return description(self._store.get(params["EndpointName"]))

    def update(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("UpdateEndpoint", params)
        name = params["EndpointName"]
        present = self._store.get(name)  # an unknown endpoint is reported before an unknown config
        deployment = params.get("DeploymentConfig")
        if not deployment and params.get("RetainDeploymentConfig"):
            deployment = present.last_deployment
        policy = parse_policy(deployment) if deployment else None
        pending = replace(self._pending(params["EndpointConfigName"]), policy=policy)
        check_update(present.variants, pending.variants, policy)
        refuse_to_lose_scaled_variants(self._context, present, pending.variants)
        if policy:
            AlarmWatch(self._context, execution_role(pending), policy.alarms).check()

        others = self._store.all()

        def change(present: Endpoint) -> Endpoint:
            wanted = replace(pending, variants=_retaining(present, pending, params))
            if policy:
                check_fits(policy, _instances(present.variants), _instances(wanted.variants))
            refuse_beyond_quotas(
                self._context.quotas, others, beside(policy, [*wanted.variants, *wanted.shadows]), present
            )
            return changes.begin_update(present, wanted, deployment)

        endpoint = self._store.change(name, change)
        self._deployer.begin(endpoint)
        return {"EndpointArn": endpoint.arn}

    def rescale(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("UpdateEndpointWeightsAndCapacities", params)
        desired, now = params["DesiredWeightsAndCapacities"], self._context.now()
        others = self._store.all()

        def change(present: Endpoint) -> Endpoint:
            changed = changes.begin_rescale(present, desired, now)
            refuse_instances(self._context.quotas, others, more_instances(present, changed))
            return changed

        endpoint = self._store.change(params["EndpointName"], change)
        self._deployer.begin(endpoint)
        return {"EndpointArn": endpoint.arn}

    def delete(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        now = self._context.now()
        endpoint = self._store.change(
            params["EndpointName"],
            lambda present: present.happened(Happening.DELETION_REQUESTED, now),
        )
        self._deployer.begin(endpoint)
        return {}

    def list(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        check("ListEndpoints", params)
        found = [
            endpoint
            for endpoint in self._store.all()
            if params.get("NameContains", "").lower() in endpoint.name.lower()
            and params.get("StatusEquals") in (None, endpoint.status)
            and in_time({"CreationTime": endpoint.created}, "CreationTime", params, "CreationTime")
            and in_time({"LastModifiedTime": endpoint.modified}, "LastModifiedTime", params, "LastModifiedTime")
        ]
        page, token = sorted_page(found, params, _ORDER)
        return {"Endpoints": [summary(endpoint) for endpoint in page], **token}

    def _pending(self, config_name: str) -> Pending:
        """A deployment of the config as it and its models are now; raises ValidationException if one is missing."""
        config: EndpointConfig = self._configs.store.get(config_name)
        refuse_what_is_unsupported(config.request)
        names = {variant["ModelName"] for variant in (*config.variants, *config.shadows)}
        models = {name: self._models.store.get(name) for name in names}
        now = self._context.now()
        return Pending(
            config=config,
            started=now,
            variants=wanted_variants(config.variants, models, now),
            shadows=wanted_variants(config.shadows, models, now),
        )


def _retaining(present: Endpoint, pending: Pending, params: Mapping[str, Any]) -> tuple[Variant, ...]:
    """The wanted variants, with weights and counts they have now as far as an UpdateEndpoint retains them."""
    if not params.get("RetainAllVariantProperties", False):
        return pending.variants
    excluded = {item["VariantPropertyType"] for item in params.get("ExcludeRetainedVariantProperties") or ()}
    return tuple(retained(variant, present.variant(variant.name), excluded) for variant in pending.variants)


def _instances(variants: Iterable[Variant]) -> dict[str, int]:
    return {variant.name: variant.desired_instances for variant in variants}
