"""The order in which a sweep comes to the models. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def in_turn(models: Sequence[str], last: str) -> list[str]:
    """All models once, beginning with the one after ``last``, which may be gone by now."""
    ordered = sorted(models)
    return [*(each for each in ordered if each > last), *(each for each in ordered if each <= last)]


def in_turn_from(models: Sequence[str], first: str) -> list[str]:
    """All models once, beginning with ``first``, or the one after it if it is gone by now."""
    ordered = sorted(models)
    return [*(each for each in ordered if each >= first), *(each for each in ordered if each < first)]
