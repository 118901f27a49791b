"""A live table of several scenes on a terminal: current step, duration and outcomes of each."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from rehearsal.drivers.progress import Progress, Step


class Board:
    """A live table on a terminal; on anything else nothing, as each scene announces its steps itself."""

    def __init__(self, progresses: Mapping[str, Progress], console: Console) -> None:
        self._progresses = progresses
        self._console = console
        self._live = Live(get_renderable=self.render, console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Board:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def render(self) -> Table:
        table = Table(title="Sluice rehearsal: scenes", title_justify="left", expand=True)
        table.add_column("scene", no_wrap=True)
        table.add_column("at", ratio=1, no_wrap=True)
        table.add_column("outcomes", no_wrap=True)
        for name, progress in self._progresses.items():
            steps = [step for group in progress.groups() for step in group.steps]
            table.add_row(name, _at(steps), _outcomes(progress))
        return table


def _at(steps: list[Step]) -> str:
    if not steps:
        return ""
    under_way = next((step for step in reversed(steps) if step.ended is None), steps[-1])
    return under_way.text if under_way.ended is None else f"{under_way.text}: {under_way.note or 'done'}"


def _outcomes(progress: Progress) -> Text:
    marks = Text()
    for each in progress.outcomes():
        marks.append("✓" if each.right else "✗", style="green" if each.right else "bold red")
    return marks
