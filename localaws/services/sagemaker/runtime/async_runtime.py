"""InvokeEndpointAsync: queues requests and dispatches them to instances with free capacity."""

from __future__ import annotations

import functools
import logging
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localaws.service_api import Call, Operation
from localaws.services.sagemaker.async_inference.request import AsyncRequest, AsyncSettings, End, request_of
from localaws.services.sagemaker.async_inference.request_queue import AsyncQueue
from localaws.services.sagemaker.containers.container import Container, RetiredError
from localaws.services.sagemaker.endpoint_state.endpoint import Endpoint
from localaws.services.sagemaker.endpoints.hosting import Hosting
from localaws.services.sagemaker.fleets.routing import Route
from localaws.services.sagemaker.resources.constraints import problems
from localaws.services.sagemaker.runtime.async_work import Work
from localaws.services.sagemaker.runtime.invocation import NAMESPACE, refused

LOG = logging.getLogger(__name__)
INLINE_BODY_MAX_BYTES = 128_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AsyncTiming:
    """Limits and real seconds."""

    payload_max_bytes: int = 1024**3
    poll_seconds: float = 0.1  # for instances that have come or gone, and requests that have expired
    metrics_period_seconds: int = 60  # AWS publishes them once a minute, whatever MetricsConfig says


class AsyncRuntime:
    """The asynchronous half of ``sagemaker-runtime``: one queue per endpoint, which outlives its instances."""

    name = "sagemaker-runtime"

    def __init__(self, hosting: Hosting, timing: AsyncTiming | None = None) -> None:
        self._hosting = hosting
        self._context = hosting.context
        self._timing = timing or AsyncTiming()
        self._lock = threading.Lock()
        self._queues: dict[str, AsyncQueue] = {}
        self._measured: dict[str, int] = {}  # endpoint → the period in which its backlog was last measured
        self._news = threading.Event()
        self._spool = self._context.run_dir / "async"

    @property
    def operations(self) -> Mapping[str, Operation]:
        return {"InvokeEndpointAsync": self.invoke}

    def start(self) -> None:
        """Begin to give work to instances and to measure the backlogs."""
        self._spool.mkdir(parents=True, exist_ok=True)
        self._context.background("async-inference", self._run)

    def invoke(self, params: dict[str, Any], _call: Call) -> dict[str, Any]:
        """Queue one request; raises ValidationError for a bad one. Whether its input exists is seen later."""
        _check(params)
        endpoint = self._hosting.endpoint(params["EndpointName"])
        if endpoint is None or self._hosting.routing(endpoint.name) is None:
            raise refused(f"Endpoint {params['EndpointName']} of account {self._context.account} not found.")
        settings = AsyncSettings.of(endpoint.config.request)
        if settings is None:
            raise refused(f"Endpoint {endpoint.name} does not have an AsyncInferenceConfig: use InvokeEndpoint.")
        named = {**params, "EndpointName": endpoint.name}
        request = request_of(named, settings, now=self._context.now(), new_id=str(uuid.uuid4()))
        self._queue(endpoint.name).offer(request)
        self._news.set()
        locations = {"OutputLocation": str(request.output)}
        if request.failure is not None:
            locations["FailureLocation"] = str(request.failure)
        return {"InferenceId": request.inference_id, **locations}

    def _queue(self, endpoint: str) -> AsyncQueue:
        with self._lock:
            return self._queues.setdefault(endpoint, AsyncQueue())

    def _run(self) -> None:
        while not self._context.stopping.is_set():
            self._news.wait(self._timing.poll_seconds)
            self._news.clear()
            for endpoint in self._hosting.endpoints():
                settings = AsyncSettings.of(endpoint.config.request)
                if settings is not None:
                    self._dispatch(endpoint, settings)
            self._forget_deleted()

    def _dispatch(self, endpoint: Endpoint, settings: AsyncSettings) -> None:
        routing = self._hosting.routing(endpoint.name)
        if routing is None:
            return
        queue, route = self._queue(endpoint.name), routing.routes[0]
        routes = {  # of one variant: an update may be moving it from one fleet to another
            container: each for each in routing.routes if each.share > 0 for container in each.fleet.containers
        }
        for request in queue.take_expired(self._context.now()):
            work = self._work(request, settings, route)
            work.measure("ExpiredRequests", 1, "Count")
            work.conclude(End(failure_reason="ClientError: The request expired before it could be processed."))
        running = [container for container in routes if container.is_running]
        for request, container in queue.take(running, settings.concurrent_per_instance):
            work = self._work(request, settings, routes[container])
            act = functools.partial(self._carry_out, work, container, queue)
            self._context.background(f"async-{request.inference_id}", act)
        self._measure_backlog(endpoint, queue, len(routes))

    def _work(self, request: AsyncRequest, settings: AsyncSettings, route: Route) -> Work:
        return Work(
            context=self._context,
            request=request,
            settings=settings,
            variant=route.variant,
            role_arn=route.fleet.blueprint.container.role_arn,
            spool=self._spool / str(uuid.uuid4()),
            payload_max_bytes=self._timing.payload_max_bytes,
            metrics_period_seconds=self._timing.metrics_period_seconds,
            deploying_config=route.deploying_config,
        )

    def _carry_out(self, work: Work, container: Container, queue: AsyncQueue) -> None:
        try:
            work.run(container)
        except RetiredError:
            queue.put_back(work.request, container)
        except Exception:  # a defect of ours must not keep the instance's place taken for ever
            queue.finish(container)
            if not self._context.stopping.is_set():
                LOG.exception("async request %s", work.request.inference_id)
        else:
            queue.finish(container)
        self._news.set()

    def _measure_backlog(self, endpoint: Endpoint, queue: AsyncQueue, instances: int) -> None:
        """One sample in each publishing period. Without instances there is no backlog per instance."""
        every, now = self._timing.metrics_period_seconds, self._context.now()
        period = int(now.timestamp() // every)
        if self._measured.get(endpoint.name) == period:
            return
        self._measured[endpoint.name] = period
        backlog = queue.backlog(now)
        samples = {
            "ApproximateBacklogSize": (float(backlog.size), "Count"),
            "ApproximateAgeOfOldestRequest": (backlog.oldest_seconds, "Seconds"),
            "HasBacklogWithoutCapacity": (float(backlog.waiting > 0 and instances == 0), "Count"),
        }
        if instances:
            samples["ApproximateBacklogSizePerInstance"] = (backlog.size / instances, "Count")
        for name, (value, unit) in samples.items():
            self._context.metrics.record(
                NAMESPACE,
                name,
                {"EndpointName": endpoint.name},
                value,
                unit=unit,
                publish_every_seconds=every,
            )

    def _forget_deleted(self) -> None:
        """What waits for an endpoint that is deleted is lost with it."""
        present = {endpoint.name for endpoint in self._hosting.endpoints()}
        with self._lock:
            for name in self._queues.keys() - present:
                del self._queues[name]


def _check(params: Mapping[str, Any]) -> None:
    found = problems("sagemaker-runtime", "InvokeEndpointAsync", params)
    if found:
        raise refused(found)
    if bool(params.get("InputLocation")) == bool(params.get("Body")):
        raise refused("Exactly one of InputLocation and Body must be given.")
    if len(params.get("Body") or b"") > INLINE_BODY_MAX_BYTES:
        raise refused(f"Body must have length less than or equal to {INLINE_BODY_MAX_BYTES}; use InputLocation.")
