"""moto behind the gateway: storage and wire protocol of the services that we do not write ourselves.

moto is not atomic under threads: a conditional update can win twice. So each service answers one call at a time; the
rule that follows is that nothing may call back into a service from inside its own request.
"""

from __future__ import annotations

import functools
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from io import BytesIO
from typing import Any

from moto.core import responses
from moto.core.base_backend import BackendDict
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from localaws.gateway.dialect import Response
from localaws.gateway.protocol import Wire
from localaws.moto.imports import spare_ec2
from localaws.moto.operations import SERVED
from localaws.moto.refusals import refusal_reason
from localaws.moto.sqs_queues import may_give_messages
from localaws.service_api import AwsError

_FILLING_QUEUES = frozenset({"SendMessage", "SendMessageBatch", "ChangeMessageVisibility", "Publish", "PublishBatch"})
_POLL_SECONDS = 0.5  # what nobody sends becomes visible too: delayed messages, and those not deleted in time


class MotoBackend:
    """Implements ``Fallback`` with moto 5.2.5."""

    def __init__(self, stopping: threading.Event) -> None:
        spare_ec2()
        _remember_names_of_methods()
        # moto's state is global to the process: begin empty, as one local AWS may follow another in the tests.
        BackendDict.reset()
        self._app = _Dispatcher(create_backend_app)
        self._stopping = stopping
        self._wait_for: dict[str, Callable[[], None]] = {}
        self._making_locks = threading.Lock()
        self._locks: dict[str, threading.RLock] = defaultdict(threading.RLock)
        self._queues_changed = threading.Condition()
        self._queue_changes = 0

    def lock(self, service: str) -> threading.RLock:
        """Hold it to read moto's state of ``service`` directly."""
        with self._making_locks:
            return self._locks[service]

    def serves(self, service: str) -> bool:
        """Whether moto answers what our own services do not."""
        return service in SERVED

    def wait_for(self, service: str, until_ready: Callable[[], None]) -> None:
        """Call ``until_ready`` before ``service`` is asked anything."""
        self._wait_for[service] = until_ready

    def answer(self, service: str, wire: Wire, environ: dict[str, Any]) -> Response:
        """Let moto answer what it may; raises AwsError, 501, for every other operation."""
        operation = wire.operation.name
        if operation not in SERVED[service]:
            reason = refusal_reason(service, operation)
            because = "" if reason is None else f": {reason}"
            raise AwsError("NotImplemented", f"The local AWS does not do {service} {operation}{because}", 501)
        if service in self._wait_for:
            self._wait_for[service]()
        if (service, operation, wire.protocol) == ("sqs", "ReceiveMessage", "json"):
            return self._receive_messages(environ)
        try:
            return self._call(service, environ)
        finally:
            if operation in _FILLING_QUEUES:
                with self._queues_changed:
                    self._queue_changes += 1
                    self._queues_changed.notify_all()

    def _call(self, service: str, environ: dict[str, Any]) -> Response:
        answered: dict[str, Any] = {}

        def start_response(status: str, headers: list[tuple[str, str]], _exc_info: object = None) -> None:
            answered["status"] = int(status.split(" ", 1)[0])
            answered["headers"] = dict(headers)

        try:
            with self.lock(service):
                body = b"".join(self._app(environ, start_response))
        except NotImplementedError as error:
            raise AwsError("NotImplemented", f"The local AWS cannot do this: {service}: {error}", 501) from error
        return Response(answered["status"], answered["headers"], body)

    def _receive_messages(self, environ: dict[str, Any]) -> Response:
        """Poll without holding the lock; moto would sleep with it, and nobody could send the awaited message.

        moto is asked again only once there may be something to receive: all who wait look whenever a message goes
        to any queue, and a call of moto takes a thousand times as long as a look.
        """
        request = json.loads(environ["wsgi.input"].read())
        deadline = time.monotonic() + int(request.get("WaitTimeSeconds") or 0)
        body = json.dumps(request | {"WaitTimeSeconds": 0}).encode()
        while True:
            seen = self._queue_changes
            turn = environ | {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
            response = self._call("sqs", turn)
            empty = response.status == 200 and not json.loads(response.body or b"{}").get("Messages")
            if not empty or not self._await_messages(request["QueueUrl"], seen, deadline):
                return response

    def _await_messages(self, url: str, seen: int, deadline: float) -> bool:
        """Whether moto is to be asked again before the deadline; returns once there may be something to receive."""
        while (left := deadline - time.monotonic()) > 0 and not self._stopping.is_set():
            seen = self._await_change(seen, min(_POLL_SECONDS, left))
            with self.lock("sqs"):
                if may_give_messages(url):
                    return True
        return False

    def _await_change(self, seen: int, seconds: float) -> int:
        """Until a message may have come since ``seen``, at most for a while; the changes there are by then."""
        with self._queues_changed:
            self._queues_changed.wait_for(lambda: self._queue_changes != seen, seconds)
            return self._queue_changes


class _Dispatcher(DomainDispatcherApplication):  # type: ignore[misc]
    """moto's own, which looks a host up once: it has a file system call for each of moto's 190 packages."""

    def __init__(self, create_app: Callable[[Any], Any]) -> None:
        super().__init__(create_app)
        self._found: dict[str | None, Any] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        """The name of what serves ``host``, None if nothing does."""
        if host not in self._found:
            self._found[host] = super().get_backend_for_host(host)
        return self._found[host]


def _remember_names_of_methods() -> None:
    """List the methods of a class once; moto does so for each call, to see whether it has the one that is asked for."""
    if not hasattr(responses.method_names_from_class, "cache_info"):
        responses.method_names_from_class = functools.cache(responses.method_names_from_class)
