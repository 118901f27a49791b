"""Sends one request to one instance and records it: metrics, and captured data where the endpoint has it enabled."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from localaws.context import Context
from localaws.services.sagemaker.containers.container import Container, ContainerResponse, SlowError, UnreachableError
from localaws.services.sagemaker.fleets.capture import Exchange
from localaws.services.sagemaker.fleets.capture_files import CaptureFiles
from localaws.services.sagemaker.fleets.routing import Route, Routing
from localaws.services.sagemaker.runtime.invocation import Invocation, InvocationOutcome, record


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationRequest:
    """What a caller of InvokeEndpoint sent, and when, in the sender's clock."""

    body: bytes
    headers: Mapping[str, str]
    began: float
    inference_id: str | None = None


class RequestSender:
    """Shared by production and shadow traffic; called from many threads."""

    def __init__(
        self,
        context: Context,
        captures: CaptureFiles,
        *,
        chance: random.Random | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """``chance`` draws what is sampled, ``clock`` measures latencies in seconds."""
        self._context = context
        self._captures = captures
        self.chance = chance or random.Random()  # noqa: S311 - draws a variant, guards nothing
        self.clock = clock

    def send(
        self, request: InvocationRequest, routing: Routing, route: Route, container: Container, timeout_seconds: float
    ) -> Invocation:
        """Send and account for one request; raises RetiredError, leaving no trace, when the instance retires."""
        sent = self.clock()
        try:
            outcome: InvocationOutcome = container.invoke(request.body, request.headers, timeout_seconds)
        except (SlowError, UnreachableError) as failure:
            outcome = failure
        answered = self.clock()
        invocation = Invocation(
            endpoint=routing.endpoint,
            variant=route.variant,
            instances=len(route.fleet.containers),
            outcome=outcome,
            model_seconds=answered - sent,
            overhead_seconds=sent - request.began,
            deploying_config=route.deploying_config,
        )
        record(self._context.metrics, invocation, route.metrics_period_seconds)
        if invocation.is_success and isinstance(outcome, ContainerResponse):
            self._capture(request, routing, route, outcome)
        return invocation

    def _capture(self, request: InvocationRequest, routing: Routing, route: Route, answer: ContainerResponse) -> None:
        if route.capture is None or not route.capture.samples(self.chance.random()):
            return
        exchange = Exchange(
            event_id=str(uuid.uuid4()),
            at=self._context.now(),
            request=request.body,
            request_type=request.headers.get("Content-Type", ""),
            answer=answer.body,
            answer_type=answer.headers.get("content-type", ""),
            inference_id=request.inference_id,
        )
        self._captures.keep(
            route.capture,
            exchange,
            endpoint=routing.endpoint,
            variant=route.variant,
            role_arn=route.fleet.blueprint.container.role_arn,
        )
