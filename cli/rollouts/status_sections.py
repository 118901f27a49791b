"""What ``sluice status MODEL`` shows on how many lines: looks folded, and nothing cut without saying so. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any

ScreenRow = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenSection:
    """A table of the screen. It keeps its first rows where there is no room for all, so the newest stand first."""

    title: str
    head: ScreenRow = ()
    rows: tuple[ScreenRow, ...]
    total: int
    """How many rows there are, of which ``rows`` may be the first."""
    more: str = ""
    """The command that shows the rest."""
    least: int = 1
    """So many rows, if there are as many, or none."""

    @property
    def lines(self) -> int:
        """The lines that it takes as a table."""
        return 1 + bool(self.head) + len(self.rows)

    @property
    def shown_title(self) -> str:
        """With what is cut, if anything is."""
        left = self.total - len(self.rows)
        return f"{self.title} ({left} more: {self.more})" if left and self.more else self.title


def section(
    title: str, rows: Sequence[ScreenRow], *, head: ScreenRow = (), more: str = "", total: int = 0, least: int = 1
) -> ScreenSection:
    """A section with these rows, of ``total`` if that is more."""
    least = min(least, len(rows))
    return ScreenSection(title=title, head=head, rows=tuple(rows), total=max(total, len(rows)), more=more, least=least)


def fit(sections: Sequence[ScreenSection], lines: int) -> tuple[list[ScreenSection], str]:
    """The sections as they fit into ``lines``, and a line on those that do not fit at all; empty if all do.

    Each gets its title and its least rows before any gets more; then the first ones get what they have.
    """
    least = [each.lines - len(each.rows) + each.least for each in sections]
    shown = len(sections)
    while shown and sum(least[:shown]) + (shown < len(sections)) > lines:
        shown -= 1
    spare = lines - sum(least[:shown]) - (shown < len(sections))
    fitted = []
    for each in sections[:shown]:
        rows = min(len(each.rows), each.least + max(spare, 0))
        spare -= rows - each.least
        fitted.append(replace(each, rows=each.rows[:rows]))
    left = [f"{each.title}, {each.more}" if each.more else each.title for each in sections[shown:]]
    return fitted, f"Not shown: {'; '.join(left)}" if left else ""


def folded_history(history: Sequence[Mapping[str, Any]], clock: Callable[[datetime], str]) -> list[ScreenRow]:
    """The lines of a history, the newest first; looks with the same decision for the same reason are one line.

    ``history``: ordered oldest first, as it is stored.
    """
    rows: list[ScreenRow] = []
    for key, group in groupby(reversed(history), key=_decision):
        lines = list(group)
        newest, oldest = (datetime.fromisoformat(lines[at]["at"]) for at in (0, -1))
        text = str(lines[0]["text"])
        if key and len(lines) > 1:
            rows.append((clock(newest), f"{len(lines)} looks since {clock(oldest)}: {_gist(text)}"))
        else:
            rows.extend((clock(datetime.fromisoformat(line["at"])), str(line["text"])) for line in lines)
    return rows


def _decision(line: Mapping[str, Any]) -> tuple[str, ...]:
    """What makes looks the same: stage, action and reason, without its numbers; nothing for any other line."""
    if "findings" not in line["data"]:
        return ()
    return (str(line["data"].get("stage")), _gist(str(line["text"])))


def _gist(text: str) -> str:
    """What a look says, without the numbers behind the first semicolon, which are new each time."""
    return text.partition(";")[0]


def loud_first(findings: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Findings with those first that decide something; those that abstain without numbers come last."""
    yield from sorted(findings, key=lambda each: (each["answer"] == "ABSTAIN", "harm" not in each["numbers"]))
