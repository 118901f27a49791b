"""The interface between the HTTP server and the two modes of the image."""

from dataclasses import dataclass
from typing import Protocol

CSV = "text/csv"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer of the container."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"

    @classmethod
    def text(cls, status: int, text: str) -> "Reply":
        return cls(status, text.encode())


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """One POST to /invocations; absent headers are None."""

    body: bytes
    content_type: str | None
    accept: str | None


class App(Protocol):
    """Loads a model and answers requests with it; called from many threads."""

    def load(self) -> None:
        """Make the model ready; raises whatever prevents it. Does nothing once it succeeded."""

    def invoke(self, request: InferenceRequest) -> Reply:
        """Answer one request; what it raises becomes a 500."""

    def execution_parameters(self) -> Reply:
        """What batch transform asks for before it sends work."""


def media_type(header: str) -> str:
    """``text/csv; charset=utf-8`` → ``text/csv``."""
    return header.partition(";")[0].strip().lower()
