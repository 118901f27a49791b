"""InvokeEndpoint: routes a request to a variant and an instance, and records its metrics."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from localaws.service_api import AwsError, Call, Operation
from localaws.services.sagemaker.containers.container import Container, ContainerResponse, RetiredError
from localaws.services.sagemaker.endpoint_state.serverless import BODY_MAX_BYTES as SERVERLESS_BODY_MAX_BYTES
from localaws.services.sagemaker.endpoint_state.serverless import record_usage
from localaws.services.sagemaker.endpoints.hosting import Hosting
from localaws.services.sagemaker.fleets.provisioning import ProvisionError
from localaws.services.sagemaker.fleets.routing import Route, Routing
from localaws.services.sagemaker.fleets.serverless_pool import ConcurrencyError, ServerlessPool
from localaws.services.sagemaker.runtime.invocation import Invocation, error_of, refused, unavailable
from localaws.services.sagemaker.runtime.mirror import Mirrors
from localaws.services.sagemaker.runtime.sending import InvocationRequest, RequestSender

BODY_MAX_BYTES = 6_291_456
ANSWER_MAX_SECONDS = 60.0

_CUSTOM_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
_PASSED_ON = {
    "ContentType": "Content-Type",
    "Accept": "Accept",
    "CustomAttributes": "X-Amzn-SageMaker-Custom-Attributes",
    "InferenceId": "X-Amzn-SageMaker-Inference-Id",
}


class Runtime:
    """The synchronous half of the service ``sagemaker-runtime``."""

    name = "sagemaker-runtime"

    def __init__(
        self,
        hosting: Hosting,
        *,
        chance: random.Random | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """``chance`` draws the variants, ``clock`` measures latencies in seconds."""
        self._hosting = hosting
        self._context = hosting.context
        self._sender = RequestSender(hosting.context, hosting.captures, chance=chance, clock=clock)
        self._mirrors = Mirrors(hosting.context, self._sender, hosting.timing.shadow_timeout_seconds)

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {"InvokeEndpoint": self.invoke}

    def invoke(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        """Answer with what the container answered; raises ModelError (424) for anything but success."""
        request = InvocationRequest(
            began=self._sender.clock(),
            body=_body(params),
            headers={header: params[field] for field, header in _PASSED_ON.items() if params.get(field)},
            inference_id=params.get("InferenceId"),
        )
        routing, invocation = self._send(params, request)
        self._mirrors.offer(request, routing)
        error = error_of(invocation, self._context)
        if error:
            raise error
        assert isinstance(invocation.outcome, ContainerResponse)
        return _result(invocation.variant, invocation.outcome)

    def _send(self, params: Mapping[str, Any], request: InvocationRequest) -> tuple[Routing, Invocation]:
        while True:
            routing, route = self._route(params)
            if route.fleet.pool is not None:
                try:
                    return routing, self._send_serverless(request, routing, route, route.fleet.pool)
                except RetiredError:
                    continue
            container = route.fleet.next()
            if container is None:
                raise unavailable(f"Variant {route.variant} has no instances.")
            try:
                return routing, self._sender.send(request, routing, route, container, ANSWER_MAX_SECONDS)
            except RetiredError:  # traffic moved between choosing and sending: choose again
                continue

    def _send_serverless(
        self, request: InvocationRequest, routing: Routing, route: Route, pool: ServerlessPool[Container]
    ) -> Invocation:
        if len(request.body) > SERVERLESS_BODY_MAX_BYTES:
            raise refused(f"The payload of a serverless endpoint must not exceed {SERVERLESS_BODY_MAX_BYTES} bytes.")
        try:
            with pool.borrowed() as (container, usage):
                where = {"EndpointName": routing.endpoint, "VariantName": route.variant}
                record_usage(self._context.metrics, usage, where, route.metrics_period_seconds)
                return self._sender.send(request, routing, route, container, ANSWER_MAX_SECONDS)
        except ConcurrencyError:
            raise AwsError("ThrottlingException", "Rate exceeded") from None
        except ProvisionError as error:
            raise unavailable(str(error)) from error

    def _route(self, params: Mapping[str, Any]) -> tuple[Routing, Route]:
        name = params["EndpointName"]
        if params.get("TargetModel"):
            raise refused(f"Endpoint {name} is not a multi-model endpoint and does not support target model header.")
        for choice in ("TargetContainerHostname", "InferenceComponentName"):
            if params.get(choice):
                raise refused(f"Endpoint {name} has one container in each variant and does not support {choice}.")
        routing = self._hosting.routing(name)
        if routing is None:
            raise refused(f"Endpoint {name} of account {self._context.account} not found.")
        endpoint = self._hosting.endpoint(name)
        if endpoint and endpoint.config.request.get("AsyncInferenceConfig"):
            raise refused(f"Endpoint {name} takes asynchronous invocations only: use InvokeEndpointAsync.")
        target, chance = params.get("TargetVariant"), self._sender.chance
        route = routing.named(target, chance) if target else routing.by_weight(chance)
        if route is None and target:
            raise refused(f'Variant "{target}" not found for endpoint {name}.')
        if route is None:
            raise unavailable(f"No variant of endpoint {name} has a weight greater than 0.")
        return routing, route


def _body(params: Mapping[str, Any]) -> bytes:
    given = params.get("Body") or b""
    body = given.encode() if isinstance(given, str) else bytes(given)
    if len(body) > BODY_MAX_BYTES:
        raise refused(
            "1 validation error detected: Value at 'body' failed to satisfy constraint: "
            f"Member must have length less than or equal to {BODY_MAX_BYTES}"
        )
    return body


def _result(variant: str, answer: ContainerResponse) -> dict[str, Any]:
    result = {"Body": answer.body, "InvokedProductionVariant": variant}
    if "content-type" in answer.headers:
        result["ContentType"] = answer.headers["content-type"]
    if _CUSTOM_ATTRIBUTES in answer.headers:
        result["CustomAttributes"] = answer.headers[_CUSTOM_ATTRIBUTES]
    return result
