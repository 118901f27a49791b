"""A statement about AWS that can be checked, and what a check saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from conformance.account import Account


class Verdict(Enum):
    """What a check says of its statement."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    OPEN = "open"  # it could not be told, for the reason given


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The verdict, and what was seen, in a sentence that a report of it can quote."""

    verdict: Verdict
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What the checks of one group cost at most, by the list prices of us-east-1, and how long they take."""

    dollars: float
    minutes: int
    what_for: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One statement. ``check`` may raise what botocore raises: the fact then stays open, with the error."""

    name: str
    statement: str
    matters: str  # what of Sluice depends on it, or what it does because it is not known
    check: Callable[[Account], Observation]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Facts that share what they need, and therefore a bill."""

    name: str
    bill: Bill
    facts: tuple[Fact, ...]


def confirmed_if(holds: bool, seen: str) -> Observation:
    """Confirmed or refuted, for a check that can always tell."""
    return Observation(verdict=Verdict.CONFIRMED if holds else Verdict.REFUTED, seen=seen)


def still_open(why: str) -> Observation:
    """Neither confirmed nor refuted."""
    return Observation(verdict=Verdict.OPEN, seen=why)
