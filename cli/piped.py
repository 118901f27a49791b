"""Standard output whose reader may leave, as ``head`` does once it has seen enough: the work is done all the same."""

from __future__ import annotations

from typing import TextIO


class PipedStream:
    """Writes to ``stream`` until its reader is gone, and drops the rest: no command is cut short."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.is_closed = False

    def write(self, text: str) -> int:
        if not self.is_closed:
            try:
                self._stream.write(text)
            except BrokenPipeError:
                self.is_closed = True
        return len(text)

    def flush(self) -> None:
        if not self.is_closed:
            try:
                self._stream.flush()
            except BrokenPipeError:
                self.is_closed = True

    def isatty(self) -> bool:
        return self._stream.isatty()

    @property
    def encoding(self) -> str:
        return self._stream.encoding

    def fileno(self) -> int:
        return self._stream.fileno()
