"""What the command shows: rich on a terminal, plain text in a pipe, one JSON document for scripts."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol, TextIO

from sluice.data_contract.contract import printable

Cells = Sequence[str]

_STYLES = {
    **dict.fromkeys(("Succeeded", "Approved", "InService", "promoted", "ready"), "green"),
    **dict.fromkeys(("Failed", "Rejected", "Stopped", "rolled_back", "failed", "parked"), "red"),
    **dict.fromkeys(("Executing", "Updating", "Creating", "PendingManualApproval", "waiting", "submitted"), "yellow"),
}


class Output(Protocol):
    """Where a command shows what it found and did."""

    def text(self, line: str) -> None:
        """A line for people."""

    def table(self, title: str, head: Cells, rows: Sequence[Cells]) -> None:
        """A table for people; nothing but a remark when it has no rows."""

    def result(self, document: Mapping[str, Any]) -> None:
        """The same, for programs."""

    def watch(self, draw: Callable[[], int | None], pause: Callable[[], None]) -> int:
        """Draw again and again until that returns an exit code, which is returned, or until interrupted."""

    def progress(self, title: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Shows progress: how many of ``total`` are done, at each update."""


def choose(stream: TextIO, wanted: str) -> Output:
    """The output for ``--output`` and for what the stream is connected to."""
    if wanted == "json":
        return JsonOutput(stream)
    return RichOutput(stream) if stream.isatty() else PlainOutput(stream)


_CONTROLS = re.compile("[\x7f-\x9f]")
"""Control characters that JSON does not escape; U+009B begins an escape sequence, too."""


def lines_of(text: str) -> str:
    """The same lines without characters that steer a terminal: a text may hold the name of a file or what AWS said."""
    return "\n".join(map(printable, text.split("\n")))


class PlainOutput:
    """Lines and aligned columns, good for logs and pipes."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout

    def text(self, line: str) -> None:
        print(lines_of(line), file=self._stream, flush=True)

    def table(self, title: str, head: Cells, rows: Sequence[Cells]) -> None:
        self.text(f"{title}: none" if not rows else title)
        lines = [head, *rows] if rows else []
        widths = [max(len(line[column]) for line in lines) for column in range(len(head))] if rows else []
        for line in lines:
            cells = (printable(cell).ljust(width) for cell, width in zip(line, widths, strict=True))
            self.text(("  " + "  ".join(cells)).rstrip())

    def result(self, document: Mapping[str, Any]) -> None:
        """People have read it already."""

    def watch(self, draw: Callable[[], int | None], pause: Callable[[], None]) -> int:
        while (ended := draw()) is None:
            self.text("")
            pause()
        return ended

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        shown: list[int] = []

        def show(done: int) -> None:
            if [done] != shown:
                shown[:] = [done]
                self.text(f"{title}: {done} of {total}")

        yield show


class JsonOutput:
    """One JSON document a command (a line each while watching), and nothing else."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def text(self, line: str) -> None:
        """For people only."""

    def table(self, title: str, head: Cells, rows: Sequence[Cells]) -> None:
        """For people only."""

    def result(self, document: Mapping[str, Any]) -> None:
        text = json.dumps(document, default=str, ensure_ascii=False)
        print(_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text), file=self._stream, flush=True)

    def watch(self, draw: Callable[[], int | None], pause: Callable[[], None]) -> int:
        while (ended := draw()) is None:
            pause()
        return ended

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Callable[[int], None]]:  # noqa: ARG002 - for people only
        yield lambda _done: None


class RichOutput:
    """Colours and boxes, redrawn in place while watching."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        self._console = Console(file=stream, highlight=False)
        self._frame: list[Any] | None = None

    def text(self, line: str) -> None:
        from rich.markup import escape

        self._show(escape(lines_of(line)))

    def table(self, title: str, head: Cells, rows: Sequence[Cells]) -> None:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        if not rows:
            self.text(f"{title}: none")
            return
        table = Table(title=Text(title, style="bold"), title_justify="left", header_style="dim", box=SIMPLE_HEAD)
        for name in head:
            table.add_column(name, overflow="fold")
        for row in rows:
            table.add_row(*(Text(printable(cell), style=_STYLES.get(cell, "")) for cell in row))
        self._show(table)

    def result(self, document: Mapping[str, Any]) -> None:
        """People have read it already."""

    def watch(self, draw: Callable[[], int | None], pause: Callable[[], None]) -> int:
        from rich.console import Group
        from rich.live import Live

        with Live(console=self._console, auto_refresh=False, vertical_overflow="crop") as live:
            while True:
                with self._framed() as frame:
                    ended = draw()
                live.update(Group(*frame), refresh=True)
                if ended is not None:
                    return ended
                pause()

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console) as bar:
            task = bar.add_task(title, total=total)
            yield lambda done: bar.update(task, completed=done)

    @contextmanager
    def _framed(self) -> Iterator[list[Any]]:
        self._frame = []
        try:
            yield self._frame
        finally:
            self._frame = None

    def _show(self, what: Any) -> None:
        if self._frame is None:
            self._console.print(what, soft_wrap=isinstance(what, str))
        else:
            self._frame.append(what)
