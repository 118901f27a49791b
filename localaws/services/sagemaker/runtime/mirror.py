"""Mirrors requests to shadow variants on threads of its own, after the client has its answer."""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import dataclass

from localaws.context import Context
from localaws.services.sagemaker.containers.container import RetiredError
from localaws.services.sagemaker.fleets.routing import Routing, Shadow
from localaws.services.sagemaker.runtime.sending import InvocationRequest, RequestSender

LOG = logging.getLogger(__name__)

WORKERS_MAX = 32  # requests that one endpoint's shadow can have under way
WAITING_MAX = 1_000  # what comes beyond is not mirrored
_IDLE_SECONDS = 1.0  # after which a worker without work ends


@dataclass(frozen=True, slots=True)
class _Copy:
    """One request on its way to a shadow."""

    request: InvocationRequest
    routing: Routing
    shadow: Shadow


class Mirror:
    """One endpoint's mirrored requests: a bounded queue, and workers that come and go with the work."""

    def __init__(self, context: Context, sender: RequestSender, timeout_seconds: float) -> None:
        self._context = context
        self._sender = sender
        self._timeout_seconds = timeout_seconds
        self._queue: queue.Queue[_Copy] = queue.Queue(WAITING_MAX)
        self._lock = threading.Lock()
        self._workers = 0
        self._unfinished = 0  # waiting or under way
        self.dropped = 0

    def offer(self, request: InvocationRequest, routing: Routing, shadow: Shadow) -> None:
        """Mirror a request some time; never waits. A shadow that cannot keep up misses requests."""
        try:
            self._queue.put_nowait(_Copy(request, routing, shadow))
        except queue.Full:
            self._drop(routing)
            return
        with self._lock:
            self._unfinished += 1
            if self._unfinished <= self._workers or self._workers == WORKERS_MAX:
                return
            self._workers += 1
        self._context.background(f"shadow-{routing.endpoint}", self._work)

    def _drop(self, routing: Routing) -> None:
        with self._lock:
            self.dropped += 1
            if self.dropped == 1:
                LOG.warning("the shadow of endpoint %s is too slow: requests are not mirrored", routing.endpoint)

    def _work(self) -> None:
        while not self._context.stopping.is_set():
            try:
                copy = self._queue.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if not self._queue.empty():
                        continue
                    self._workers -= 1
                    return
            try:
                self._send(copy)
            finally:
                with self._lock:
                    self._unfinished -= 1

    def _send(self, copy: _Copy) -> None:
        route = copy.shadow.route
        container = route.fleet.next()
        if container is None:
            return
        try:
            self._sender.send(copy.request, copy.routing, route, container, self._timeout_seconds)
        except RetiredError:
            LOG.info("the shadow of endpoint %s retired before a mirrored request", copy.routing.endpoint)


class Mirrors:
    """The mirrors of all endpoints, so that a slow shadow holds up no other."""

    def __init__(self, context: Context, sender: RequestSender, timeout_seconds: float) -> None:
        self._context = context
        self._sender = sender
        self._timeout_seconds = timeout_seconds
        self._lock = threading.Lock()
        self._mirrors: dict[str, Mirror] = {}

    def offer(self, request: InvocationRequest, routing: Routing) -> None:
        """Mirror a request if its endpoint has a shadow and the draw says so."""
        shadow = routing.shadow
        if shadow is None or self._sender.chance.random() >= shadow.ratio:
            return
        with self._lock:
            mirror = self._mirrors.get(routing.endpoint)
            if mirror is None:
                mirror = self._mirrors[routing.endpoint] = Mirror(self._context, self._sender, self._timeout_seconds)
        mirror.offer(request, routing, shadow)
