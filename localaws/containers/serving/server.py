"""The container's HTTP side: GET /ping, GET /execution-parameters, POST /invocations."""

import os
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .contract import App, InferenceRequest, Reply

INTERNAL_ERROR = Reply.text(500, "Internal Server Error")
GATEWAY_TIMEOUT = Reply(504, b"<html><head><title>504 Gateway Time-out</title></head></html>", "text/html")

_REQUESTS_MAX = 1000  # at the same time, those counted that were given up


def answer_seconds(environment: Mapping[str, str]) -> int:
    """How long the image's web server lets a request take; raises ValueError for a value it could not start with.

    ``SAGEMAKER_MODEL_SERVER_TIMEOUT``, 60 unless set: in the image it becomes gunicorn's ``--timeout`` and nginx's
    ``proxy_read_timeout`` (aws/sagemaker-xgboost-container, sagemaker_containers_patch/server.py).
    """
    given = environment.get("SAGEMAKER_MODEL_SERVER_TIMEOUT", "60")
    if not given.isdecimal() or int(given) < 1:
        raise ValueError(f"SAGEMAKER_MODEL_SERVER_TIMEOUT: expected whole seconds from 1, got {given!r}")
    return int(given)


def answer_within(seconds: float, answer: Callable[[], Reply], threads: Executor) -> Reply:
    """The answer, or nginx's 504 once ``seconds`` have passed; the thread goes on with what nobody waits for."""
    future = threads.submit(answer)
    done, _ = wait([future], seconds)
    return future.result() if done else GATEWAY_TIMEOUT


def serve(app: App, *, port: int, port_file: Path | None, seconds: float) -> None:
    """Serve forever on 127.0.0.1, each request for ``seconds`` at most.

    Loading is left to the first /ping, as in the image.
    """
    with Server(app, port, seconds) as server:
        if port_file:
            draft = port_file.with_suffix(".draft")
            draft.write_text(str(server.server_port))
            os.replace(draft, port_file)  # whoever sees the file sees the whole number
        server.serve_forever()


class Server(ThreadingHTTPServer):
    """A thread per kept-alive connection; SageMaker opens as many as it has requests under way."""

    request_queue_size = 128
    daemon_threads = True

    def __init__(self, app: App, port: int, seconds: float) -> None:
        self.app = app
        self.seconds = seconds
        self.threads = ThreadPoolExecutor(_REQUESTS_MAX, thread_name_prefix="invocation")
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
        request = InferenceRequest(body, self.headers.get("Content-Type"), self.headers.get("Accept"))
        return answer_within(self.server.seconds, lambda: self._answered(request), self.server.threads)

    def _answered(self, request: InferenceRequest) -> Reply:
        try:
            return self.server.app.invoke(request)
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
