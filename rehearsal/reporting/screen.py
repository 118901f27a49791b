"""The story on a terminal, live: groups of steps, the traffic per variant, elapsed time."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from rehearsal.drivers.progress import Outcome, Progress, Step
from rehearsal.drivers.traffic import Sent
from rehearsal.reporting.healing import Healing

WINDOW_SECONDS = 5
BUDGET_SECONDS = 180.0


class Screen:
    """A live view on a terminal; on anything else each step is a line when it begins and when it ends."""

    def __init__(self, progress: Progress, sent: Callable[[], list[Sent]], console: Console) -> None:
        self._progress = progress
        self._sent = sent
        self._console = console
        self._live = Live(
            get_renderable=self.render, console=console, refresh_per_second=4, transient=True, vertical_overflow="crop"
        )
        self._spinners: dict[int, Spinner] = {}

    def __enter__(self) -> Screen:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._console.is_terminal:
            self._live.stop()
            self._console.print(self._story())

    def render(self) -> Group:
        bar = ProgressBar(total=BUDGET_SECONDS, completed=min(self._progress.elapsed(), BUDGET_SECONDS), width=40)
        clock = Text(f"{self._progress.elapsed():5.0f} s ", style="bold")
        head = Table.grid(padding=(0, 1))
        head.add_row(Text("Sluice rehearsal", style="bold cyan"), clock, bar)
        return Group(head, self._story(), self._traffic())

    def _story(self) -> Table:
        table = Table.grid(padding=(0, 1))
        for group in self._progress.groups():
            table.add_row("", Text(group.title, style="bold"))
            for step in group.steps:
                table.add_row(self._mark(step), _line(step))
        return table

    def _mark(self, step: Step) -> Text | Spinner:
        if step.ended is None:
            return self._spinners.setdefault(id(step), Spinner("dots"))
        return Text("✗", style="red") if step.failed else Text("✓", style="green")

    def _traffic(self) -> Panel:
        now = time.time()
        sent = self._sent()
        recent = [each for each in sent if each.at >= now - WINDOW_SECONDS]
        table = Table.grid(padding=(0, 2))
        table.add_row("variant", "share", "", "requests", "failed", "p95 ms", style="dim")
        totals = Counter(each.variant for each in sent)
        for variant in sorted(totals):
            table.add_row(*_variant_row(variant, sent, recent))
        failed = sum(each.failed for each in sent)
        title = f"client: {len(sent)} requests, {failed} failed"
        return Panel(table, title=title, title_align="left", border_style="red" if failed else "green", width=78)


def announce(console: Console, who: str = "") -> Callable[[Step], None]:
    """Lines for a log, when the output is no terminal; ``who`` begins each, if several speak."""
    speaker = f"{who}: " if who else ""

    def announce_step(step: Step) -> None:
        if console.is_terminal:
            return
        if step.ended is None:
            console.print(f"… {speaker}{step.text}", highlight=False)
        else:
            mark = "✗" if step.failed else "✓"
            console.print(f"{mark} {speaker}{_line(step).plain}", highlight=False)

    return announce_step


def outcome_table(outcomes: list[Outcome], title: str = "Outcomes") -> Table:
    table = Table(title=title, title_justify="left", show_lines=True)
    for name in ("", "what", "wanted", "seen"):
        table.add_column(name)
    for each in outcomes:
        mark = Text("✓", style="green") if each.right else Text("✗", style="bold red")
        table.add_row(mark, each.what, each.wanted, each.seen)
    return table


def healing_lines(healing: Healing | None) -> list[str]:
    if healing is None:
        return ["No alarm rang first: the judge stopped the bad version, so there is no alarm path to measure."]
    parts = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in healing.parts())
    return [f"From the first breaching datapoint to the weights restored: {healing.total:.2f} s ({parts})"]


def _line(step: Step) -> Text:
    ended = step.ended if step.ended is not None else time.time()
    line = Text(f"{step.text}  ")
    line.append(f"{ended - step.started:.1f} s", style="dim")
    if step.note:
        line.append(f"  {step.note}", style="dim")
    return line


def _variant_row(variant: str, sent: list[Sent], recent: list[Sent]) -> tuple[Text | ProgressBar | str, ...]:
    ours = [each for each in sent if each.variant == variant]
    now = [each for each in recent if each.variant == variant]
    share = len(now) / len(recent) if recent else 0.0
    failed = sum(each.failed for each in ours)
    return (
        Text(variant, style="bold"),
        f"{share:4.0%}",
        ProgressBar(total=1.0, completed=share, width=24),
        str(len(ours)),
        Text(str(failed), style="red" if failed else ""),
        f"{percentile([each.latency_ms for each in now], 0.95):.0f}" if now else "",
    )


def percentile(values: list[float], share: float) -> float:
    """The nearest-rank percentile; 0.0 without values."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0
