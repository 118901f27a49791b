"""The HTTP server in front of the gateway: threaded, with connections kept alive and without Nagle's 40 ms.

werkzeug's own server closes the connection after each answer and waits 10 ms to do so.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
import threading
import weakref
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import IO, Any, cast
from urllib.parse import unquote_to_bytes, urlsplit

from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from werkzeug.serving import DechunkedInput

LOG = logging.getLogger(__name__)

WsgiApp = Callable[[dict[str, Any], Callable[..., object]], Iterable[bytes]]


class HttpServer:
    """Serves a WSGI application on 127.0.0.1 from background threads. Port 0 takes a free one."""

    def __init__(self, app: WsgiApp, port: int) -> None:
        """Bind at once; raises OSError when the port is taken."""
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.app = app
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="http", daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and hang up on every client: nobody may call a local AWS that has ended."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._server.close_connections()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 512
    app: WsgiApp

    def __init__(self, address: tuple[str, int], handler: type[_Handler]) -> None:
        super().__init__(address, handler)
        self._connections: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def close_connections(self) -> None:
        """End the connections that clients keep alive."""
        for connection in list(self._connections):
            with contextlib.suppress(OSError):  # the client was faster
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 (the base class names them)
        """Stay silent when a client hangs up; log anything else."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            LOG.exception("a connection from %s failed", client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024  # head and body leave in one packet

    def _serve(self) -> None:
        body = self._read_body()
        for part in self.server.app(self._environ(body), self._start_response):
            self.wfile.write(part)
        self.wfile.flush()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _serve

    def _read_body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            return DechunkedInput(cast(IO[bytes], self.rfile)).read()
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _start_response(self, status: str, headers: list[tuple[str, str]]) -> None:
        code, _, reason = status.partition(" ")
        self.send_response_only(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def handle_expect_100(self) -> bool:
        """Ask for the body at once: the client sends none before it has read this."""
        self.send_response_only(100)
        self.end_headers()
        self.wfile.flush()
        return True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing per request: the gateway records every call."""

    def _environ(self, body: bytes) -> dict[str, Any]:
        url = urlsplit(self.path if self.path.startswith("http") else "http://local" + self.path)
        environ: dict[str, Any] = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(url.path).decode("latin-1"),
            "QUERY_STRING": url.query,
            "RAW_URI": self.path,
            "REQUEST_URI": self.path,
            "REMOTE_ADDR": self.client_address[0],
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self.server.server_address[1]),
            "SERVER_PROTOCOL": self.request_version,
        }
        self._add_headers(environ)
        environ["CONTENT_LENGTH"] = str(len(body))
        return environ

    def _add_headers(self, environ: dict[str, Any]) -> None:
        original_names = {}
        for name, value in self.headers.items():
            if name.lower() in {"transfer-encoding", "expect"}:
                continue  # dealt with here
            key = environ_key_for_header(name)
            if should_preserve_original_header_name(name):
                original_names[key] = name  # S3 tells the metadata keys a_b and a-b apart
            elif "_" in name:
                continue
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = original_names
