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

    @property
    def screen(self) -> tuple[int, int] | None:
        """Columns and lines of the terminal; None where there is none, and so no limit."""

    def text(self, line: str) -> None:
        """A line for people."""

    def table(self, title: str, head: Cells, rows: Sequence[Cells], *, brief: bool = False) -> None:
        """A table for people; nothing but a remark when it has no rows. ``head`` may be empty.

        ``brief``: one line a row and none between, on a terminal cut with … where it is too narrow.
        """

    def result(self, document: Mapping[str, Any]) -> None:
        """The same, for programs."""

    def watch(self, draw: Callable[[], int | None], pause: Callable[[], None]) -> int:
        """Draw again and again until that returns an exit code, which is returned, or until interrupted.

        On a terminal in place; elsewhere only the lines, or the document, that were not there the last time.
        """

    def progress(self, title: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Shows progress: how many of ``total`` are done, at each update."""


def choose(stream: TextIO, wanted: str) -> Output:
    """The output for ``--output`` and for what the stream is connected to."""
    if wanted == "json":
        return JsonOutput(stream)
    return RichOutput(stream) if stream.isatty() else PlainOutput(stream)


_GAP = 2
_LEAST_PROSE = 8
"""Between the columns of a brief table, and what is left of its last one before others are cut."""

_CONTROLS = re.compile("[\x7f-\x9f]")
"""Control characters that JSON does not escape; U+009B begins an escape sequence, too."""


def _brief_widths(rows: Sequence[Cells], room: int) -> list[int]:
    """How wide each column is on a terminal with ``room`` columns left.

    What gives way first is the last one, which has the prose, then whichever is the widest; the first, which has the
    name that people type, never does.
    """
    from rich.cells import cell_len

    widths = [max(1, *(cell_len(printable(cell)) for cell in column)) for column in zip(*rows, strict=True)]
    excess = sum(widths) + _GAP * (len(widths) - 1) - room
    if excess > 0 and len(widths) > 1:
        given = min(excess, max(0, widths[-1] - _LEAST_PROSE))
        widths[-1] -= given
        for _ in range(excess - given):
            widest = max(range(1, len(widths)), key=widths.__getitem__)
            widths[widest] = max(1, widths[widest] - 1)
    return widths


def lines_of(text: str) -> str:
    """The same lines without characters that steer a terminal: a text may hold the name of a file or what AWS said."""
    return "\n".join(map(printable, text.split("\n")))


class PlainOutput:
    """Lines and aligned columns, good for logs and pipes."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout

        self._frame: list[str] | None = None

    @property
    def screen(self) -> tuple[int, int] | None:
        return None

    def text(self, line: str) -> None:
        if self._frame is None:
            print(lines_of(line), file=self._stream, flush=True)
        else:
            self._frame.append(line)

    def table(self, title: str, head: Cells, rows: Sequence[Cells], *, brief: bool = False) -> None:  # noqa: ARG002
        self.text(f"{title}: none" if not rows else title)
        lines = [*([head] if head else []), *rows] if rows else []
        widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))] if rows else []
        for line in lines:
            cells = (printable(cell).ljust(width) for cell, width in zip(line, widths, strict=True))
            self.text(("  " + "  ".join(cells)).rstrip())

    def result(self, document: Mapping[str, Any]) -> None:
        """People have read it already."""

    def watch(self, draw: Callable[[], int | None], pause: Callable[[], None]) -> int:
        before: set[str] = set()
        while True:
            frame: list[str] = []
            self._frame = frame
            try:
                ended = draw()
            finally:
                self._frame = None
            known = {" ".join(line.split()) for line in frame}
            for line in frame:
                if " ".join(line.split()) not in before:
                    self.text(line)
            before = known
            if ended is not None:
                return ended
            pause()

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
        self._watched: str | None = None

    @property
    def screen(self) -> tuple[int, int] | None:
        return None

    def text(self, line: str) -> None:
        """For people only."""

    def table(self, title: str, head: Cells, rows: Sequence[Cells], *, brief: bool = False) -> None:
        """For people only."""

    def result(self, document: Mapping[str, Any]) -> None:
        written = json.dumps(document, default=str, ensure_ascii=False)
        text = _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", written)
        if text != self._watched:
            print(text, file=self._stream, flush=True)
        if self._watched is not None:
            self._watched = text

    def watch(self, draw: Callable[[], int | None], pause: Callable[[], None]) -> int:
        self._watched = ""
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

    @property
    def screen(self) -> tuple[int, int] | None:
        return self._console.width, self._console.height

    def table(self, title: str, head: Cells, rows: Sequence[Cells], *, brief: bool = False) -> None:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        if not rows:
            self.text(f"{title}: none")
            return
        if brief:
            self._show_brief(title, head, rows)
            return
        table = Table(title=Text(title, style="bold"), title_justify="left", header_style="dim", box=SIMPLE_HEAD)
        for name in head:
            table.add_column(name, overflow="fold")
        for row in rows:
            table.add_row(*(Text(printable(cell), style=_STYLES.get(cell, "")) for cell in row))
        self._show(table)

    def _show_brief(self, title: str, head: Cells, rows: Sequence[Cells]) -> None:
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        self._show(Text(title, style="bold", no_wrap=True, overflow="ellipsis"))
        table = Table(box=None, show_header=bool(head), header_style="dim", padding=(0, 2, 0, 0), pad_edge=False)
        widths = _brief_widths([head, *rows] if head else rows, self._console.width - 2)
        for column in range(len(widths)):
            name = Text(head[column] if head else "", no_wrap=True, overflow="ellipsis")
            table.add_column(name, width=widths[column], no_wrap=True, overflow="ellipsis")
        for row in rows:
            cells = (
                Text(printable(cell), style=_STYLES.get(cell, ""), no_wrap=True, overflow="ellipsis") for cell in row
            )
            table.add_row(*cells)
        self._show(Padding(table, (0, 0, 0, 2)))

    def result(self, document: Mapping[str, Any]) -> None:
        """People have read it already."""

    def watch(self, draw: Callable[[], int | None], pause: Callable[[], None]) -> int:
        from rich.console import Group
        from rich.live import Live

        with Live(console=self._console, auto_refresh=False, vertical_overflow="crop") as live:
            while True:
                with self._framed() as frame:
                    ended = draw()
                live.update(self._cropped(Group(*frame)), refresh=True)
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

    def _cropped(self, frame: Any) -> Any:
        """What fits on the screen, and how much does not."""
        from rich.segment import Segment, Segments

        lines = self._console.render_lines(frame, pad=False)
        most = max(self._console.height - 1, 2)
        if len(lines) <= most:
            return frame
        cut = f"… {len(lines) - most + 1} more lines: without --watch all are shown"
        kept = [*lines[: most - 1], [Segment(cut[: self._console.width])]]
        return Segments([segment for line in kept for segment in (*line, Segment.line())][:-1])

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
