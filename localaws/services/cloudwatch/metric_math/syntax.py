"""Parses metric math into a tree. Knows the grammar only; names are resolved at evaluation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


class ExpressionError(Exception):
    """An expression that cannot be parsed or computed; the text gives the reason."""


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Identifier:
    """The id of another query, or a keyword such as REPEAT."""

    name: str


@dataclass(frozen=True, slots=True)
class Text:
    value: str


@dataclass(frozen=True, slots=True)
class Negation:
    operand: Node


@dataclass(frozen=True, slots=True)
class BinaryOperation:
    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class FunctionCall:
    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    items: tuple[Node, ...]


Node = Number | Identifier | Text | Negation | BinaryOperation | FunctionCall | Listing

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)
        |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
        |(?P<text>"[^"]*"|'[^']*')
        |(?P<sign>&&|\|\||[=!<>]=|[-+*/<>()\[\],]))""",
    re.VERBOSE,
)
_SPELLINGS = {"&&": "AND", "||": "OR"}
_LEVELS = (("OR",), ("AND",), ("==", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/"))  # loosest first


def parse(expression: str) -> Node:
    """The tree of an expression. ExpressionError if it is not one."""
    reader = _ExpressionReader(list(_tokens(expression)))
    tree = reader.operation(0)
    reader.expect("end")
    return tree


def names(node: Node) -> Iterator[str]:
    """Every name an expression mentions, keywords included."""
    match node:
        case Identifier(name):
            yield name
        case Negation(operand):
            yield from names(operand)
        case BinaryOperation(_, left, right):
            yield from names(left)
            yield from names(right)
        case FunctionCall(_, children) | Listing(children):
            for child in children:
                yield from names(child)


def _tokens(expression: str) -> Iterator[tuple[str, str]]:
    position, text = 0, expression.rstrip()
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise ExpressionError(f"unexpected character at position {position}: {text[position:][:10]!r}")
        position = found.end()
        kind = str(found.lastgroup)
        value = _SPELLINGS.get(found[kind], found[kind])
        yield ("sign" if value in ("AND", "OR") else kind), value
    yield "end", "end"


class _ExpressionReader:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    def operation(self, level: int) -> Node:
        if level == len(_LEVELS):
            return self._operand()
        left = self.operation(level + 1)
        while self._next() in [("sign", sign) for sign in _LEVELS[level]]:
            left = BinaryOperation(self._take(), left, self.operation(level + 1))
        return left

    def expect(self, value: str) -> None:
        if self._next()[1] != value or self._next()[0] == "text":
            raise ExpressionError(f"expected {value!r}, found {self._next()[1]!r}")
        self._at += 1

    def _operand(self) -> Node:
        kind, value = self._next()
        if (kind, value) == ("sign", "-"):
            self._take()
            return Negation(self._operand())
        if (kind, value) in (("sign", "("), ("sign", "[")):
            return self._bracketed()
        if kind not in ("number", "name", "text"):
            raise ExpressionError(f"expected a value, found {value!r}")
        self._take()
        if kind == "number":
            return Number(float(value))
        if kind == "text":
            return Text(value[1:-1])
        return FunctionCall(value, self._list(")")) if self._next() == ("sign", "(") else Identifier(value)

    def _bracketed(self) -> Node:
        if self._next()[1] == "[":
            return Listing(self._list("]"))
        self._take()
        inner = self.operation(0)
        self.expect(")")
        return inner

    def _list(self, close: str) -> tuple[Node, ...]:
        """Comma-separated values between the opening bracket, which is next, and ``close``."""
        self._take()
        items: list[Node] = []
        while self._next() != ("sign", close):
            if items:
                self.expect(",")
            items.append(self.operation(0))
        self._take()
        return tuple(items)

    def _next(self) -> tuple[str, str]:
        return self._tokens[self._at]

    def _take(self) -> str:
        value = self._tokens[self._at][1]
        self._at += 1
        return value
