"""The conditions of the ``filter`` command of Logs Insights."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

FieldCondition = Callable[[Mapping[str, Any]], bool]  # of the fields of one event

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|/(?P<regex>(?:[^/\\]|\\.)+)/
    |(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?![\w.])
    |(?P<operator>!=|<=|>=|=~|=|<|>)|(?P<punctuation>[()\[\],])|(?P<name>@?[A-Za-z_][\w.]*|`[^`]+`))""",
    re.VERBOSE,
)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_PRESENCE = frozenset({"ispresent"})


class QueryError(Exception):
    """The query is malformed, or asks for what is not supported here; the text says which."""


def parse_condition(text: str, field_name: Callable[[str], str]) -> FieldCondition:
    """Read what follows ``filter``; raises QueryError. ``field_name`` checks the name of a field."""
    return _FilterParser(text, field_name).whole()


class _FilterParser:
    """``not`` binds closer than ``and``, and that closer than ``or``."""

    def __init__(self, text: str, field_name: Callable[[str], str]) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._field_name = field_name

    def whole(self) -> FieldCondition:
        parsed = self._any_of()
        if self._at < len(self._tokens):
            raise QueryError(f"filter: unexpected {self._tokens[self._at][1]}")
        return parsed

    def _any_of(self) -> FieldCondition:
        parts = [self._all_of()]
        while self._take_word("or"):
            parts.append(self._all_of())
        return lambda values: any(part(values) for part in parts)

    def _all_of(self) -> FieldCondition:
        parts = [self._one()]
        while self._take_word("and"):
            parts.append(self._one())
        return lambda values: all(part(values) for part in parts)

    def _one(self) -> FieldCondition:
        if self._take_word("not"):
            inner = self._one()
            return lambda values: not inner(values)
        if self._take("punctuation", "("):
            inner = self._any_of()
            self._expect(")")
            return inner
        name = self._next("name")
        if self._take("punctuation", "("):
            return self._present(name)
        return self._compared(self._field_name(name))

    def _present(self, function: str) -> FieldCondition:
        if function.lower() not in _PRESENCE:
            raise QueryError(f"filter: the local AWS does not know the function {function}")
        name = self._field_name(self._next("name"))
        self._expect(")")
        return lambda values: name in values

    def _compared(self, name: str) -> FieldCondition:
        is_negated = self._take_word("not")
        if self._take_word("like") or (not is_negated and self._take("operator", "=~")):
            return _negated(self._like(name), is_negated)
        if self._take_word("in"):
            return _negated(self._in(name), is_negated)
        if is_negated:
            raise QueryError("filter: not like or not in expected")
        sign = self._next("operator")
        return _comparison(name, sign, self._value())

    def _like(self, name: str) -> FieldCondition:
        kind, text = self._token()
        if kind == "regex":
            pattern = _compiled(text)
        elif kind == "text":
            pattern = re.compile(re.escape(_unquoted(text)))
        else:
            raise QueryError(f"filter: like needs a text or a regular expression, not {text}")
        return lambda values: name in values and pattern.search(str(values[name])) is not None

    def _in(self, name: str) -> FieldCondition:
        self._expect("[")
        allowed = [self._value()]
        while self._take("punctuation", ","):
            allowed.append(self._value())
        self._expect("]")
        conditions = [_comparison(name, "=", value) for value in allowed]
        return lambda values: any(condition(values) for condition in conditions)

    def _value(self) -> str | float:
        kind, text = self._token()
        if kind == "number":
            return float(text)
        if kind == "text":
            return _unquoted(text)
        raise QueryError(f"filter: compare with a text in quotes or a number, not with {text}")

    def _token(self) -> tuple[str, str]:
        if self._at == len(self._tokens):
            raise QueryError("filter: it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def _next(self, kind: str) -> str:
        found, text = self._token()
        if found != kind:
            raise QueryError(f"filter: {kind} expected, not {text}")
        return text

    def _take(self, kind: str, text: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == (kind, text):
            self._at += 1
            return True
        return False

    def _take_word(self, word: str) -> bool:
        if self._at < len(self._tokens):
            kind, text = self._tokens[self._at]
            if kind == "name" and text.lower() == word:
                self._at += 1
                return True
        return False

    def _expect(self, text: str) -> None:
        if not self._take("punctuation", text):
            raise QueryError(f"filter: {text} expected")


def _tokens(text: str) -> list[tuple[str, str]]:
    found = []
    at, text = 0, text.rstrip()
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None or token.lastgroup is None:
            raise QueryError(f"filter: not understood: {text[at:].strip()}")
        found.append((token.lastgroup, token[token.lastgroup]))
        at = token.end()
    return found


def _comparison(name: str, sign: str, wanted: str | float) -> FieldCondition:
    if sign not in _COMPARISONS:
        raise QueryError(f"filter: {sign} needs a regular expression")
    compare = _COMPARISONS[sign]

    def holds(values: Mapping[str, Any]) -> bool:
        found = values.get(name)
        if found is None:
            return False  # also of !=, the stricter reading
        if isinstance(wanted, str):
            return compare(str(found), wanted)
        number = _number(found)
        return number is not None and compare(number, wanted)

    return holds


def _negated(condition: FieldCondition, is_negated: bool) -> FieldCondition:
    return (lambda values: not condition(values)) if is_negated else condition


def _compiled(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text.replace("\\/", "/"))
    except re.error as error:
        raise QueryError(f"filter: /{text}/ is no regular expression: {error}") from error


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])
