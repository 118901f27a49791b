"""The server side of the Lambda Runtime API for one execution environment.

It has no thread of its own. The thread that invokes the function talks to the runtime, so a deadline is a socket
timeout and a dead runtime is noticed by the thread that waits for it. The port identifies the environment, because the
runtime's client takes an address but no path.
"""

from __future__ import annotations

import http.client
import selectors
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import BinaryIO

_LOOK_AT_PROCESS_EVERY_SECONDS = 0.05


class RuntimeGone(Exception):
    """The runtime's process ended instead of sending the request that was waited for."""


@dataclass(frozen=True, slots=True)
class RuntimeRequest:
    """One request of the runtime, to be answered exactly once."""

    path: str
    headers: Message
    body: bytes
    connection: _Connection

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        """Answer the runtime; a runtime that has ended in the meantime is noticed at the next receive."""
        lines = [f"HTTP/1.1 {status} {http.client.responses[status]}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        head = "\r\n".join([*lines, "", ""]).encode()
        try:
            self.connection.socket.sendall(head + body)
        except (BrokenPipeError, ConnectionResetError):
            return


@dataclass(frozen=True, slots=True)
class _Connection:
    socket: socket.socket
    stream: BinaryIO

    def close(self) -> None:
        self.stream.close()
        self.socket.close()


class RuntimeApi:
    """Listens on a loopback port of its own until closed."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, None)

    @property
    def address(self) -> str:
        """For AWS_LAMBDA_RUNTIME_API."""
        host, port = self._listener.getsockname()
        return f"{host}:{port}"

    def receive(self, deadline: float, is_alive: Callable[[], bool]) -> RuntimeRequest:
        """The runtime's next request. ``deadline`` is a monotonic time; raises TimeoutError or RuntimeGone."""
        while True:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError
            alive = is_alive()  # asked first: what a runtime sent before it ended still counts
            for key, _ in self._selector.select(min(remaining, _LOOK_AT_PROCESS_EVERY_SECONDS)):
                if key.data is None:
                    self._accept()
                elif request := self._read(key.data, deadline):
                    return request
            if not alive and not self._selector.select(0):
                raise RuntimeGone

    def close(self) -> None:
        for key in list(self._selector.get_map().values()):
            if key.data is not None:
                key.data.close()
        self._selector.close()
        self._listener.close()

    def _accept(self) -> None:
        accepted, _ = self._listener.accept()
        # Without this each answer waits for the runtime's delayed acknowledgement: 40 ms per invocation.
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(accepted, accepted.makefile("rb"))
        self._selector.register(accepted, selectors.EVENT_READ, connection)

    def _read(self, connection: _Connection, deadline: float) -> RuntimeRequest | None:
        """The request on a readable connection; None, and the connection dropped, if the runtime closed it."""
        connection.socket.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            first = connection.stream.readline()
            if first:
                _, path, _ = first.decode("latin-1").split(" ", 2)
                headers = http.client.parse_headers(connection.stream)
                body = _read_exactly(connection.stream, int(headers.get("Content-Length", 0)))
                return RuntimeRequest(path, headers, body, connection)
        except ConnectionResetError:
            pass
        self._selector.unregister(connection.socket)
        connection.close()
        return None


def _read_exactly(stream: BinaryIO, size: int) -> bytes:
    pieces = bytearray()
    while len(pieces) < size:
        piece = stream.read(size - len(pieces))
        if not piece:
            raise ConnectionResetError("the runtime closed its connection within a request")
        pieces += piece
    return bytes(pieces)
