"""The container's HTTP side: GET /ping, GET /execution-parameters, POST /invocations."""

import os
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .contract import App, InferenceRequest, Reply

INTERNAL_ERROR = Reply.text(500, "Internal Server Error")


def serve(app: App, *, port: int, port_file: Path | None) -> None:
    """Serve forever on 127.0.0.1. Loading is left to the first /ping, as in the image."""
    with Server(app, port) as server:
        if port_file:
            draft = port_file.with_suffix(".draft")
            draft.write_text(str(server.server_port))
            os.replace(draft, port_file)  # whoever sees the file sees the whole number
        server.serve_forever()


class Server(ThreadingHTTPServer):
    """A thread per kept-alive connection; SageMaker opens as many as it has requests under way."""

    request_queue_size = 128
    daemon_threads = True

    def __init__(self, app: App, port: int) -> None:
        self.app = app
        super().__init__(("127.0.0.1", port), Handler)


class Handler(BaseHTTPRequestHandler):
    """Logs what went wrong and nothing else."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a reply waits 40 ms for the client's delayed acknowledgement
    wbufsize = -1  # headers and body in one packet
    server: Server

    def do_GET(self) -> None:
        if self.path == "/ping":
            self._answer(self._ping())
        elif self.path == "/execution-parameters":
            self._answer(self.server.app.execution_parameters())
        else:
            self._answer(Reply(404))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/invocations":
            self._answer(self._invoke(body))
        else:
            self._answer(Reply(404))

    def _ping(self) -> Reply:
        try:
            self.server.app.load()
        except Exception:  # whatever the user's code raises means "not healthy", and belongs in the log
            traceback.print_exc()
            return INTERNAL_ERROR
        return Reply(200)

    def _invoke(self, body: bytes) -> Reply:
        try:
            return self.server.app.invoke(
                InferenceRequest(body, self.headers.get("Content-Type"), self.headers.get("Accept"))
            )
        except Exception:  # the user's code failed on this request; the container lives on
            traceback.print_exc()
            return INTERNAL_ERROR

    def _answer(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not logged."""
