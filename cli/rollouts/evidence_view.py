"""Shows the findings of an analysis, with the evidence that the judge has so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import exp
from typing import Any

from cli.rollouts.status_sections import loud_first

HEAD = ("evidence", "says", "of harm", "of safety", "new / old", "to go", "because")


def newest_analysis(history: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The last analysis in a history, which is ordered oldest first; None if there is none yet."""
    analyses = (line for line in reversed(history) if "findings" in line["data"])
    return next(analyses, None)


def evidence_rows(analysis: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The findings of one analysis, a row each under ``HEAD``, those that decide something first."""
    return [_row(finding) for finding in loud_first(analysis["data"]["findings"])]


def evidence_lines(line: Mapping[str, Any]) -> Iterator[str]:
    """The findings of one line of a history in short, such as ``errors HOLD, harm 1.2 of 31, safety 4 of 20``."""
    for finding in line["data"].get("findings", ()):
        numbers = finding["numbers"]
        parts = [f"{finding['name']} {finding['answer']}"]
        if "harm" in numbers:
            parts += [f"harm {_odds(numbers, 'harm')}", f"safety {_odds(numbers, 'safe')}"]
        if numbers.get("requests_needed"):
            parts.append(f"about {numbers['requests_needed']:,} more requests needed")
        yield ", ".join(parts)


def _row(finding: Mapping[str, Any]) -> tuple[str, ...]:
    numbers = finding["numbers"]
    judged = "harm" in numbers
    requests, needed = numbers.get("requests"), numbers.get("requests_needed")
    return (
        str(finding["name"]),
        str(finding["answer"]),
        _odds(numbers, "harm") if judged else "",
        _odds(numbers, "safe") if judged else "",
        " / ".join(f"{count:,}" for count in requests) if requests else "",
        f"about {needed:,}" if needed else "",
        str(finding["reason"]).partition(";")[0],
    )


def _odds(numbers: Mapping[str, Any], what: str) -> str:
    """Evidence and what proves it, as odds: ``4.1 of 20``."""
    held, needed = (_readable(exp(min(numbers[key], 700.0))) for key in (what, f"{what}_needed"))
    return f"{held} of {needed}"


def _readable(odds: float) -> str:
    """Two digits are enough, and nobody reads more than a million."""
    return "over 1,000,000" if odds > 1e6 else f"{odds:.2g}" if odds < 10 else f"{odds:,.0f}"
