"""One instance of a variant: a process that implements the container's HTTP contract."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import IO

from localaws.context import Child

PING_TIMEOUT_SECONDS = 2.0  # SageMaker's


class RetiredError(Exception):
    """The instance takes no new requests; route again."""


class UnreachableError(Exception):
    """No HTTP answer: the process is gone or never listened."""


class SlowError(Exception):
    """No answer within the time allowed."""


@dataclass(frozen=True, slots=True)
class ContainerResponse:
    """What the container answered to one request."""

    status: int
    body: bytes
    headers: Mapping[str, str]  # names in lower case


class Container:
    """Keeps connections open between requests, and knows how many requests are under way."""

    def __init__(self, child: Child, home: Path) -> None:
        self.home = home
        self._child = child
        self._port: int | None = None
        self._idle: deque[HTTPConnection] = deque()  # append and pop are atomic
        self._changed = threading.Condition()
        self._under_way = 0
        self._retired = False

    @property
    def is_running(self) -> bool:
        return self._child.poll() is None

    @property
    def pid(self) -> int:
        return self._child.pid

    def is_healthy(self) -> bool:
        """Whether GET /ping is answered 200 within two seconds."""
        try:
            return self._exchange("GET", "/ping", None, {}, PING_TIMEOUT_SECONDS).status == 200
        except (UnreachableError, SlowError):
            return False

    def invoke(self, body: bytes | IO[bytes], headers: Mapping[str, str], timeout_seconds: float) -> ContainerResponse:
        """POST /invocations; raises RetiredError, UnreachableError or SlowError.

        A file is sent as it is read; ``headers`` must have its Content-Length.
        """
        with self._counted():
            return self._exchange("POST", "/invocations", body, headers, timeout_seconds)

    def get(self, path: str) -> ContainerResponse:
        """GET a path of the container; raises UnreachableError or SlowError."""
        return self._exchange("GET", path, None, {}, PING_TIMEOUT_SECONDS)

    def retire(self, drain_seconds: float) -> None:
        """Refuse new requests, let those under way finish, then stop the process."""
        with self._changed:
            self._retired = True
            self._changed.wait_for(lambda: self._under_way == 0, drain_seconds)
        self.stop()

    def stop(self) -> None:
        """Stop the process, whatever is under way."""
        self._child.stop()
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._changed:
            if self._retired:
                raise RetiredError
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                if not self._under_way:
                    self._changed.notify_all()

    def _exchange(
        self, method: str, path: str, body: bytes | IO[bytes] | None, headers: Mapping[str, str], timeout_seconds: float
    ) -> ContainerResponse:
        connection = self._connection(timeout_seconds)
        try:
            connection.request(method, path, body, dict(headers))
            response: HTTPResponse = connection.getresponse()
            answer = ContainerResponse(
                response.status,
                response.read(),
                {name.lower(): value for name, value in response.getheaders()},
            )
        except TimeoutError as error:
            connection.close()
            raise SlowError(f"no answer within {timeout_seconds} s") from error
        except (OSError, HTTPException) as error:
            connection.close()
            raise UnreachableError(str(error) or type(error).__name__) from error
        self._idle.append(connection)
        return answer

    def _connection(self, timeout_seconds: float) -> HTTPConnection:
        try:
            connection = self._idle.pop()
        except IndexError:
            return HTTPConnection("127.0.0.1", self._listening_port(), timeout=timeout_seconds)
        if connection.sock is not None:
            connection.sock.settimeout(timeout_seconds)
        connection.timeout = timeout_seconds  # for the case that it has to reconnect
        return connection

    def _listening_port(self) -> int:
        if self._port is None:
            try:
                self._port = int(port_file(self.home).read_text())
            except FileNotFoundError:
                raise UnreachableError("not listening yet") from None
        return self._port


def port_file(home: Path) -> Path:
    """Where a container announces the port it chose, so that no two can want the same one."""
    return home / "port"
