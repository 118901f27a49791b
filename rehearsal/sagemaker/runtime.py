"""InvokeEndpoint: a request finds its variant and instance, and leaves its traces in the metrics."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from rehearsal.sagemaker.container import Answer, RetiredError, SlowError, UnreachableError
from rehearsal.sagemaker.hosting import Hosting
from rehearsal.sagemaker.invocation import Invocation, Outcome, error_of, record, refused, unavailable
from rehearsal.sagemaker.routing import Route, Routing
from rehearsal.wire import AwsError, Call, Operation

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
    """The service ``sagemaker-runtime``."""

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
        self._world = hosting.world
        self._chance = chance or random.Random()  # noqa: S311 - draws a variant, guards nothing
        self._clock = clock

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {"InvokeEndpoint": self.invoke, "InvokeEndpointAsync": self.invoke_async}

    def invoke(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        """Answer with what the container answered; raises ModelError (424) for anything but success."""
        began = self._clock()
        body = _body(params)
        headers = {header: params[field] for field, header in _PASSED_ON.items() if params.get(field)}
        routing, invocation = self._send(params, body, headers, began)
        record(self._world.metrics, invocation, routing.metrics_period_seconds)
        error = error_of(invocation, self._world)
        if error:
            raise error
        assert isinstance(invocation.outcome, Answer)
        return _result(invocation.variant, invocation.outcome)

    def invoke_async(self, _params: dict[str, Any], _call: Call) -> dict[str, Any]:
        raise AwsError("NotImplemented", "asynchronous endpoints are not rehearsed", 501)

    def _send(
        self, params: Mapping[str, Any], body: bytes, headers: Mapping[str, str], began: float
    ) -> tuple[Routing, Invocation]:
        while True:
            routing, route = self._route(params)
            container = route.fleet.next()
            if container is None:
                raise unavailable(f"Variant {route.variant} has no instances.")
            sent = self._clock()
            try:
                outcome: Outcome = container.invoke(body, headers, ANSWER_MAX_SECONDS)
            except RetiredError:  # traffic moved between choosing and sending: choose again
                continue
            except (SlowError, UnreachableError) as failure:
                outcome = failure
            answered = self._clock()
            return routing, Invocation(
                endpoint=routing.endpoint,
                variant=route.variant,
                instances=len(route.fleet.containers),
                outcome=outcome,
                model_seconds=answered - sent,
                overhead_seconds=sent - began,
            )

    def _route(self, params: Mapping[str, Any]) -> tuple[Routing, Route]:
        name = params["EndpointName"]
        routing = self._hosting.routing(name)
        if routing is None:
            raise refused(f"Endpoint {name} of account {self._world.account} not found.")
        target = params.get("TargetVariant")
        route = routing.named(target) if target else routing.by_weight(self._chance)
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


def _result(variant: str, answer: Answer) -> dict[str, Any]:
    result = {"Body": answer.body, "InvokedProductionVariant": variant}
    if "content-type" in answer.headers:
        result["ContentType"] = answer.headers["content-type"]
    if _CUSTOM_ATTRIBUTES in answer.headers:
        result["CustomAttributes"] = answer.headers[_CUSTOM_ATTRIBUTES]
    return result
