"""Reads the lists beside the Makefile: names, a line each; ``#`` starts a comment."""

from __future__ import annotations

from collections.abc import Iterator


def lines_of(text: str) -> Iterator[str]:
    """The lines that say something, without their comments."""
    for line in text.splitlines():
        said = line.split("#")[0].strip()
        if said:
            yield said
