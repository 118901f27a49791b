"""The rules of composite alarms, such as ``ALARM("a") AND NOT (OK(b) OR ALARM(c))``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from localaws.services.cloudwatch.alarms.alarm import State

StateOf = Callable[[str], State | None]  # by name or ARN

_TOKEN = re.compile(
    r"""\s*(?:(?P<state>ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:"(?P<quoted>[^"]+)"|(?P<plain>[^\s()"]+))\s*\)
        |(?P<word>AND|OR|NOT|TRUE|FALSE)\b
        |(?P<bracket>[()]))""",
    re.VERBOSE,
)


class RuleError(Exception):
    """An alarm rule that cannot be read."""


@dataclass(frozen=True, slots=True)
class Constant:
    value: bool

    def holds(self, _state_of: StateOf) -> bool:
        return self.value


@dataclass(frozen=True, slots=True)
class InState:
    state: State
    alarm: str  # name or ARN

    def holds(self, state_of: StateOf) -> bool:
        return state_of(self.alarm) is self.state


@dataclass(frozen=True, slots=True)
class Not:
    inner: AlarmExpression

    def holds(self, state_of: StateOf) -> bool:
        return not self.inner.holds(state_of)


@dataclass(frozen=True, slots=True)
class Both:
    left: AlarmExpression
    right: AlarmExpression

    def holds(self, state_of: StateOf) -> bool:
        return self.left.holds(state_of) and self.right.holds(state_of)


@dataclass(frozen=True, slots=True)
class Either:
    left: AlarmExpression
    right: AlarmExpression

    def holds(self, state_of: StateOf) -> bool:
        return self.left.holds(state_of) or self.right.holds(state_of)


AlarmExpression = Constant | InState | Not | Both | Either


def parse_rule(rule: str) -> AlarmExpression:
    """Read an alarm rule; NOT binds before AND, AND before OR. RuleError if it is none."""
    reader = _RuleReader(list(_tokens(rule)))
    condition = reader.either()
    if reader.left:
        raise RuleError(f"unexpected {reader.left[0]}")
    return condition


def children(condition: AlarmExpression) -> Iterator[str]:
    """The names or ARNs a rule mentions."""
    match condition:
        case InState(_, alarm):
            yield alarm
        case Not(inner):
            yield from children(inner)
        case Both(left, right) | Either(left, right):
            yield from children(left)
            yield from children(right)


def _tokens(rule: str) -> Iterator[str | InState]:
    position, text = 0, rule.rstrip()
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise RuleError(f"cannot read the rule from {text[position:][:20]!r}")
        position = found.end()
        if found["state"]:
            yield InState(State(found["state"]), found["quoted"] or found["plain"])
        else:
            yield found["word"] or found["bracket"]


class _RuleReader:
    """Recursive descent over the tokens left."""

    def __init__(self, tokens: list[str | InState]) -> None:
        self.left = tokens

    def either(self) -> AlarmExpression:
        condition = self._both()
        while self.left and self.left[0] == "OR":
            self.left.pop(0)
            condition = Either(condition, self._both())
        return condition

    def _both(self) -> AlarmExpression:
        condition = self._single()
        while self.left and self.left[0] == "AND":
            self.left.pop(0)
            condition = Both(condition, self._single())
        return condition

    def _single(self) -> AlarmExpression:
        if not self.left:
            raise RuleError("the rule ends too early")
        word = self.left.pop(0)
        if isinstance(word, InState):
            return word
        if word in ("TRUE", "FALSE"):
            return Constant(word == "TRUE")
        if word == "NOT":
            return Not(self._single())
        if word == "(":
            condition = self.either()
            if not self.left or self.left.pop(0) != ")":
                raise RuleError("a bracket is not closed")
            return condition
        raise RuleError(f"unexpected {word}")
