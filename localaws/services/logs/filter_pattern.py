"""Filter patterns of CloudWatch Logs: which log events match.

Source: "Filter pattern syntax for metric filters, subscription filters, filter log events, and Live Tail" in the
CloudWatch Logs User Guide, with its pages on unstructured and on JSON log events. Where it is silent the stricter
reading holds, so that no event is returned that AWS would not return: a term without quotes is a whole word, and a
comparison of a member that an event does not have is false. Regular expressions, patterns of space-delimited events and
wildcards in selectors are refused by name.
"""

from __future__ import annotations

import fnmatch
import json
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Matches = Callable[[str], bool]  # of an event's message
_DocumentCondition = Callable[[Any], bool]  # of an event's JSON document

_TERM = re.compile(r'\s*([-?]?)(?:"((?:[^"\\]|\\.)*)"|(\w+))(?=\s|$)')
_TOKEN = re.compile(
    r"""\s*(?:(?P<punctuation>&&|\|\||[()])|(?P<operator>!=|<=|>=|=|<|>)
    |(?P<selector>\$(?:\.[\w@-]+|\[\d+\]|\[(?:"[^"]*"|'[^']*')\])+)
    |"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<word>[^\s"()&|=!<>]+))""",
    re.VERBOSE,
)
_STEP = re.compile(r"""\.([\w@-]+)|\[(\d+)\]|\[(?:"([^"]*)"|'([^']*)')\]""")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_ABSENT = object()


class FilterPatternError(Exception):
    """The pattern is malformed, or holds what is not supported here; the text says which."""


def parse_filter_pattern(pattern: str) -> Matches:
    """Whether a message matches ``pattern``; raises FilterPatternError. An empty pattern matches everything."""
    text = pattern.strip()
    if text.startswith("["):
        raise FilterPatternError("patterns of space-delimited events are not supported by the local AWS")
    if "%" in re.sub(r'"(?:[^"\\]|\\.)*"', "", text):
        raise FilterPatternError("regular expressions between percent signs are not supported by the local AWS")
    if text.startswith("{"):
        if not text.endswith("}"):
            raise FilterPatternError("a JSON pattern ends with }")
        return _of_json(_PatternParser(text[1:-1]).condition())
    return _of_terms(text)


def _of_terms(text: str) -> Matches:
    wanted: list[Matches] = []
    optional: list[Matches] = []
    unwanted: list[Matches] = []
    at = 0
    while at < len(text):
        found = _TERM.match(text, at)
        if found is None:
            raise FilterPatternError(f"not a term, or one that needs quotes: {text[at:].strip()}")
        sign, quoted, word = found.groups()
        kind = {"": wanted, "?": optional, "-": unwanted}[sign]
        kind.append(_holds_word(word) if quoted is None else _holds(_unquoted(quoted)))
        at = found.end()
    if optional and (wanted or unwanted):
        raise FilterPatternError("optional terms (?) cannot be combined with other terms")
    if optional:
        return lambda message: any(term(message) for term in optional)
    return lambda message: all(term(message) for term in wanted) and not any(term(message) for term in unwanted)


def _holds(phrase: str) -> Matches:
    return lambda message: phrase.strip() in message


def _holds_word(word: str) -> Matches:
    pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
    return lambda message: pattern.search(message) is not None


def _of_json(condition: _DocumentCondition) -> Matches:
    def matches(message: str) -> bool:
        try:
            document = json.loads(message)
        except ValueError:
            return False
        return isinstance(document, dict | list) and condition(document)

    return matches


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


class _PatternParser:
    """Conditions on JSON documents: ``&&`` binds closer than ``||``."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0

    def condition(self) -> _DocumentCondition:
        """The whole of it."""
        parsed = self._any_of()
        if self._at < len(self._tokens):
            raise FilterPatternError(f"unexpected {self._tokens[self._at].text}")
        return parsed

    def _any_of(self) -> _DocumentCondition:
        parts = [self._all_of()]
        while self._take("||"):
            parts.append(self._all_of())
        return lambda document: any(part(document) for part in parts)

    def _all_of(self) -> _DocumentCondition:
        parts = [self._one()]
        while self._take("&&"):
            parts.append(self._one())
        return lambda document: all(part(document) for part in parts)

    def _one(self) -> _DocumentCondition:
        if self._take("("):
            inner = self._any_of()
            if not self._take(")"):
                raise FilterPatternError("a parenthesis is not closed")
            return inner
        steps = _steps(self._next("selector").text)
        if self._take("NOT"):
            self._expect("EXISTS")
            return lambda document: _select(document, steps) is _ABSENT
        if self._take("IS"):
            return _is(steps, self._next("word").text)
        return _compared(steps, self._next("operator").text, self._value())

    def _value(self) -> _Token:
        token = self._next()
        if token.kind not in {"quoted", "word"}:
            raise FilterPatternError(f"a value is expected, not {token.text}")
        return token

    def _next(self, kind: str | None = None) -> _Token:
        if self._at == len(self._tokens):
            raise FilterPatternError(f"ends where {kind or 'a value'} is expected")
        token = self._tokens[self._at]
        if kind not in (None, token.kind):
            raise FilterPatternError(f"{kind} expected, not {token.text}")
        self._at += 1
        return token

    def _take(self, text: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] in (
            _Token("punctuation", text),
            _Token("word", text),
        ):
            self._at += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise FilterPatternError(f"{word} expected")


def _tokens(text: str) -> list[_Token]:
    found = []
    at = 0
    text = text.rstrip()
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None or token.lastgroup is None:
            raise FilterPatternError(f"not understood: {text[at:].strip()}")
        if token.lastgroup == "word" and token["word"].startswith(("$", "[")):
            raise FilterPatternError(f"selector not supported by the local AWS: {token['word']}")
        found.append(_Token(token.lastgroup, token[token.lastgroup]))
        at = token.end()
    return found


def _steps(selector: str) -> list[str | int]:
    """The way to a member: names of objects, indices of arrays."""
    return [
        int(index) if index else name or double or single for name, index, double, single in _STEP.findall(selector)
    ]


def _select(document: Any, steps: Sequence[str | int]) -> Any:
    for step in steps:
        if isinstance(step, int):
            if not isinstance(document, list) or step >= len(document):
                return _ABSENT
            document = document[step]
        elif isinstance(document, dict) and step in document:
            document = document[step]
        else:
            return _ABSENT
    return document


def _is(steps: Sequence[str | int], what: str) -> _DocumentCondition:
    wanted = {"NULL": None, "TRUE": True, "FALSE": False}
    if what not in wanted:
        raise FilterPatternError(f"IS {what} is unknown: IS NULL, IS TRUE or IS FALSE")
    return lambda document: _select(document, steps) is wanted[what]


def _compared(steps: Sequence[str | int], sign: str, value: _Token) -> _DocumentCondition:
    if value.kind == "word" and _NUMBER.fullmatch(value.text):
        number, compare = float(value.text), _COMPARISONS[sign]

        def of_number(document: Any) -> bool:
            found = _select(document, steps)
            return isinstance(found, int | float) and not isinstance(found, bool) and compare(found, number)

        return of_number
    if sign not in {"=", "!="}:
        raise FilterPatternError(f"{sign} compares numbers only, not {value.text}")
    text = _unquoted(value.text) if value.kind == "quoted" else value.text
    pattern = re.compile(fnmatch.translate(re.sub(r"([\[?])", r"[\1]", text)))

    def of_text(document: Any) -> bool:
        found = _select(document, steps)
        if text == "*" and sign == "=":  # how the CDK asks whether a member exists
            return found is not _ABSENT
        return isinstance(found, str) and (pattern.match(found) is not None) == (sign == "=")

    return of_text


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
